"""A small cast over the services: a tree of three, two permissions, two roles, one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assignments.models import Assignment, Permission, Role, RolePermission
from assignments.services.assign import NewAssignment, assign_role
from assignments.services.permissions import NewPermission, create_permissions
from assignments.services.roles import create_role
from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent, Batch, Environment
from hierarchy.models import Node
from hierarchy.queries import get_root
from hierarchy.services.nodes import create_node
from identities.models import Identity, Invitation
from identities.services.identities import NewIdentity, create_identity

DAY = timedelta(days=1)
ME = Actor.system("test")


@dataclass
class Cast:
    """The rows by what they are called; `site` stands below `root`, `room` below `site`."""

    environment: Environment
    root: Node
    site: Node
    room: Node
    read: Permission
    write: Permission
    reader: Role
    writer: Role
    ada: Identity

    def body(self, **others: Any) -> dict[str, Any]:
        """Ada as reader at the site, as the API takes it."""
        named = {
            "identity_id": str(self.ada.pk),
            "node_id": str(self.site.pk),
            "role_id": str(self.reader.pk),
        }
        return named | others

    def give(
        self,
        role: Role | None = None,
        node: Node | None = None,
        identity: Identity | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Assignment:
        """Give a role; Ada's as reader at the site where nothing else is said."""
        new = NewAssignment(
            Ref.of((identity or self.ada).pk),
            (role or self.reader).pk,
            Ref.of((node or self.site).pk),
            start,
            end,
        )
        return assign_role(actor=ME, environment=self.environment, new=new)

    def person(self, name: str, **others: Any) -> Identity:
        """A further person, by first name."""
        new = NewIdentity(f"{name}@example.org", name.title(), "Example", **others)
        return create_identity(actor=ME, environment=self.environment, new=new)


def make_cast(environment: Environment) -> Cast:
    """Fill an environment that holds its root only."""
    root = get_root(environment)
    place: dict[str, Any] = {"actor": ME, "environment": environment}
    site = create_node(**place, parent=Ref.of(root.pk), name="Site", external_id="site-1")
    room = create_node(**place, parent=Ref.of(site.pk), name="Room")
    read, write = create_permissions(
        **place, new=[NewPermission("invoice.read"), NewPermission("invoice.write")]
    )
    reader = create_role(**place, name="Reader", permission_keys=["invoice.read"])
    writer = create_role(**place, name="Writer", permission_keys=["invoice.read", "invoice.write"])
    ada = create_identity(
        **place, new=NewIdentity("ada@example.org", "Ada", "Lovelace", external_id="ada-1")
    )
    return Cast(environment, root, site, room, read, write, reader, writer, ada)


def snapshot(environment: Environment) -> dict[str, list[dict[str, Any]]]:
    """Every row of an environment that an act could change."""
    models: tuple[Any, ...] = (
        Node, Identity, Invitation, Permission, Role, RolePermission, Assignment, Batch, AuditEvent,
    )  # fmt: skip
    return {
        model.__name__: list(model.objects.filter(environment=environment).order_by("pk").values())
        for model in models
    }


def moment(days: float) -> datetime:
    """So many days from now, to the second."""
    return datetime.now(UTC).replace(microsecond=0) + days * DAY


def text(at: datetime) -> str:
    """A moment as the API writes it."""
    return at.isoformat().replace("+00:00", "Z")
