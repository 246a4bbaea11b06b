"""What of `/identities` concerns assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.lists import holders_page
from assignments.api.serializers import HolderPage, HolderQuery, KeyList
from assignments.decision.held import permissions_held
from assignments.models import Assignment
from assignments.queries import assignments_of
from assignments.services.people import create_assigned_identity
from assignments.services.removal import remove_identity
from common.api.endpoints import Endpoint
from common.api.fields import Id, Instant, NodeRef
from common.api.versions import expected_version, versioned
from common.refs import Ref
from environments.scopes import Scope
from identities.api.serializers import IdentityCreate, IdentityRow
from identities.api.views import MANAGE, VIEW, IdentityViewSet
from identities.models import Invitation
from identities.queries import get_identity
from identities.services.identities import NewIdentity


class AssignedIdentityCreate(IdentityCreate):
    """What a new identity needs, with its first role if it shall have one."""

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
        for name in ("effective_from", "effective_to"):
            if name in attrs and "role_id" not in attrs:
                raise serializers.ValidationError({name: "goes with role_id and node_id only"})
        return attrs


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


class AssignedIdentityViewSet(IdentityViewSet):
    """Identities together with what they hold."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        **IdentityViewSet.endpoints,
        "create": Endpoint(
            MANAGE,
            "Make an identity known, with a first role if it shall have one",
            body=AssignedIdentityCreate,
            answer=IdentityRow,
            status=201,
        ),
        "destroy": Endpoint(
            MANAGE, "Remove an identity and revoke what it holds", status=204, versioned=True
        ),
        "describe": Endpoint(
            VIEW, "Show all there is to know of an identity", answer=IdentityDetail
        ),
        "assignments": Endpoint(
            Scope.ASSIGNMENTS_VIEW,
            "List what an identity holds",
            query=HolderQuery,
            answer=HolderPage,
        ),
        "permissions": Endpoint(VIEW, "List what an identity may do somewhere", answer=KeyList),
    }

    def create(self, request: Request) -> Response:
        """A new identity, with its first role where one is named."""
        if "role_id" not in self.data:
            return super().create(request)
        place = {
            name: self.data.pop(name)
            for name in ("role_id", "effective_from", "effective_to")
            if name in self.data
        }
        row = create_assigned_identity(
            actor=self.actor,
            environment=self.environment,
            node=self.data.pop("node_id"),
            new=NewIdentity(**self.data),
            **place,
        )
        return versioned(self.present(row), status=201)

    def destroy(self, request: Request, pk: Ref) -> Response:
        """An identity removed."""
        remove_identity(
            actor=self.actor,
            environment=self.environment,
            identity=pk,
            expected_version=expected_version(request),
        )
        return Response(status=204)

    def describe(self, request: Request, pk: Ref) -> Response:
        """One identity with its live roles."""
        row = get_identity(self.environment, pk)
        held = assignments_of(self.environment).filter(identity=row).live().with_names()
        accepted = row.invitations.filter(status=Invitation.Status.ACCEPTED)
        detail = {
            **self.present(row),
            "metadata": row.metadata,
            "email_verified": accepted.exists(),
            "roles": HeldRole(held.order_by("created_at", "pk"), many=True).data,
            "can_manage": MANAGE in self.actor.scopes,
            "updated_at": Instant().to_representation(row.updated_at),
        }
        return versioned(detail)

    def assignments(self, request: Request, pk: Ref) -> Response:
        """A page of what an identity holds."""
        row = get_identity(self.environment, pk)
        rows = assignments_of(self.environment).filter(identity=row).all_direct()
        return Response(holders_page(self.environment, rows, self.params))

    def permissions(self, request: Request, pk: Ref) -> Response:
        """The keys of what an identity may do somewhere."""
        row = get_identity(self.environment, pk)
        return Response({"items": permissions_held(self.environment, row)})
