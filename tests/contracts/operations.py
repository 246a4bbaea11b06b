"""Every operation of the API, read off the addresses, with a body that would do for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from common.api.endpoints import Endpoint
from tests.assignments.inviting import rest


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    address: str
    endpoint: Endpoint

    def __str__(self) -> str:
        return f"{self.method} {self.address}"

    @property
    def resource(self) -> str:
        """The first word of its address, such as nodes."""
        return self.address.removeprefix("/api/v1/").split("/")[0]

    @property
    def names_a_row(self) -> bool:
        """Whether an id stands in its address."""
        return "<" in self.address

    def send(self, client: APIClient, pk: object = None, body: Any = None, query: str = "") -> Any:
        """Call it; gives the answer."""
        send = getattr(client, self.method.lower())
        return send(f"{self.path(pk)}{query}", body, format="json")

    def path(self, pk: object) -> str:
        """Its address with an id where one belongs."""
        before, opened, after = self.address.partition("<")
        return before + str(pk) + after.partition(">")[2] if opened else before


def patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Every address with its pattern."""
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


def operations() -> Iterator[Operation]:
    """Every operation that a key may call."""
    for address, pattern in patterns(get_resolver()):
        view: Any = pattern.callback
        for method, action in getattr(view, "actions", {}).items():
            yield Operation(method.upper(), address, view.cls.endpoints[action])


OPERATIONS = sorted(operations(), key=str)


@dataclass(frozen=True)
class Rows:
    """One row of each kind in one environment, by the resource that names it."""

    ids: dict[str, UUID]

    def __getitem__(self, resource: str) -> UUID:
        return self.ids[resource]


NOWHERE = Rows(
    {
        name: uuid4()
        for name in (
            "api-keys",
            "assignments",
            "audit-events",
            "batches",
            "identities",
            "identity-invites",
            "nodes",
            "other node",
            "permissions",
            "roles",
            "other role",
        )
    }
)


def make_rows(client: APIClient) -> Rows:
    """Make one row of each kind over the API, and a second node and role for what moves or changes."""

    def post(path: str, **body: Any) -> Any:
        answer = client.post(f"/api/v1/{path}", body, format="json")
        assert answer.status_code == 201, answer.content
        return answer.json()

    root = b"".join(client.get("/api/v1/nodes/parents"))
    (top,) = json.loads(root)["items"]
    node = post("nodes", parent_node_id=top["id"], name="Here")["id"]
    other_node = post("nodes", parent_node_id=top["id"], name="There")["id"]
    permission = post("permissions", permissions=[{"key": "thing.read"}])["items"][0]["id"]
    role = post("roles", name="Reader", permission_keys=["thing.read"])["id"]
    other_role = post("roles", name="Auditor", permission_keys=["thing.read"])["id"]
    who = {"email": "ada@example.org", "first_name": "Ada", "last_name": "Example"}
    identity = post("identities", **who)["id"]
    given = {"identity_id": identity, "node_id": other_node, "role_id": role}
    assignment = post("assignments", **given)["id"]
    later = {"identity_id": identity, "node_id": top["id"], "role_id": role}
    many = client.post("/api/v1/assignments/bulk-create", {"assignments": [later]}, format="json")
    key = post("api-keys", name="other", access_mode="full_access")["id"]
    (event,) = client.get("/api/v1/audit-events?limit=1").json()["items"]
    invite = post("identity-invites", email="bob@example.org")["id"]
    rest(invite)
    ids = {
        "api-keys": key,
        "assignments": assignment,
        "audit-events": event["id"],
        "batches": many.json()["batch_id"],
        # They are named by no id; one stands here for whoever asks by resource.
        "access": top["id"],
        "hierarchy-schema": top["id"],
        "identities": identity,
        "identity-invites": invite,
        "nodes": node,
        "other node": other_node,
        "permissions": permission,
        "roles": role,
        "other role": other_role,
    }
    return Rows({name: UUID(row_id) for name, row_id in ids.items()})


