"""`/identities` as they are read, and what of writing to them concerns assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.identity_shapes import (
    AssignedIdentityCreate,
    GrantList,
    GrantRow,
    HeldRole,
    IdentityDetail,
    IdentitySummaryRow,
    IdentityWithRolesPage,
    WithRolesQuery,
    identity_with_roles_row,
)
from assignments.api.lists import holders_page
from assignments.api.serializers import HolderPage, HolderQuery, KeyList
from assignments.decision.grants_of import grants_of
from assignments.decision.held import permissions_held
from assignments.holders import identities_with_roles, identity_summary, live_assignments_of
from assignments.queries import assignments_of
from assignments.services.people import (
    FirstRole,
    create_assigned_identity,
    plan_assigned_identity,
)
from assignments.services.removal import (
    IdentityRemoval,
    plan_identity_removal,
    remove_identity,
)
from assignments.sight import get_identity_seen, identities_seen
from common.api.bulk import answer_plan
from common.api.endpoints import Endpoint
from common.api.fields import Instant
from common.api.pagination import ordered, paged
from common.api.serializers import WriteQuery
from common.api.versions import expected_version, versioned
from common.refs import Ref
from environments.scopes import Scope
from identities.api.serializers import (
    IdentityPage,
    IdentityQuery,
    IdentityRow,
    planned_identity_row,
)
from identities.api.views import MANAGE, VIEW, IdentityViewSet
from identities.models import Identity, IdentityQuerySet, Invitation
from identities.services.identities import NewIdentity, create_identity, plan_identity

_COLUMNS = {
    "email": ("email",),
    "name": ("first_name", "last_name", "email"),
    "created_at": ("created_at",),
}


class AssignedIdentityViewSet(IdentityViewSet):
    """Identities together with what they hold."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        **IdentityViewSet.endpoints,
        "list": Endpoint(VIEW, "List identities", query=IdentityQuery, answer=IdentityPage),
        "with_roles": Endpoint(
            VIEW,
            "List identities with what they hold",
            query=WithRolesQuery,
            answer=IdentityWithRolesPage,
        ),
        "summary": Endpoint(VIEW, "Count identities", answer=IdentitySummaryRow),
        "create": Endpoint(
            MANAGE,
            "Make an identity known, with a first role if it shall have one",
            query=WriteQuery,
            body=AssignedIdentityCreate,
            answer=IdentityRow,
            status=201,
            creates=True,
        ),
        "retrieve": Endpoint(VIEW, "Show an identity", answer=IdentityRow),
        "destroy": Endpoint(
            MANAGE,
            "Remove an identity and revoke what it holds",
            query=WriteQuery,
            status=204,
            versioned=True,
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
        "grants": Endpoint(
            VIEW, "List what an identity may do, and at which nodes it is granted", answer=GrantList
        ),
    }

    def list(self, request: Request) -> Response:
        """A page of identities."""
        rows = self._narrowed(identities_seen(self.environment))
        return Response(paged(rows, self.params, self.present))

    def with_roles(self, request: Request) -> Response:
        """A page of identities with what they hold."""
        rows = identities_with_roles(
            self.environment,
            role_id=self.params.get("role_id"),
            without_any=self.params.get("no_assignment", False),
        )
        return Response(paged(self._narrowed(rows), self.params, identity_with_roles_row))

    def summary(self, request: Request) -> Response:
        """The identities in three numbers."""
        return Response(IdentitySummaryRow(identity_summary(self.environment)).data)

    def create(self, request: Request) -> Response:
        """A new identity, with its first role where one is named."""
        first = self.data.pop("first", None)
        to: dict[str, Any] = {
            "actor": self.actor,
            "environment": self.environment,
            "new": NewIdentity(**self.data),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: planned_identity_row(_planned(to, first)), code=201, given=request.data
            )
        row = (
            create_identity(**to) if first is None else create_assigned_identity(**to, first=first)
        )
        return versioned(self.present(row), status=201)

    def retrieve(self, request: Request, pk: Ref) -> Response:
        """One identity."""
        return versioned(self.present(get_identity_seen(self.environment, pk)))

    def destroy(self, request: Request, pk: Ref) -> Response:
        """An identity removed."""
        removal: dict[str, Any] = {
            "actor": self.actor,
            "environment": self.environment,
            "identity": pk,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(lambda: _effects(plan_identity_removal(**removal)), code=204)
        batch_id = remove_identity(**removal)
        return Response(status=204, headers={"X-Batch-ID": str(batch_id)})

    def describe(self, request: Request, pk: Ref) -> Response:
        """One identity with its live roles."""
        row = get_identity_seen(self.environment, pk)
        held = live_assignments_of(self.environment).filter(identity=row)
        accepted = row.invitations.filter(status=Invitation.Status.ACCEPTED)
        detail = {
            **self.present(row),
            "metadata": row.metadata,
            "email_verified": accepted.exists(),
            "roles": HeldRole(held, many=True).data,
            "can_manage": MANAGE in self.actor.scopes,
            "updated_at": Instant().to_representation(row.updated_at),
        }
        return versioned(detail)

    def assignments(self, request: Request, pk: Ref) -> Response:
        """A page of what an identity holds."""
        row = get_identity_seen(self.environment, pk)
        rows = assignments_of(self.environment).filter(identity=row).all_direct()
        return Response(holders_page(self.environment, rows, self.params))

    def permissions(self, request: Request, pk: Ref) -> Response:
        """The keys of what an identity may do somewhere."""
        row = get_identity_seen(self.environment, pk)
        return Response({"items": permissions_held(self.environment, row)})

    def grants(self, request: Request, pk: Ref) -> Response:
        """What an identity may do, and where that is granted."""
        row = get_identity_seen(self.environment, pk)
        held = grants_of(self.environment, row)
        return Response({"items": GrantRow(held, many=True).data})

    def _narrowed(self, rows: IdentityQuerySet) -> IdentityQuerySet:
        """As `IdentityQuery` narrows and orders them."""
        if "status" in self.params:
            rows = rows.filter(status=self.params["status"])
        if "q" in self.params:
            rows = rows.search(self.params["q"])
        return ordered(rows, self.params, _COLUMNS)


def _planned(to: dict[str, Any], first: FirstRole | None) -> Identity:
    if first is None:
        return plan_identity(**to)
    row, _ = plan_assigned_identity(**to, first=first)
    return row


def _effects(plan: IdentityRemoval) -> dict[str, int]:
    return {"revoked_assignments": plan.assignments, "revoked_invitations": plan.invitations}
