"""What an invited person tells of themselves."""

from __future__ import annotations

from typing import Any

from django import forms

from common.text import UnwantedCharacter, clean_text
from identities.models import Identity

_LONGEST = Identity._meta.get_field("first_name").max_length


class _Name(forms.CharField):
    """A name under `clean_text`'s rule, which may be left empty."""

    def __init__(self, autocomplete: str) -> None:
        widget = forms.TextInput(attrs={"autocomplete": autocomplete})
        super().__init__(required=False, max_length=_LONGEST, widget=widget)

    def to_python(self, value: Any) -> str:
        """See `Field`."""
        try:
            return clean_text(super().to_python(value) or "")
        except UnwantedCharacter as error:
            raise forms.ValidationError(f"The name {error}.") from error


class NamesForm(forms.Form):
    """The names under which the product will know the person."""

    first_name = _Name("given-name")
    last_name = _Name("family-name")
