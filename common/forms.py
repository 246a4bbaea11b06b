"""Fields of forms that take what the API's fields take."""

from __future__ import annotations

from typing import Any

from django import forms

from common.text import UnwantedCharacter, clean_text


class NameField(forms.CharField):
    """A name under `clean_text`'s rule."""

    def to_python(self, value: Any) -> str:
        """See `Field`."""
        try:
            return clean_text(super().to_python(value) or "")
        except UnwantedCharacter as error:
            raise forms.ValidationError(f"The name {error}.") from error
