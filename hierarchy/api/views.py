"""`/nodes`, but for what concerns assignments; that lives with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import F
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.bulk import answer_plan, answer_whole
from common.api.endpoints import Endpoint
from common.api.pagination import paged, query_digest, read_cursor, sign_cursor
from common.api.parsers import MAX_BULK_BODY_BYTES
from common.api.serializers import WriteQuery
from common.api.versions import expected_version, versioned
from common.refs import Ref
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope
from hierarchy.api.serializers import (
    ChildrenQuery,
    NodeChange,
    NodeCreate,
    NodeImport,
    NodeImportQuery,
    NodeImports,
    NodeList,
    NodeMove,
    NodePage,
    NodeRow,
    NodesAdded,
    ParentList,
    TreeAnswer,
    TreeQuery,
    changed_node_row,
    new_node_row,
    node_row,
)
from hierarchy.api.streams import json_stream, parents_text, tree_text
from hierarchy.models import Node
from hierarchy.queries import ancestors_of, children_of, get_node, subtree_of, whole_tree
from hierarchy.services.bulk import NewNode, create_nodes, plan_create_nodes
from hierarchy.services.nodes import create_node, plan_create_node, plan_update_node, update_node

VIEW, MANAGE = Scope.HIERARCHY_VIEW, Scope.HIERARCHY_MANAGE


class NodeViewSet(EnvironmentViewSet):
    """The tree of the environment."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(
            VIEW, "Read the tree, nested or flat; search it", query=TreeQuery, answer=TreeAnswer
        ),
        "parents": Endpoint(VIEW, "Every node's id and its parent's", answer=ParentList),
        "create": Endpoint(
            MANAGE,
            "Add a node",
            query=WriteQuery,
            body=NodeCreate,
            answer=NodeRow,
            status=201,
            creates=True,
        ),
        "bulk_create": Endpoint(
            MANAGE,
            "Add up to 50,000 nodes, all or none",
            query=NodeImportQuery,
            body=NodeImports,
            answer=NodesAdded,
            status=201,
            creates=True,
            max_body_bytes=MAX_BULK_BODY_BYTES,
        ),
        "retrieve": Endpoint(VIEW, "Show a node", answer=NodeRow),
        "partial_update": Endpoint(
            MANAGE,
            "Change or move a node",
            query=WriteQuery,
            body=NodeChange,
            answer=NodeRow,
            versioned=True,
        ),
        "move": Endpoint(
            MANAGE,
            "Hang a node and everything below it elsewhere",
            query=WriteQuery,
            body=NodeMove,
            answer=NodeRow,
            versioned=True,
        ),
        "tree": Endpoint(VIEW, "Read a subtree", answer=TreeAnswer),
        "ancestors": Endpoint(VIEW, "The nodes above, root first, itself last", answer=NodeList),
        "children": Endpoint(
            VIEW, "The nodes directly below", query=ChildrenQuery, answer=NodePage
        ),
    }

    def present(self, node: Node) -> dict[str, Any]:
        """One node as it is shown."""
        return node_row(node, self.environment.bound_to)

    def list(self, request: Request) -> Response | StreamingHttpResponse:
        """The whole tree, or a page of it in tree order."""
        rows = whole_tree(self.environment)
        if self.params["format"] == "tree":
            return json_stream(tree_text(rows, self.environment.bound_to))
        if "q" in self.params:
            rows = rows.search(self.params["q"])
        return Response(self._feed(rows))

    def parents(self, request: Request) -> StreamingHttpResponse:
        """All pairs of node and parent."""
        return json_stream(parents_text(whole_tree(self.environment), self.environment.bound_to))

    def create(self, request: Request) -> Response:
        """A new node."""
        new = {**self.data, "parent": self.data["parent_node_id"]}
        del new["parent_node_id"]
        if self.params["dry_run"]:
            return answer_plan(
                lambda: new_node_row(plan_create_node(self.actor, self.environment, **new)),
                code=201,
                given=request.data,
            )
        node = create_node(actor=self.actor, environment=self.environment, **new)
        return versioned(self.present(node), status=201)

    def bulk_create(self, request: Request) -> Response:
        """Many new nodes."""
        return answer_whole(
            request,
            field="nodes",
            inputs=self.data["nodes"],
            shape=NodeImport,
            read=_new,
            plan=lambda rows: plan_create_nodes(self.actor, self.environment, rows),
            act=self._add_all,
            preview=new_node_row,
            present=self.present,
            dry_run=self.params["dry_run"],
        )

    def retrieve(self, request: Request, pk: Ref) -> Response:
        """One node."""
        return versioned(self.present(get_node(self.environment, pk)))

    def partial_update(self, request: Request, pk: Ref) -> Response:
        """A node changed."""
        changes = {name: value for name, value in self.data.items() if name != "parent_node_id"}
        return self._change(request, pk, changes, self.data.get("parent_node_id"))

    def move(self, request: Request, pk: Ref) -> Response:
        """A node moved."""
        return self._change(request, pk, {}, self.data["parent_node_id"])

    def tree(self, request: Request, pk: Ref) -> StreamingHttpResponse:
        """A node with everything below it."""
        below = subtree_of(self.environment, get_node(self.environment, pk))
        return json_stream(tree_text(below, self.environment.bound_to))

    def ancestors(self, request: Request, pk: Ref) -> Response:
        """The way from the root to a node."""
        above = ancestors_of(self.environment, get_node(self.environment, pk))
        return Response({"items": [self.present(node) for node in above]})

    def children(self, request: Request, pk: Ref) -> Response:
        """A page of a node's children."""
        rows = children_of(self.environment, get_node(self.environment, pk))
        if "q" in self.params:
            rows = rows.search(self.params["q"])
        column = F("path" if self.params["sort_by"] == "position" else self.params["sort_by"])
        descending = self.params.get("order") == "desc"
        rows = rows.order_by(column.desc() if descending else column.asc(), "pk")
        return Response(paged(rows, self.params, self.present))

    def _change(
        self, request: Request, pk: Ref, changes: Mapping[str, Any], parent: Ref | None
    ) -> Response:
        asked: dict[str, Any] = {
            "node": pk,
            "changes": changes,
            "parent": parent,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: changed_node_row(
                    plan_update_node(self.actor, self.environment, **asked),
                    self.environment.bound_to,
                ),
                code=200,
                given=request.data,
            )
        node = update_node(actor=self.actor, environment=self.environment, **asked)
        return versioned(self.present(node))

    def _add_all(self, rows: Sequence[NewNode]) -> tuple[UUID, Sequence[Node]]:
        batch, nodes = create_nodes(actor=self.actor, environment=self.environment, rows=rows)
        return batch.pk, nodes

    def _feed(self, rows: Any) -> dict[str, Any]:
        asked = {**self.params, "bound_to": self.environment.bound_to}
        digest = query_digest(self.environment.pk, asked)
        position = read_cursor(self.params.get("cursor"), digest)
        if position:
            # The cursor holds an id: a path would tell how the tree is stored.
            last = Node.objects.filter(pk=UUID(position[0]), environment=self.environment)
            rows = rows.filter(path__gt=last.values("path")[:1])
        limit = self.params["limit"]
        page = list(rows[: limit + 1])
        more = len(page) > limit
        return {
            "items": [self.present(node) for node in page[:limit]],
            "pagination": {
                "next_cursor": sign_cursor([str(page[limit - 1].pk)], digest) if more else None
            },
        }


def _new(data: dict[str, Any]) -> NewNode:
    parent = data.pop("parent_node_id", None)
    return NewNode(parent=parent, **data)
