"""What of `/nodes` concerns assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.lists import holders_page
from assignments.api.serializers import (
    CascadeQuery,
    HolderIdentity,
    HolderPage,
    NodeHolderQuery,
)
from assignments.queries import assignments_reaching
from assignments.services.removal import delete_node, plan_delete_node
from assignments.summaries import counts_by_access, recent_identities
from common.api.bulk import answer_plan
from common.api.endpoints import Endpoint
from common.api.versions import expected_version
from common.refs import Ref
from environments.scopes import Scope
from hierarchy.api.views import NodeViewSet
from hierarchy.queries import get_node


class NodeSummary(serializers.Serializer):
    """Who holds what at a node in a few numbers; what is revoked does not count."""

    direct_count = serializers.IntegerField()
    inherited_count = serializers.IntegerField()
    active_count = serializers.IntegerField()
    scheduled_count = serializers.IntegerField()
    expired_count = serializers.IntegerField()
    expiring_soon_count = serializers.IntegerField(help_text="Active, and ending within 7 days.")
    distinct_role_count = serializers.IntegerField()
    recent_identities = HolderIdentity(many=True, help_text="Given a role last; at most five.")
    can_manage_assignments = serializers.BooleanField()


class AssignedNodeViewSet(NodeViewSet):
    """Nodes together with who holds what there."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        **NodeViewSet.endpoints,
        "destroy": Endpoint(
            Scope.HIERARCHY_MANAGE,
            "Delete a node and everything below it",
            query=CascadeQuery,
            status=204,
            versioned=True,
        ),
        "identities": Endpoint(
            Scope.ASSIGNMENTS_VIEW,
            "List who holds which role here, directly or from above",
            query=NodeHolderQuery,
            answer=HolderPage,
        ),
        "summary": Endpoint(
            Scope.ASSIGNMENTS_VIEW,
            "Count who holds what here, directly or from above",
            answer=NodeSummary,
        ),
    }

    def destroy(self, request: Request, pk: Ref) -> Response:
        """A node deleted."""
        cascade, expected = self.params["cascade"], expected_version(request)
        if self.params["dry_run"]:
            return answer_plan(lambda: self._effects_of_deleting(pk, cascade, expected), code=204)
        batch_id = delete_node(
            actor=self.actor,
            environment=self.environment,
            node=pk,
            cascade=cascade,
            expected_version=expected,
        )
        return Response(status=204, headers={"X-Batch-ID": str(batch_id)})

    def identities(self, request: Request, pk: Ref) -> Response:
        """A page of the assignments that reach a node."""
        rows = assignments_reaching(self.environment, get_node(self.environment, pk))
        return Response(holders_page(self.environment, rows, self.params))

    def summary(self, request: Request, pk: Ref) -> Response:
        """The assignments that reach a node in a few numbers."""
        rows = assignments_reaching(self.environment, get_node(self.environment, pk))
        return Response(
            {
                **counts_by_access(rows),
                "recent_identities": HolderIdentity(recent_identities(rows), many=True).data,
                "can_manage_assignments": Scope.ASSIGNMENTS_MANAGE in self.actor.scopes,
            }
        )

    def _effects_of_deleting(self, pk: Ref, cascade: bool, expected: int | None) -> dict[str, Any]:
        plan = plan_delete_node(
            self.actor, self.environment, pk, cascade=cascade, expected_version=expected
        )
        return {"node_count": plan.node_count, "revoked_assignments": plan.assignment_count}