def body_for(operation: Operation, rows: Rows) -> Any:
    """A body that would do, naming rows of `rows` wherever it names any but the one in the address.

    Args:
        operation: what is called.
        rows: whose ids stand in the body.
    """
    question = {
        "identity_id": str(rows["identities"]),
        "permission": "thing.read",
        "node_id": str(rows["nodes"]),
    }
    assignment = {
        "identity_id": str(rows["identities"]),
        "node_id": str(rows["nodes"]),
        "role_id": str(rows["roles"]),
        "effective_from": "2080-01-01T00:00:00Z",
        "effective_to": "2081-01-01T00:00:00Z",
    }
    person = {"email": "new@example.org", "first_name": "New", "last_name": "Example"}
    bodies: dict[str, Any] = {
        "POST /api/v1/api-keys": {
            "name": "new",
            "access_mode": "scoped",
            "scopes": ["hierarchy.view"],
        },
        "PATCH /api/v1/api-keys/<uuid:pk>": {"is_active": True},
        "POST /api/v1/api-keys/<uuid:pk>/rotate-secret": {"grace_seconds": 60},
        "POST /api/v1/assignments": assignment,
        "POST /api/v1/assignments/bulk-create": {"assignments": [assignment]},
        "POST /api/v1/assignments/bulk-remove": {"assignment_ids": [str(rows["assignments"])]},
        "POST /api/v1/assignments/bulk-change-role": {
            "assignment_ids": [str(rows["assignments"])],
            "role_id": str(rows["other role"]),
        },
        "PATCH /api/v1/assignments/<uuid:pk>": {"role_id": str(rows["other role"])},
        "POST /api/v1/identities": {
            **person,
            "role_id": str(rows["roles"]),
            "node_id": str(rows["nodes"]),
        },
        "POST /api/v1/identities/bulk-create": {"identities": [person]},
        "PATCH /api/v1/identities/<identity:pk>": {"first_name": "Other"},
        "POST /api/v1/identity-invites": {
            "email": "new@example.org",
            "role_id": str(rows["roles"]),
            "node_id": str(rows["nodes"]),
        },
        "POST /api/v1/identity-invites/bulk-create": {
            "invites": [
                {
                    "email": "new@example.org",
                    "role_id": str(rows["roles"]),
                    "node_id": str(rows["nodes"]),
                }
            ]
        },
        "POST /api/v1/identity-invites/<uuid:pk>/resend": {"send_email": False},
        "PATCH /api/v1/hierarchy-schema": {
            "node_types": ["root", "node"],
            "root_node_type": "root",
        },
        "POST /api/v1/nodes/bulk-create": {
            "nodes": [{"parent_node_id": str(rows["nodes"]), "name": "Below"}]
        },
        "POST /api/v1/nodes": {"parent_node_id": str(rows["nodes"]), "name": "Below"},
        "PATCH /api/v1/nodes/<node:pk>": {"parent_node_id": str(rows["other node"])},
        "POST /api/v1/nodes/<node:pk>/move": {"parent_node_id": str(rows["other node"])},
        "POST /api/v1/permissions": {"permissions": [{"key": "thing.write"}]},
        "PATCH /api/v1/permissions/<uuid:pk>": {"name": "Other"},
        "POST /api/v1/access/nodes": {
            "identity_id": question["identity_id"],
            "permission": "thing.read",
            "under": question["node_id"],
        },
        "POST /api/v1/access/identities": {
            "permission": "thing.read",
            "node_id": question["node_id"],
        },
        "POST /api/v1/access/permissions": {
            "identity_id": question["identity_id"],
            "node_id": question["node_id"],
        },
        "POST /api/v1/permissions/evaluate": {**question, "scope": "node"},
        "POST /api/v1/permissions/evaluate/bulk": {"checks": [{**question, "scope": "node"}]},
        "POST /api/v1/permissions/evaluate/explain": question,
        "POST /api/v1/roles": {"name": "Writer"},
        "PATCH /api/v1/roles/<uuid:pk>": {"description": "Other"},
    }
    if operation.address.endswith("/permissions") and operation.resource == "roles":
        return None if operation.method == "GET" else {"permission_keys": ["thing.read"]}
    if operation.endpoint.body is None:
        return None
    return bodies[str(operation)]
