"""The table of scopes as api-contract.md gives it, written out a second time so that code cannot move it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.contracts.operations import Operation


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Args:
        addresses: patterns of addresses below /api/v1/, ids as `<id>`.
        read: what it takes to read, or to ask.
        write: what it takes to write; nothing where nothing is written.
        asks: whether a POST there asks and writes nothing.
        also: what it takes besides.
        with_a_role: what it takes besides, where a role is given at a node.
    """

    addresses: tuple[str, ...]
    read: str
    write: str = ""
    asks: bool = False
    also: tuple[str, ...] = ()
    with_a_role: tuple[str, ...] = ()

    def scopes_of(self, operation: Operation) -> tuple[str, ...]:
        """What an operation takes in any case, its own scope first."""
        reads = self.asks or operation.method == "GET"
        return (self.read if reads else self.write, *self.also)


# The first line that an address matches holds; the more particular ones stand first.
TABLE = [
    Line(
        (
            "assignments",
            "assignments/*",
            "nodes/<id>/identities",
            "nodes/<id>/identities/*",
            "identities/<id>/assignments",
            "batches",
            "batches/*",
        ),
        "rbac.view_assignments",
        "rbac.manage_assignments",
    ),
    Line(("nodes", "nodes/*", "hierarchy-schema"), "hierarchy.view", "hierarchy.manage"),
    Line(
        ("permissions/evaluate", "permissions/evaluate/*", "access/nodes", "access/permissions"),
        "permissions.evaluate",
        asks=True,
    ),
    Line(("access/identities",), "permissions.evaluate", asks=True, also=("identity.view",)),
    Line(
        ("permissions", "permissions/*", "roles", "roles/*"),
        "rbac.view_roles",
        "rbac.manage_roles",
    ),
    Line(
        ("identities", "identities/*", "identity-invites", "identity-invites/*"),
        "identity.view",
        "identity.manage",
        with_a_role=("rbac.manage_assignments",),
    ),
    Line(("api-keys", "api-keys/*"), "api_key.view", "api_key.manage"),
    Line(("audit-events", "audit-events/*"), "audit.view"),
    Line(("webhooks", "webhooks/*"), "webhook.view", "webhook.manage"),
]


def line_of(operation: Operation) -> Line:
    """The line of the table that an operation stands in."""
    address = operation.path("<id>").removeprefix("/api/v1/")
    for line in TABLE:
        if any(fnmatchcase(address, pattern) for pattern in line.addresses):
            return line
    raise LookupError(f"No line of the table holds {operation}.")
