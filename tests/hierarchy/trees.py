"""A tree whose nodes are known by name, grown through the services."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent, Environment
from hierarchy.models import Node
from hierarchy.queries import get_node, get_root
from hierarchy.services.bulk import NewNode, create_nodes
from hierarchy.services.nodes import create_node, move_node, update_node

ME = Actor.system("test")


@dataclass
class Tree:
    """The nodes of one environment, the root as `root`; rows are as they were when they were added."""

    environment: Environment
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes["root"] = get_root(self.environment)

    def ref(self, name: str) -> Ref:
        """How callers name a node."""
        return Ref.of(self.nodes[name].pk)

    def now(self, name: str) -> Node:
        """A node as it is now."""
        return get_node(self.environment, self.ref(name))

    def add(self, name: str, parent: str = "root", actor: Actor = ME, **others: Any) -> Node:
        """Add a node; its name is what the test knows it by."""
        node = create_node(
            actor=actor, environment=self.environment, parent=self.ref(parent), name=name, **others
        )
        self.nodes[name] = node
        return node

    def change(self, name: str, /, parent: str | None = None, **changes: Any) -> Node:
        """Change a node, its place, or both."""
        above = self.ref(parent) if parent else None
        return update_node(
            actor=ME,
            environment=self.environment,
            node=self.ref(name),
            changes=changes,
            parent=above,
        )

    def move(self, name: str, parent: str) -> Node:
        """Hang a node elsewhere."""
        return move_node(
            actor=ME, environment=self.environment, node=self.ref(name), parent=self.ref(parent)
        )

    def add_chain(self, name: str, length: int, parent: str = "root") -> None:
        """Add nodes each below the one before: `name 1`, `name 2` and so on."""
        rows = [
            NewNode(
                f"{name} {n}",
                ref=str(n),
                parent_ref=str(n - 1) if n > 1 else None,
                parent=self.ref(parent) if n == 1 else None,
            )
            for n in range(1, length + 1)
        ]
        _, nodes = create_nodes(actor=ME, environment=self.environment, rows=rows)
        self.nodes |= {node.name: node for node in nodes}

    def shape(self) -> list[tuple[int, str]]:
        """Depth and name of every live node, in tree order."""
        rows = Node.objects.in_environment(self.environment).in_tree_order()
        return [
            (depth - 1, "root" if depth == 1 else name)
            for depth, name in rows.values_list("depth", "name")
        ]

    def told(self) -> list[AuditEvent]:
        """What the audit log holds of nodes, oldest first."""
        rows = AuditEvent.objects.filter(environment=self.environment, resource_type="node")
        return list(rows.order_by("created_at", "id"))
