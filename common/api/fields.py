"""Serializer fields that take exactly what they say: no number for a text, no time without a zone."""

import re
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.refs import Ref, is_external_id, is_uuid, parse_ref
from common.text import UnwantedCharacter, clean_json, clean_text

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:(?!60)\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII
)
MAX_METADATA_CHARACTERS = 16_384
MOST_SHRINKING = 4


class CleanText(serializers.CharField):
    """A text under `clean_text`'s rule.

    Args:
        multiline: whether tabs and line breaks may stand in it.
        options: as for `CharField`.
    """

    default_error_messages = {"invalid": "must be a text"}

    def __init__(self, *, multiline: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.multiline = multiline

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """See `Field`; checks before anything else looks at the text."""
        if isinstance(data, str):
            # Normal form makes a text at most so much shorter; what is longer need not be looked at.
            if self.max_length and len(data) > MOST_SHRINKING * self.max_length:
                self.fail("max_length", max_length=self.max_length)
            try:
                data = clean_text(data, multiline=self.multiline)
            except UnwantedCharacter as error:
                raise serializers.ValidationError(str(error), code="unwanted") from error
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """See `Field`."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class OrNull(serializers.CharField):
    """A text to show, of which nothing is shown as null."""

    def __init__(self) -> None:
        super().__init__(allow_null=True, read_only=True)

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]  # null is what it is for
        """See `Field`."""
        return value or None


class Flag(serializers.BooleanField):
    """`true` or `false` in JSON; the same two words in a query."""

    default_error_messages = {"invalid": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        """See `Field`."""
        if isinstance(data, bool):
            return data
        if data not in ("true", "false") or not getattr(self.root, "from_query", False):
            self.fail("invalid")
        return data == "true"


class Whole(serializers.IntegerField):
    """A whole number; in a query its digits."""

    default_error_messages = {"invalid": "must be a whole number"}

    def to_internal_value(self, data: Any) -> int:
        """See `Field`."""
        from_query = getattr(self.root, "from_query", False)
        if isinstance(data, bool) or not isinstance(data, str if from_query else int):
            self.fail("invalid")
        if isinstance(data, str) and not re.fullmatch(r"-?[0-9]{1,9}", data):
            self.fail("invalid")
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of a few words; a refusal names them."""

    def fail(self, key: str, **values: Any) -> NoReturn:
        """See `Field`."""
        if key == "invalid_choice":
            raise serializers.ValidationError(f"must be one of {', '.join(self.choices)}", code=key)
        super().fail(key, **values)


class Id(serializers.UUIDField):
    """An id of ours, in its one form of 36 characters."""

    default_error_messages = {"invalid": "must be a UUID"}

    def to_internal_value(self, data: Any) -> UUID:
        """See `Field`."""
        if not isinstance(data, str) or not is_uuid(data):
            self.fail("invalid")
        return UUID(data)


@extend_schema_field({"type": "string", "description": "A UUID or `ext:<external_id>`."})
class NodeRef(serializers.Field):
    """A node by id or `ext:<external_id>`."""

    takes_email = False

    def to_internal_value(self, data: Any) -> Ref:
        """See `Field`."""
        if not isinstance(data, str):
            raise serializers.ValidationError("must be a text")
        try:
            return parse_ref(data, email=self.takes_email)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: Any) -> str:
        """See `Field`."""
        return str(value)


@extend_schema_field(
    {"type": "string", "description": "A UUID, `ext:<external_id>` or `email:<address>`."}
)
class IdentityRef(NodeRef):
    """An identity by id, `ext:<external_id>` or `email:<address>`."""

    takes_email = True


class ExternalId(CleanText):
    """A caller's own id."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=128, **options)

    def to_internal_value(self, data: Any) -> str:
        """See `Field`."""
        text = super().to_internal_value(data)
        if not is_external_id(text):
            raise serializers.ValidationError(
                "must be 1 to 128 of A-Z a-z 0-9 . _ : @ + - and not look like a UUID"
            )
        return text


class Instant(serializers.DateTimeField):
    """A point in time as RFC 3339 writes it, always with its zone; sent in UTC with `Z`."""

    def to_internal_value(self, value: Any) -> datetime:
        """See `Field`."""
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise serializers.ValidationError(
                "must be a date and time with a zone, such as 2026-05-01T00:00:00Z"
            )
        try:
            moment = datetime.fromisoformat(value)
            offset = moment.utcoffset()
            if offset and moment.year in (1, 9999):
                raise ValueError
            return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise serializers.ValidationError("must be a date and time that exists") from error

    def to_representation(self, value: datetime | None) -> str | None:  # type: ignore[override]  # null stays null
        """See `Field`."""
        if value is None:
            return None
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Metadata(serializers.JSONField):
    """A JSON object of the caller's own, up to 16,384 characters."""

    default_error_messages = {
        "max_length": f"must not be longer than {MAX_METADATA_CHARACTERS} characters"
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """See `Field`."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object")
        if len(str(data)) > MOST_SHRINKING * MAX_METADATA_CHARACTERS:
            self.fail("max_length")
        try:
            cleaned: dict[str, Any] = clean_json(super().to_internal_value(data))
        except UnwantedCharacter as error:
            raise serializers.ValidationError(str(error)) from error
        if len(str(cleaned)) > MAX_METADATA_CHARACTERS:
            self.fail("max_length")
        return cleaned
