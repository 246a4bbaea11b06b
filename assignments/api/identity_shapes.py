"""The shapes of identities together with what they hold."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assignments.models import Assignment
from assignments.services.people import FirstRole
from common.api.fields import Flag, Id, Instant, NodeRef
from common.api.pagination import list_of, page_of
from common.api.serializers import Strict
from identities.api.serializers import IdentityCreate, IdentityQuery, IdentityRow, identity_row
from identities.models import Identity

_WINDOW = ("effective_from", "effective_to")


class WithFirstRole(Strict):
    """The first role that someone new is given, if any: `first` in the validated data."""

    role_id = Id(required=False)
    node_id = NodeRef(required=False)
    effective_from = Instant(required=False, allow_null=True)
    effective_to = Instant(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; a role has a place, a window has a role."""
        attrs = super().validate(attrs)
        for given, missing in (("role_id", "node_id"), ("node_id", "role_id")):
            if given in attrs and missing not in attrs:
                raise serializers.ValidationError({missing: f"is needed with {given}"})
        for name in _WINDOW:
            if name in attrs and "role_id" not in attrs:
                raise serializers.ValidationError({name: "goes with role_id and node_id only"})
        if "role_id" in attrs:
            window = {name: attrs.pop(name) for name in _WINDOW if name in attrs}
            attrs["first"] = FirstRole(attrs.pop("role_id"), attrs.pop("node_id"), **window)
        return attrs


class AssignedIdentityCreate(WithFirstRole, IdentityCreate):
    """What a new identity needs, with its first role if it shall have one."""


class HeldRole(serializers.Serializer):
    """A role that an identity holds, with where and when."""

    assignment_id = serializers.UUIDField(source="pk")
    id = serializers.UUIDField(source="role_id")
    name = serializers.CharField(source="role.name")
    node_id = serializers.UUIDField()
    node_name = serializers.CharField(source="node.name")
    effective_from = Instant(allow_null=True)
    effective_to = Instant(allow_null=True)
    state = serializers.ChoiceField(choices=Assignment.State.choices)


class IdentityDetail(IdentityRow):
    """An identity with all there is to know of it."""

    metadata = serializers.DictField()
    email_verified = serializers.BooleanField()
    roles = HeldRole(many=True)
    can_manage = serializers.BooleanField()
    updated_at = Instant()


class WithRolesQuery(IdentityQuery):
    """Which identities, by what they hold."""

    role_id = Id(required=False, help_text="Those who hold this role somewhere.")
    no_assignment = Flag(required=False, help_text="Those who hold nothing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; nobody holds a role and nothing."""
        if "role_id" in attrs and "no_assignment" in attrs:
            raise serializers.ValidationError({"no_assignment": "does not go with role_id"})
        return attrs


class IdentityWithRoles(IdentityRow):
    """An identity with what it holds."""

    roles = HeldRole(many=True)


IdentityWithRolesPage = page_of(IdentityWithRoles, "IdentityWithRolesPage")


def identity_with_roles_row(row: Identity) -> dict[str, Any]:
    """One identity with what it holds.

    Args:
        row: read by `identities_with_roles`.

    Returns:
        JSON-ready but for ids.
    """
    held = row.live_assignments  # type: ignore[attr-defined]  # read ahead
    return {**identity_row(row), "roles": HeldRole(held, many=True).data}


class IdentitySummaryRow(serializers.Serializer):
    """The identities in three numbers."""

    total_identities = serializers.IntegerField()
    assigned_count = serializers.IntegerField()
    unassigned_count = serializers.IntegerField()


class GrantRow(serializers.Serializer):
    """A permission with the nodes at which it is granted; it holds at each and below."""

    permission = serializers.CharField()
    node_ids = serializers.ListField(child=serializers.UUIDField())


GrantList = list_of(GrantRow, "GrantList")
