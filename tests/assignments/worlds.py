"""Small worlds, written straight into the tables, with the oracle's answer to every question about them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models.functions import Now

from assignments.models import Assignment, Permission, Role, RolePermission
from common.refs import Ref
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import get_root
from identities.models import Identity
from tests.oracle import is_allowed


@dataclass(frozen=True)
class GrantSpec:
    """One assignment, by indexes; times are absolute."""

    identity: int
    role: int
    node: int
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    revoked: bool = False


@dataclass
class WorldSpec:
    """Everything by index; node 0 is the root."""

    parents: list[int | None] = field(default_factory=lambda: [None])
    inactive_nodes: frozenset[int] = frozenset()
    roles: list[frozenset[int]] = field(default_factory=list)
    inactive_roles: frozenset[int] = frozenset()
    permissions: int = 3
    statuses: list[str] = field(default_factory=list)
    grants: list[GrantSpec] = field(default_factory=list)

    def allows(self, identity: int, permission: int, node: int, at: datetime) -> bool:
        """The oracle's answer."""
        effective = (
            (grant.node, self.roles[grant.role])
            for grant in self.grants
            if grant.identity == identity
            and not grant.revoked
            and grant.role not in self.inactive_roles
            and (grant.effective_from is None or grant.effective_from <= at)
            and (grant.effective_to is None or at < grant.effective_to)
        )
        return self.statuses[identity] == "active" and is_allowed(
            self.parents, effective, permission, node, self.inactive_nodes
        )

    def is_assigned(self, identity: int, nodes: Collection[int]) -> bool:
        """Whether an identity has a scheduled or active assignment at one of these nodes."""
        return any(
            grant.identity == identity
            and grant.node in nodes
            and not grant.revoked
            and (grant.effective_to is None or datetime.now(UTC) < grant.effective_to)
            for grant in self.grants
        )


@dataclass
class World:
    """The rows that a spec became."""

    environment: Environment
    nodes: list[Node]
    identities: list[Identity]
    permissions: list[Permission]
    roles: list[Role]
    assignments: list[Assignment]

    def identity(self, index: int) -> Ref:
        """The reference to an identity."""
        return Ref.of(self.identities[index].pk)

    def node(self, index: int) -> Ref:
        """The reference to a node."""
        return Ref.of(self.nodes[index].pk)


def build(environment: Environment, spec: WorldSpec) -> World:
    """Write a spec into an environment that holds its root only."""
    nodes = [get_root(environment)]
    for index, parent in enumerate(spec.parents[1:], start=1):
        assert parent is not None
        node = Node(
            environment=environment,
            parent=nodes[parent],
            name=f"Node {index}",
            slug=f"node-{index}",
            node_type="node",
            status="inactive" if index in spec.inactive_nodes else "active",
        )
        nodes.append(Node.objects.add_child(nodes[parent], instance=node))
    identities = Identity.objects.bulk_create(
        Identity(environment=environment, email=f"person{index}@example.org", status=status)
        for index, status in enumerate(spec.statuses)
    )
    permissions = Permission.objects.bulk_create(
        Permission(environment=environment, key=f"thing.act{index}", name="", category="thing")
        for index in range(spec.permissions)
    )
    roles = Role.objects.bulk_create(
        Role(environment=environment, name=f"Role {i}", is_active=i not in spec.inactive_roles)
        for i in range(len(spec.roles))
    )
    RolePermission.objects.bulk_create(
        RolePermission(environment=environment, role=role, permission=permissions[index])
        for role, carried in zip(roles, spec.roles, strict=True)
        for index in carried
    )
    assignments = Assignment.objects.bulk_create(
        Assignment(
            environment=environment,
            identity=identities[grant.identity],
            role=roles[grant.role],
            node=nodes[grant.node],
            effective_from=grant.effective_from,
            effective_to=grant.effective_to,
            created_by_label="test",
        )
        for grant in spec.grants
    )
    revoked = [row.pk for row, grant in zip(assignments, spec.grants, strict=True) if grant.revoked]
    now = Assignment.objects.filter(pk__in=revoked)
    now.update(revoked_at=Now(), revoked_by_label="test")
    return World(environment, nodes, identities, permissions, roles, assignments)
