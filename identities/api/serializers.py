"""The shapes of identities."""

from __future__ import annotations

from typing import Any

from django.core.validators import EmailValidator
from rest_framework import serializers

from common.api.bulk import Rows, bulk_of
from common.api.fields import Choice, CleanText, ExternalId, Flag, Instant, Metadata
from common.api.pagination import page_of
from common.api.serializers import ListQuery, Strict
from identities.models import Identity
from identities.services.identities import MOST_IDENTITIES


class IdentityRow(serializers.Serializer):
    """An identity as it is shown."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    avatar_url = serializers.URLField(allow_null=True)
    is_active = serializers.BooleanField()
    status = serializers.ChoiceField(choices=Identity.Status.choices)
    created_at = Instant()
    version = serializers.IntegerField()


_instant = Instant().to_representation


def identity_row(row: Identity) -> dict[str, Any]:
    """One identity as `IdentityRow` describes it; a plain function, for answers of ten thousand.

    Args:
        row: the identity.

    Returns:
        JSON-ready.
    """
    return {
        "id": str(row.pk),
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "name": row.name,
        "external_id": row.external_id,
        "avatar_url": None,
        "is_active": row.status == Identity.Status.ACTIVE,
        "status": row.status,
        "created_at": _instant(row.created_at),
        "version": row.version,
    }


def planned_identity_row(row: Identity) -> dict[str, Any]:
    """One identity that is planned, in the shape of one that is there.

    Args:
        row: unsaved.

    Returns:
        JSON-ready; what only a written row has is null.
    """
    row.created_at = None  # type: ignore[assignment]  # the database's to give
    return {**identity_row(row), "id": None}


IdentityPage = page_of(IdentityRow, "IdentityPage")


class IdentityQuery(ListQuery):
    """Which identities, and in what order."""

    status = Choice(
        choices=[choice for choice in Identity.Status.values if choice != Identity.Status.REMOVED],
        required=False,
    )
    sort_by = Choice(choices=["email", "name", "created_at"], default="created_at")


class Email(CleanText):
    """An e-mail address, kept in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=254, validators=[EmailValidator()], **options)

    def to_internal_value(self, data: Any) -> str:
        """See `Field`."""
        return super().to_internal_value(data).lower()


class IdentityFields(Strict):
    """What both a new identity and a change may tell."""

    external_id = ExternalId(required=False, allow_null=True)
    metadata = Metadata(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; null clears."""
        if "metadata" in attrs:
            attrs["metadata"] = attrs["metadata"] or {}
        return attrs


class IdentityCreate(IdentityFields):
    """What a new identity needs."""

    email = Email()
    first_name = CleanText(max_length=100)
    last_name = CleanText(max_length=100)


class IdentityChange(IdentityFields):
    """What of an identity can be changed."""

    first_name = CleanText(max_length=100, required=False)
    last_name = CleanText(max_length=100, required=False)
    is_active = Flag(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; a flag becomes the status it stands for."""
        attrs = super().validate(attrs)
        if "is_active" in attrs:
            active = attrs.pop("is_active")
            attrs["status"] = Identity.Status.ACTIVE if active else Identity.Status.INACTIVE
        return attrs


class IdentityBulk(Strict):
    """Many new identities."""

    identities = Rows(IdentityCreate, most=MOST_IDENTITIES)


IdentityBulkAnswer = bulk_of(IdentityRow, "IdentityBulk")
