"""What of `/nodes` concerns assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.lists import holders_page
from assignments.api.serializers import CascadeQuery, HolderPage, NodeHolderQuery
from assignments.queries import assignments_reaching
from assignments.services.removal import delete_node
from common.api.endpoints import Endpoint
from common.api.versions import expected_version
from common.refs import Ref
from environments.scopes import Scope
from hierarchy.api.views import NodeViewSet
from hierarchy.queries import get_node


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
    }

    def destroy(self, request: Request, pk: Ref) -> Response:
        """A node deleted."""
        delete_node(
            actor=self.actor,
            environment=self.environment,
            node=pk,
            cascade=self.params["cascade"],
            expected_version=expected_version(request),
        )
        return Response(status=204)

    def identities(self, request: Request, pk: Ref) -> Response:
        """A page of the assignments that reach a node."""
        rows = assignments_reaching(self.environment, get_node(self.environment, pk))
        return Response(holders_page(self.environment, rows, self.params))
