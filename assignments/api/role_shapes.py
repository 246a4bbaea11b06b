"""The shapes of permissions and roles."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assignments.permissions import LONGEST_CATEGORY, LONGEST_KEY, is_permission_key
from common.api.fields import CleanText, Flag, Instant, OrNull
from common.api.pagination import list_of
from common.api.serializers import Query, Strict

MOST_PERMISSIONS = 1_000


class PermissionKey(CleanText):
    """Lowercase dotted words, at least two."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_KEY, **options)

    def to_internal_value(self, data: Any) -> str:
        """See `Field`."""
        text = super().to_internal_value(data)
        if not is_permission_key(text):
            raise serializers.ValidationError(
                "must be lowercase words with dots between them, such as invoice.read"
            )
        return text


class PermissionRow(serializers.Serializer):
    """A permission as it is shown."""

    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    description = OrNull()
    category = OrNull()
    source = serializers.CharField(default="custom")  # type: ignore[assignment]  # the contract names it so
    created_at = Instant()
    version = serializers.IntegerField()


PermissionList = list_of(PermissionRow, "PermissionList")


class _PermissionWords(Strict):
    name = CleanText(max_length=150, required=False)
    description = CleanText(max_length=500, required=False, allow_blank=True, multiline=True)
    category = CleanText(max_length=LONGEST_CATEGORY, required=False)


class PermissionNew(_PermissionWords):
    """One new permission."""

    key = PermissionKey()


class PermissionCreate(Strict):
    """New permissions, all or none."""

    permissions = PermissionNew(many=True, allow_empty=False, max_length=MOST_PERMISSIONS)  # type: ignore[call-arg]  # of its list


class PermissionChange(_PermissionWords):
    """What of a permission can be changed; its key cannot."""


class RoleRow(serializers.Serializer):
    """A role as it is shown."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = OrNull()
    is_active = serializers.BooleanField()
    is_system_role = serializers.BooleanField(default=False)
    created_at = Instant()
    updated_at = Instant()
    version = serializers.IntegerField()
    permission_count = serializers.IntegerField()
    member_count = serializers.IntegerField()


RoleList = list_of(RoleRow, "RoleList")


class _CarryingRole(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    member_count = serializers.IntegerField()


class PermissionUsage(serializers.Serializer):
    """Where a permission is used."""

    roles = _CarryingRole(many=True)
    role_count = serializers.IntegerField()
    identity_count = serializers.IntegerField()


class RoleQuery(Query):
    """Which roles."""

    include_inactive = Flag(default=False)


class RoleChange(Strict):
    """What of a role can be changed."""

    name = CleanText(max_length=100, required=False)
    description = CleanText(max_length=500, required=False, allow_blank=True, multiline=True)
    is_active = Flag(required=False)


class KeySet(Strict):
    """Permissions by their keys."""

    permission_keys = serializers.ListField(child=PermissionKey(), max_length=MOST_PERMISSIONS)


class RoleCreate(Strict):
    """What a new role needs."""

    name = CleanText(max_length=100)
    description = CleanText(max_length=500, required=False, allow_blank=True, multiline=True)
    permission_keys = serializers.ListField(
        child=PermissionKey(), required=False, max_length=MOST_PERMISSIONS
    )
