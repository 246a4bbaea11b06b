"""Every way by which power moves, direct or not, with what it takes; made from one world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from environments.models import AuditEvent
from environments.scopes import ALL_SCOPES, Scope
from identities.models import Identity
from tests.assignments.inviting import rest
from tests.rituals import V1

ASSIGN, ROLES, TREE = Scope.ASSIGNMENTS_MANAGE, Scope.ROLES_MANAGE, Scope.HIERARCHY_MANAGE
PEOPLE, KEYS = Scope.IDENTITY_MANAGE, Scope.KEY_MANAGE
BY_ID, BY_OWN = "by id", "by ext and email"


@dataclass(frozen=True)
class World:
    """Rows by what they are called: `mine` and `theirs` are siblings, with a room below each.

    Args:
        ids: the rows' ids.
        own: what their callers call them: ext: or email:.
    """

    ids: dict[str, str]
    own: dict[str, str]

    def named(self, name: str, form: str) -> str:
        """A row as a caller names it."""
        return self.own.get(name, self.ids[name]) if form == BY_OWN else self.ids[name]


@dataclass(frozen=True)
class Way:
    """One call by which power would move.

    Args:
        name: what it is.
        method: in small letters.
        path: below /api/v1/.
        scopes: all that it takes.
        body: what is sent.
        plans: whether it takes dry_run.
        many: whether it takes atomic.
    """

    name: str
    method: str
    path: str
    scopes: frozenset[Scope]
    body: Any = None
    plans: bool = True
    many: bool = False

    def send(self, client: APIClient, query: str = "", **headers: str) -> Any:
        """Try it."""
        mark = "&" if "?" in self.path else "?"
        address = f"{V1}/{self.path}{mark}{query}" if query else f"{V1}/{self.path}"
        return getattr(client, self.method)(address, self.body, format="json", **headers)


def make_world(api: APIClient, root: str) -> World:
    """Make the rows over the API, with a key that may do everything."""

    def post(path: str, **body: Any) -> Any:
        answer = api.post(f"{V1}/{path}", body, format="json")
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def node(name: str, parent: str) -> str:
        return str(post("nodes", parent_node_id=parent, name=name, external_id=name)["id"])

    ids = {"root": root}
    for name, parent in (
        ("mine", "root"), ("my-room", "mine"), ("theirs", "root"), ("their-room", "theirs"),
        ("asleep", "theirs"), ("gone", "theirs"),
    ):  # fmt: skip
        ids[name] = node(name, ids[parent])
    api.patch(f"{V1}/nodes/{ids['asleep']}", {"status": "inactive"}, format="json")
    post("permissions", permissions=[{"key": "vault.open"}, {"key": "vault.see"}])
    for name, keys in (
        ("strong", ["vault.open", "vault.see"]),
        ("weak", ["vault.see"]),
        ("off", ["vault.open"]),
    ):
        ids[name] = post("roles", name=name, permission_keys=keys)["id"]
    ids["spent"] = post("roles", name="spent")["id"]
    api.patch(f"{V1}/roles/{ids['off']}", {"is_active": False}, format="json")
    for name in ("insider", "outsider", "resting", "leaver"):
        email = f"{name}@example.org"
        ids[name] = post(
            "identities", email=email, first_name=name, last_name="X", external_id=name
        )["id"]

    def give(who: str, where: str, role: str) -> str:
        given = {"identity_id": ids[who], "node_id": ids[where], "role_id": ids[role]}
        return str(post("assignments", **given)["id"])

    give("insider", "mine", "weak")
    ids["given"] = give("outsider", "theirs", "weak")
    give("resting", "theirs", "strong")
    give("outsider", "theirs", "spent")
    given = [
        {"identity_id": ids["outsider"], "node_id": ids["their-room"], "role_id": ids["strong"]}
    ]
    ids["batch of assignments"] = post("assignments/bulk-create", assignments=given)["batch_id"]
    Identity.objects.filter(pk=ids["resting"]).update(status="inactive")
    ids["invite"] = post(
        "identity-invites", email="new@example.org", role_id=ids["strong"], node_id=ids["theirs"],
        send_email=False,
    )["id"]  # fmt: skip
    rest(ids["invite"])
    for name, path in (
        ("batch of a node", f"nodes/{ids['gone']}"),
        ("batch of a person", f"identities/{ids['leaver']}"),
        ("batch of a role", f"roles/{ids['spent']}?cascade=true"),
    ):
        answer = api.delete(f"{V1}/{path}")
        assert answer.status_code == 204, answer.content
        [event] = api.get(f"{V1}/audit-events?limit=1").json()["items"]
        ids[name] = batch_of(event["id"])
    ids["full key"] = post("api-keys", name="full", access_mode="full_access")["id"]
    bound = {"access_mode": "scoped", "scopes": ["hierarchy.view"]}
    ids["bound key"] = post("api-keys", name="bound", node_id=ids["theirs"], **bound)["id"]
    own = {name: f"ext:{name}" for name in ("mine", "my-room", "theirs", "their-room", "asleep")}
    own |= {name: f"email:{name}@example.org" for name in ("insider", "outsider", "resting")}
    return World(ids, own)


def batch_of(event_id: str) -> str:
    """The batch that an event is part of."""
    return str(AuditEvent.objects.get(pk=event_id).batch_id)


def ways(world: World, form: str) -> Iterator[Way]:
    """Every way, with rows named by id or as their callers name them."""

    def at(name: str) -> str:
        return world.named(name, form)

    only = frozenset
    assignment = {"identity_id": at("insider"), "node_id": at("theirs"), "role_id": at("strong")}
    person = {"email": "made@example.org", "first_name": "Made", "last_name": "Up"}
    role = {"role_id": at("strong"), "node_id": at("theirs")}
    keys = {"permission_keys": ["vault.open"]}
    given, off, weak = at("given"), at("off"), at("weak")

    yield Way("assign", "post", "assignments", only({ASSIGN}), assignment)
    yield Way(
        "assign many",
        "post",
        "assignments/bulk-create",
        only({ASSIGN}),
        {"assignments": [assignment]},
        many=True,
    )
    yield Way(
        "change an assignment",
        "patch",
        f"assignments/{given}",
        only({ASSIGN}),
        {"role_id": at("strong")},
    )
    yield Way(
        "lengthen an assignment",
        "patch",
        f"assignments/{given}",
        only({ASSIGN}),
        {"effective_to": "2090-01-01T00:00:00Z"},
    )
    yield Way(
        "change many", "post", "assignments/bulk-change-role", only({ASSIGN}),
        {"assignment_ids": [given], "role_id": at("strong")}, many=True,
    )  # fmt: skip
    yield Way("revoke", "delete", f"assignments/{given}", only({ASSIGN}))
    yield Way(
        "revoke many",
        "post",
        "assignments/bulk-remove",
        only({ASSIGN}),
        {"assignment_ids": [given]},
        many=True,
    )
    yield Way("make a role", "post", "roles", only({ROLES}), {"name": "new", **keys})
    yield Way("wake a role", "patch", f"roles/{off}", only({ROLES}), {"is_active": True})
    yield Way("set what a role carries", "put", f"roles/{weak}/permissions", only({ROLES}), keys)
    yield Way("add to a role", "post", f"roles/{weak}/permissions", only({ROLES}), keys)
    yield Way(
        "take from a role", "delete", f"roles/{at('strong')}/permissions", only({ROLES}), keys
    )
    yield Way(
        "delete a role with its assignments",
        "delete",
        f"roles/{weak}?cascade=true",
        only({ROLES, ASSIGN}),
    )
    yield Way(
        "add a node", "post", "nodes", only({TREE}), {"parent_node_id": at("theirs"), "name": "New"}
    )
    yield Way(
        "add many nodes", "post", "nodes/bulk-create", only({TREE}),
        {"nodes": [{"parent_node_id": at("theirs"), "name": "New"}]},
    )  # fmt: skip
    yield Way(
        "move theirs under mine",
        "post",
        f"nodes/{at('theirs')}/move",
        only({TREE}),
        {"parent_node_id": at("mine")},
    )
    yield Way(
        "move mine under theirs",
        "post",
        f"nodes/{at('my-room')}/move",
        only({TREE}),
        {"parent_node_id": at("theirs")},
    )
    yield Way(
        "move my top",
        "post",
        f"nodes/{at('mine')}/move",
        only({TREE}),
        {"parent_node_id": at("theirs")},
    )
    yield Way(
        "move mine to the root",
        "patch",
        f"nodes/{at('my-room')}",
        only({TREE}),
        {"parent_node_id": at("root")},
    )
    yield Way(
        "move theirs by a change",
        "patch",
        f"nodes/{at('their-room')}",
        only({TREE}),
        {"parent_node_id": at("my-room")},
    )
    yield Way("wake a node", "patch", f"nodes/{at('asleep')}", only({TREE}), {"status": "active"})
    yield Way(
        "delete a node with its assignments",
        "delete",
        f"nodes/{at('theirs')}?cascade=true",
        only({TREE, ASSIGN}),
    )
    yield Way("wake a person", "post", f"identities/{at('resting')}/activate", only({PEOPLE}))
    yield Way(
        "wake a person by a change",
        "patch",
        f"identities/{at('resting')}",
        only({PEOPLE}),
        {"is_active": True},
    )
    yield Way(
        "add a person with a role", "post", "identities", only({PEOPLE, ASSIGN}), {**person, **role}
    )
    yield Way(
        "invite with a role",
        "post",
        "identity-invites",
        only({PEOPLE, ASSIGN}),
        {"email": "made@example.org", **role},
    )
    yield Way(
        "invite many with a role", "post", "identity-invites/bulk-create", only({PEOPLE, ASSIGN}),
        {"invites": [{"email": "made@example.org", **role}]}, many=True,
    )  # fmt: skip
    yield Way(
        "renew an invitation with a role",
        "post",
        f"identity-invites/{at('invite')}/resend",
        only({PEOPLE, ASSIGN}),
        {"send_email": False},
    )
    for name, scope in (
        ("assignments", ASSIGN),
        ("a node", TREE),
        ("a person", PEOPLE),
        ("a role", ROLES),
    ):
        yield Way(
            f"undo a batch of {name}",
            "post",
            f"batches/{at(f'batch of {name}')}/undo",
            only({ASSIGN, scope}),
        )
    yield from ways_of_keys(world, form)


def ways_of_keys(world: World, form: str) -> Iterator[Way]:
    """The acts on keys, which take all that the other key may."""
    full, whole = world.ids["full key"], ALL_SCOPES
    few = frozenset({KEYS, Scope.HIERARCHY_VIEW, ASSIGN})
    new: dict[str, Any] = {
        "name": "made",
        "access_mode": "scoped",
        "scopes": [Scope.HIERARCHY_VIEW, ASSIGN],
    }
    there = {**new, "node_id": world.named("theirs", form)}
    yield Way(
        "make a full key",
        "post",
        "api-keys",
        whole,
        {"name": "made", "access_mode": "full_access"},
        plans=False,
    )
    yield Way("make a scoped key", "post", "api-keys", few, new, plans=False)
    yield Way("make a bound key", "post", "api-keys", few, there, plans=False)
    yield Way(
        "renew a full key",
        "post",
        f"api-keys/{full}/rotate-secret",
        whole,
        {"grace_seconds": 0},
        plans=False,
    )
    yield Way(
        "keep a full key's text",
        "post",
        f"api-keys/{full}/rotate-secret",
        whole,
        {"grace_seconds": 604800},
        plans=False,
    )
    yield Way(
        "enable a full key", "patch", f"api-keys/{full}", whole, {"is_active": True}, plans=False
    )
    yield Way(
        "disable a full key", "patch", f"api-keys/{full}", whole, {"is_active": False}, plans=False
    )
    yield Way("delete a full key", "delete", f"api-keys/{full}", whole, plans=False)
    one = frozenset({KEYS, Scope.HIERARCHY_VIEW})
    yield Way(
        "delete a bound key", "delete", f"api-keys/{world.ids['bound key']}", one, plans=False
    )
