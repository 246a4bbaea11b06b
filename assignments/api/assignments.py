"""`/assignments`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.assignment_shapes import (
    AssignmentCounts,
    AssignmentIds,
    RoleOfMany,
    RolesChanged,
    WholeQuery,
    changed_row,
)
from assignments.api.lists import holders_page
from assignments.api.serializers import (
    AssignmentBulk,
    AssignmentBulkAnswer,
    AssignmentChange,
    AssignmentCreate,
    AssignmentQuery,
    AssignmentRow,
    HolderPage,
    assignment_row,
    place_row,
)
from assignments.models import Assignment
from assignments.queries import assignments_of, get_assignment
from assignments.services.assign import (
    NewAssignment,
    assign_role,
    assign_roles,
    plan_assignment,
    plan_assignments,
)
from assignments.services.bulk import (
    change_roles,
    plan_revocations,
    plan_role_changes,
    revoke_assignments,
)
from assignments.services.change import ENDED, change_assignment, plan_change
from assignments.services.revoke import plan_revocation, revoke_assignment
from assignments.sight import get_identity_seen
from assignments.summaries import counts_of
from common.api.bulk import answer_plan, answer_rows
from common.api.endpoints import Endpoint
from common.api.parsers import MAX_BULK_BODY_BYTES
from common.api.serializers import BulkQuery, WriteQuery
from common.api.versions import expected_version, versioned
from common.text import counted
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope
from hierarchy.queries import get_node, subtree_of

VIEW, MANAGE = Scope.ASSIGNMENTS_VIEW, Scope.ASSIGNMENTS_MANAGE


class AssignmentViewSet(EnvironmentViewSet):
    """Who holds which role at which node, and when."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List assignments", query=AssignmentQuery, answer=HolderPage),
        "create": Endpoint(
            MANAGE,
            "Give a role at a node; in effect there and below at once",
            query=WriteQuery,
            body=AssignmentCreate,
            answer=AssignmentRow,
            status=201,
            creates=True,
        ),
        "bulk_create": Endpoint(
            MANAGE,
            "Give up to 10,000 roles; each row stands for itself",
            query=BulkQuery,
            body=AssignmentBulk,
            creates=True,
            answer=AssignmentBulkAnswer,
            statuses=(207,),
            max_body_bytes=MAX_BULK_BODY_BYTES,
        ),
        "retrieve": Endpoint(VIEW, "Show an assignment", answer=AssignmentRow),
        "partial_update": Endpoint(
            MANAGE,
            "Change an assignment's role or window",
            query=WriteQuery,
            body=AssignmentChange,
            answer=AssignmentRow,
            versioned=True,
        ),
        "destroy": Endpoint(MANAGE, "Revoke an assignment at once", query=WriteQuery, status=204),
        "summary": Endpoint(VIEW, "Count assignments by state", answer=AssignmentCounts),
        "bulk_remove": Endpoint(
            MANAGE,
            "Revoke up to 10,000 assignments at once, all or none",
            query=WholeQuery,
            body=AssignmentIds,
            status=204,
            max_body_bytes=MAX_BULK_BODY_BYTES,
        ),
        "bulk_change_role": Endpoint(
            MANAGE,
            "Change the role of up to 10,000 assignments, all or none",
            query=WholeQuery,
            body=RoleOfMany,
            answer=RolesChanged,
            max_body_bytes=MAX_BULK_BODY_BYTES,
        ),
    }

    def present(self, row: Assignment) -> dict[str, Any]:
        """One assignment as it is shown."""
        return assignment_row(row)

    def list(self, request: Request) -> Response:
        """A page of assignments with the names around them."""
        rows = assignments_of(self.environment)
        if "identity_id" in self.params:
            holder = get_identity_seen(self.environment, self.params["identity_id"])
            rows = rows.filter(identity=holder)
        if "node_id" in self.params:
            rows = rows.filter(node=get_node(self.environment, self.params["node_id"]))
        if "subtree" in self.params:
            top = get_node(self.environment, self.params["subtree"])
            rows = rows.filter(node__in=subtree_of(self.environment, top).order_by().values("pk"))
        return Response(holders_page(self.environment, rows.all_direct(), self.params))

    def create(self, request: Request) -> Response:
        """A new assignment."""
        new = _new(self.data)
        if self.params["dry_run"]:
            return answer_plan(
                lambda: place_row(plan_assignment(self.actor, self.environment, new)),
                code=201,
                given=request.data,
            )
        row = assign_role(actor=self.actor, environment=self.environment, new=new)
        return versioned(self.present(row), status=201)

    def bulk_create(self, request: Request) -> Response:
        """Many new assignments."""
        actor, environment = self.actor, self.environment
        return answer_rows(
            request,
            inputs=self.data["assignments"],
            shape=AssignmentCreate,
            read=_new,
            plan=lambda rows: plan_assignments(actor, environment, rows),
            act=partial(assign_roles, actor=actor, environment=environment),
            preview=place_row,
            present=self.present,
            code=201,
            **self.params,
        )

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One assignment."""
        return versioned(self.present(get_assignment(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """An assignment changed."""
        change: dict[str, Any] = {
            **self._act,
            "assignment_id": pk,
            "changes": self.data,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: changed_row(plan_change(**change)), code=200, given=request.data
            )
        return versioned(self.present(change_assignment(**change)))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """An assignment revoked."""
        if self.params["dry_run"]:
            return answer_plan(
                lambda: _effect(plan_revocation(**self._act, assignment_id=pk)), code=204
            )
        revoke_assignment(**self._act, assignment_id=pk)
        return Response(status=204)

    def summary(self, request: Request) -> Response:
        """The assignments in a few numbers."""
        counts = counts_of(assignments_of(self.environment))
        return Response(AssignmentCounts(counts).data)

    def bulk_remove(self, request: Request) -> Response:
        """Many assignments revoked."""
        if self.params["dry_run"]:
            return answer_plan(
                lambda: _effect(*plan_revocations(**self._act, **self.data)),
                code=204,
                given=request.data,
            )
        batch_id = revoke_assignments(**self._act, **self.data)
        headers = {"X-Batch-ID": str(batch_id)} if batch_id else {}
        return Response(status=204, headers=headers)

    def bulk_change_role(self, request: Request) -> Response:
        """The role of many assignments changed."""
        if self.params["dry_run"]:
            return answer_plan(
                lambda: _role_change(len(plan_role_changes(**self._act, **self.data)), None),
                code=200,
                given=request.data,
            )
        batch_id, changed = change_roles(**self._act, **self.data)
        return Response(_role_change(changed, batch_id))

    @property
    def _act(self) -> dict[str, Any]:
        """Who acts where."""
        return {"actor": self.actor, "environment": self.environment}


def _effect(*rows: Assignment) -> dict[str, int]:
    return {"revoked_assignments": sum(row.state not in ENDED for row in rows)}


def _role_change(changed: int, batch_id: UUID | None) -> dict[str, Any]:
    message = f"{counted(changed, 'assignment')} changed."
    return {"message": message, "batch_id": batch_id and str(batch_id)}


def _new(data: Mapping[str, Any]) -> NewAssignment:
    return NewAssignment(
        identity=data["identity_id"],
        role_id=data["role_id"],
        node=data["node_id"],
        effective_from=data.get("effective_from"),
        effective_to=data.get("effective_to"),
    )
