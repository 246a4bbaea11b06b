"""Serializers that refuse what they do not know, and the queries of lists."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from common.api.fields import Choice, CleanText, Flag, Whole


class Strict(serializers.Serializer):
    """Takes a JSON object with its own fields and no others."""

    unknown = "unknown field"

    @classmethod
    def read_plain(cls, data: Any) -> dict[str, Any] | None:
        """Read a body that is plainly well formed without the cost of fields, where that counts.

        Args:
            data: what was sent.

        Returns:
            What the fields would have made of it, or None to leave it to them.
        """
        return None

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """See `Serializer`; null is no object either, and a refusal names what it is about.

        Raises:
            ValidationError: as `to_internal_value`.
        """
        if data is None:
            raise serializers.ValidationError({"body": "must be an object"})
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        """See `Serializer`.

        Raises:
            ValidationError: naming each field that is unknown or wrong.
        """
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"body": "must be an object"})
        # An empty name is shown by its quotes, since the line has to begin with something.
        unknown = sorted(str(name)[:100] or '""' for name in data if name not in self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown[:20], self.unknown))
        return super().to_internal_value(data)


class Query(Strict):
    """Query parameters: each at most once, none unknown."""

    from_query = True
    unknown = "unknown parameter"


class NoQuery(Query):
    """For routes that take no query parameters."""

    @classmethod
    def read_plain(cls, data: Any) -> dict[str, Any] | None:
        """See `Strict`."""
        return None if data else {}


class WriteQuery(Query):
    """What every write takes that can be planned."""

    dry_run = Flag(default=False, help_text="Answer 200 with the plan; nothing is written.")


class BulkQuery(WriteQuery):
    """What every write of many rows takes."""

    atomic = Flag(default=False, help_text="All rows or none.")


class ListQuery(Query):
    """What every paged list takes; lists add their filters and set `sort_by`'s choices."""

    page = Whole(default=1, min_value=1, max_value=1_000_000, help_text="Page, from 1.")
    take = Whole(default=20, min_value=1, max_value=100, help_text="Rows a page, 1 to 100.")
    q = CleanText(required=False, max_length=200, help_text="Rows that contain this text.")
    order = Choice(choices=["asc", "desc"], required=False)


class FeedQuery(Query):
    """What every feed takes."""

    cursor = CleanText(required=False, max_length=2000, help_text="next_cursor of the page before.")
    limit = Whole(default=50, min_value=1, max_value=200, help_text="Rows a page, 1 to 200.")


class Message(serializers.Serializer):
    """What was done, in a sentence."""

    message = serializers.CharField()
