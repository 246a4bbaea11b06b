"""What an invited person tells of themselves."""

from __future__ import annotations

from django import forms

from common.forms import NameField
from identities.models import Identity

_LONGEST = Identity._meta.get_field("first_name").max_length


def _name(autocomplete: str) -> NameField:
    """One that may be left empty."""
    widget = forms.TextInput(attrs={"autocomplete": autocomplete})
    return NameField(required=False, max_length=_LONGEST, widget=widget)


class NamesForm(forms.Form):
    """The names under which the product will know the person."""

    first_name = _name("given-name")
    last_name = _name("family-name")
