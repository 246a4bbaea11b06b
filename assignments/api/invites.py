"""`/identity-invites`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.invite_shapes import (
    InviteBulk,
    InviteBulkAnswer,
    InviteCreate,
    InviteMade,
    InvitePage,
    InviteQuery,
    InviteRenewed,
    InviteResend,
    InviteRow,
    InviteSummary,
    invite_row,
    made_invite_row,
    new_invite,
    planned_invite_row,
    summary_row,
)
from assignments.api.serializers import assignment_row
from assignments.invitations import count_invitations, get_invitation, invitations_of
from assignments.models import Assignment
from assignments.services.invitations import (
    plan_resend,
    plan_revocation,
    resend_invitation,
    revoke_invitation,
)
from assignments.services.invite import invite_identities, invite_identity
from assignments.services.invite_plan import NewInvite, PlannedInvite, plan_invites
from common.api.bulk import answer_plan, answer_rows
from common.api.endpoints import Endpoint
from common.api.pagination import ordered, paged
from common.api.parsers import MAX_BULK_BODY_BYTES
from common.api.serializers import BulkQuery, WriteQuery
from common.api.versions import etag, versioned
from common.outcomes import require_value
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope
from identities.links import link_of
from identities.models import Invitation

VIEW, MANAGE = Scope.IDENTITY_VIEW, Scope.IDENTITY_MANAGE
_COLUMNS = {
    "email": ("identity__email",),
    "name": ("identity__first_name", "identity__last_name", "identity__email"),
    "expires_at": ("expires_at",),
    "created_at": ("created_at",),
}


class InviteViewSet(EnvironmentViewSet):
    """Invitations of end users, with their first role or without."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List invitations", query=InviteQuery, answer=InvitePage),
        "summary": Endpoint(VIEW, "Count invitations", answer=InviteSummary),
        "create": Endpoint(
            MANAGE,
            "Invite someone, with a first role if they shall have one",
            query=WriteQuery,
            body=InviteCreate,
            answer=InviteMade,
            status=201,
            creates=True,
            secrets=("accept_url",),
        ),
        "bulk_create": Endpoint(
            MANAGE,
            "Invite up to 10,000 people; each row stands for itself",
            query=BulkQuery,
            body=InviteBulk,
            answer=InviteBulkAnswer,
            statuses=(207,),
            max_body_bytes=MAX_BULK_BODY_BYTES,
            creates=True,
            secrets=("accept_url",),
        ),
        "retrieve": Endpoint(VIEW, "Show an invitation", answer=InviteRow),
        "resend": Endpoint(
            MANAGE,
            "Give an invitation a new link; the old one is dead",
            query=WriteQuery,
            body=InviteResend,
            answer=InviteRenewed,
            creates=True,
            secrets=("accept_url",),
        ),
        "destroy": Endpoint(
            MANAGE,
            "Revoke a pending invitation with what was assigned with it",
            query=WriteQuery,
            status=204,
        ),
    }

    def present(self, row: Invitation | Assignment) -> dict[str, Any]:
        """One invitation as it is shown, or the assignment that a first role would overlap."""
        if isinstance(row, Assignment):
            return assignment_row(row)
        return invite_row(row, self.environment)

    def list(self, request: Request) -> Response:
        """A page of invitations."""
        rows = invitations_of(self.environment)
        if "status" in self.params:
            rows = rows.filter(Q(state=self.params["status"]))
        if "q" in self.params:
            rows = rows.search(self.params["q"])
        rows = ordered(rows, self.params, _COLUMNS)
        return Response(paged(rows, self.params, self.present))

    def summary(self, request: Request) -> Response:
        """The invitations in six numbers."""
        return Response(summary_row(count_invitations(self.environment)))

    def create(self, request: Request) -> Response:
        """Someone invited."""
        new = new_invite(self.data)
        if self.params["dry_run"]:
            return answer_plan(lambda: self._preview(self._plan(new)), code=201, given=request.data)
        row = invite_identity(actor=self.actor, environment=self.environment, new=new)
        return versioned(made_invite_row(row, self.environment), status=201)

    def bulk_create(self, request: Request) -> Response:
        """Many people invited."""
        actor, environment = self.actor, self.environment
        return answer_rows(
            request,
            inputs=self.data["invites"],
            shape=InviteCreate,
            read=new_invite,
            plan=lambda rows: plan_invites(actor, environment, rows),
            act=partial(invite_identities, actor=actor, environment=environment),
            preview=self._preview,
            present=lambda row: made_invite_row(row, environment),
            code=201,
            **self.params,
        )

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One invitation."""
        return versioned(self.present(get_invitation(self.environment, pk)))

    def resend(self, request: Request, pk: UUID) -> Response:
        """An invitation with a new link."""
        if self.params["dry_run"]:
            return answer_plan(
                lambda: _renewed(plan_resend(self.actor, self.environment, pk), None),
                code=200,
                given=request.data,
            )
        row = resend_invitation(
            actor=self.actor, environment=self.environment, invitation_id=pk, **self.data
        )
        return Response(_renewed(row, link_of(row)), headers=etag(row.version))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """An invitation revoked."""
        if self.params["dry_run"]:
            return answer_plan(lambda: self._effects(pk), code=204)
        batch_id = revoke_invitation(
            actor=self.actor, environment=self.environment, invitation_id=pk
        )
        return Response(status=204, headers={"X-Batch-ID": str(batch_id)})

    def _plan(self, new: NewInvite) -> PlannedInvite:
        [outcome] = plan_invites(self.actor, self.environment, [new])
        return require_value(outcome)

    def _preview(self, planned: PlannedInvite) -> dict[str, Any]:
        return planned_invite_row(planned, self.actor, self.environment)

    def _effects(self, pk: UUID) -> dict[str, Any]:
        plan = plan_revocation(self.actor, self.environment, pk)
        return {"revoked_assignments": plan.assignments, "identity_removed": plan.removes}


def _renewed(row: Invitation, link: str | None) -> dict[str, Any]:
    return {"message": f"{row.identity.email} has a new link for 7 days.", "accept_url": link}
