"""Writes of roles and permissions: planned as they are done, done once, one batch where many rows go."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from assignments.models import Assignment, Role
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from tests.assignments.cast import Cast, snapshot
from tests.rituals import V1, error_of, names_field

pytestmark = pytest.mark.django_db
ONLY_WRITTEN = {"id", "created_at", "updated_at"}


READER, READ = "roles/{reader}", "permissions/{read}"
NO_ROLE, NO_PERMISSION = "roles/{nowhere}", "permissions/{nowhere}"
UNKNOWN = {"permission_keys": ["no.such"]}
WRITES: dict[str, tuple[str, str, Any]] = {
    "make a role": ("post", "roles", {"name": "Clerk", "permission_keys": ["invoice.read"]}),
    "make an empty role": ("post", "roles", {"name": "Clerk", "description": "Counts"}),
    "rename a role": ("patch", READER, {"name": "Looker", "description": ""}),
    "switch a role off": ("patch", READER, {"is_active": False}),
    "change nothing of a role": ("patch", READER, {"name": "Reader"}),
    "define permissions": ("post", "permissions", {"permissions": [{"key": "b.c"}, {"key": "a.b"}]}),
    "rename a permission": ("patch", READ, {"name": "Look", "category": "Money"}),
    "change nothing of a permission": ("patch", READ, {}),
}  # fmt: skip
REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "taken": ("post", "roles", {"name": "rEADER"}, 409, "roles.name_taken"),
    "taken by a change": ("patch", READER, {"name": "WRITER"}, 409, "roles.name_taken"),
    "unknown key": ("post", "roles", {"name": "X", **UNKNOWN}, 404, "permissions.not_found"),
    "unknown keys": ("put", f"{READER}/permissions", UNKNOWN, 404, "permissions.not_found"),
    "no role": ("patch", NO_ROLE, {"name": "X"}, 404, "roles.not_found"),
    "no role to carry": ("put", f"{NO_ROLE}/permissions", {"permission_keys": []}, 404, "roles.not_found"),
    "no role to delete": ("delete", NO_ROLE, None, 404, "roles.not_found"),
    "in use": ("delete", READER, None, 409, "roles.in_use"),
    "key taken": ("post", "permissions", {"permissions": [{"key": "invoice.read"}]}, 409, "permissions.key_taken"),
    "key repeated": ("post", "permissions", {"permissions": [{"key": "a.b"}] * 2}, 400, "permissions.key_repeated"),
    "no permission": ("patch", NO_PERMISSION, {"name": "X"}, 404, "permissions.not_found"),
    "no permission to delete": ("delete", NO_PERMISSION, None, 404, "permissions.not_found"),
    "stale permission": ("delete", READ, None, 409, "version_conflict"),
    "stale role": ("patch", READER, {"name": "X"}, 409, "version_conflict"),
    "stale keys": ("put", f"{READER}/permissions", {"permission_keys": []}, 409, "version_conflict"),
}  # fmt: skip


def named(cast: Cast, address: str) -> str:
    """An address with the ids of the cast."""
    return address.format(reader=cast.reader.pk, read=cast.read.pk, nowhere=cast.ada.pk)


def call(api: Any, method: str, address: str, body: Any, query: str = "", **headers: str) -> Any:
    """Call an address below `/api/v1/`."""
    send = getattr(api, method)
    return send(f"{V1}/{address}{query}", body, format="json", **headers)


def plan_of(api: Any, method: str, address: str, body: Any, query: str = "", **headers: str) -> Any:
    """The one result of a plan."""
    [result] = plans_of(api, method, address, body, query, **headers)
    return result


def plans_of(
    api: Any, method: str, address: str, body: Any, query: str = "", **headers: str
) -> list[Any]:
    """The results of a plan, which must have written nothing and locked nothing."""
    before = AuditEvent.objects.count(), advisory_locks()
    joined = f"{query}&dry_run=true" if query else "?dry_run=true"

    answer = call(api, method, address, body, joined, **headers)

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["dry_run"], told["batch_id"]) == (True, None)
    assert (AuditEvent.objects.count(), advisory_locks()) == before
    results: list[Any] = told["results"]
    return results


def advisory_locks(mode: str = "%") -> int:
    """How many the test's transaction holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND mode LIKE %s",
            [mode],
        )
        (held,) = cursor.fetchone()
    return int(held)


def shared_locks() -> int:
    """How many shared advisory locks the test's transaction holds."""
    return advisory_locks("ShareLock")


def blank(told: dict[str, Any]) -> dict[str, Any]:
    """A row without what only a written one has."""
    return {name: None if name in ONLY_WRITTEN else value for name, value in told.items()}


@pytest.mark.parametrize("name", WRITES)
def test_a_plan_is_what_the_act_does(api, cast: Cast, name) -> None:
    cast.give()
    method, address, body = WRITES[name]
    address = named(cast, address)
    before = snapshot(cast.environment)

    plans = plans_of(api, method, address, body)
    assert snapshot(cast.environment) == before
    answer = call(api, method, address, body)

    told = answer.json()
    assert {(plan["status"], plan["code"]) for plan in plans} == {("success", answer.status_code)}
    assert [blank(plan["data"]) for plan in plans] == [
        blank(row) for row in told.get("items", [told])
    ]


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_planned_as_it_is_answered(api, cast: Cast, name) -> None:
    cast.give()
    method, address, body, status, code = REFUSED[name]
    address = named(cast, address)
    stale = {"HTTP_IF_MATCH": '"7"'} if code == "version_conflict" else {}

    plans = plans_of(api, method, address, body, **stale)
    error = error_of(call(api, method, address, body, **stale), status, code)

    assert plans
    for plan in plans:
        assert (plan["status"], plan["code"]) == ("error", status)
        assert plan["error"].items() <= error.items()


@pytest.mark.parametrize(
    ("method", "keys", "added", "removed", "count"),
    [
        ("put", ["invoice.write"], ["invoice.write"], ["invoice.read"], 1),
        ("put", [], [], ["invoice.read"], 0),
        ("post", ["invoice.write", "invoice.read"], ["invoice.write"], [], 2),
        ("delete", ["invoice.read", "invoice.write"], [], ["invoice.read"], 0),
        ("delete", ["invoice.write"], [], [], 1),
    ],
)
def test_a_plan_tells_what_a_role_would_gain_and_lose_and_for_how_many(
    api, cast: Cast, method, keys, added, removed, count
) -> None:
    cast.give()
    cast.give(node=cast.room)
    cast.give(identity=cast.person("bob"))
    address = f"roles/{cast.reader.pk}/permissions"

    plan = plan_of(api, method, address, {"permission_keys": keys})
    answer = call(api, method, address, {"permission_keys": keys})

    assert plan["data"] == {
        "message": answer.json()["message"],
        "added": added,
        "removed": removed,
        "identity_count": 2,
    }
    assert len(api.get(f"{V1}/{address}").json()["items"]) == count
    changed = AuditEvent.objects.filter(action="role.permissions_changed")
    assert changed.count() == bool(added or removed)
    for event in changed:
        assert event.metadata["version"] == 2
        assert event.metadata["before"] == {"permission_keys": ["invoice.read"]}


def test_a_role_that_goes_with_its_assignments_is_one_batch(api, cast: Cast) -> None:
    cast.give()
    cast.give(node=cast.room)
    cast.give(cast.writer)
    address = f"roles/{cast.reader.pk}"
    known = set(AuditEvent.objects.values_list("pk", flat=True))

    plan = plan_of(api, "delete", address, None, "?cascade=true")
    deleted = call(api, "delete", address, None, "?cascade=true")

    assert plan["data"] == {"revoked_assignments": 2}
    assert (plan["code"], deleted.status_code) == (204, 204)
    batch = Batch.objects.get(action="role.deleted")
    assert batch.counts == {"roles": 1, "assignments": 2}
    events = AuditEvent.objects.exclude(pk__in=known)
    assert sorted(events.values_list("action", flat=True)) == [
        "assignment.revoked", "assignment.revoked", "role.deleted",
    ]  # fmt: skip
    assert {event.batch_id for event in events} == {batch.pk}
    assert {event.metadata["version"] for event in events} == {2}
    gone = Role.objects.get(pk=cast.reader.pk)
    assert (gone.version, gone.deleted_at is None) == (2, False)
    assert Assignment.objects.filter(revoked_at=None).get().role_id == cast.writer.pk


def test_a_role_that_nobody_holds_goes_without_a_batch(api, cast: Cast) -> None:
    address = f"roles/{cast.reader.pk}"

    assert plan_of(api, "delete", address, None)["data"] == {"revoked_assignments": 0}
    assert call(api, "delete", address, None).status_code == 204
    assert not Batch.objects.filter(action="role.deleted").exists()


def test_each_change_of_a_role_tells_its_version(api, cast: Cast) -> None:
    address = f"roles/{cast.reader.pk}"
    versions = [
        call(api, "patch", address, change).json()["version"]
        for change in ({"is_active": False}, {"is_active": True}, {"name": "Looker"})
    ]

    events = AuditEvent.objects.filter(action="role.updated").order_by("created_at")
    assert versions == [2, 3, 4]
    assert [event.metadata["version"] for event in events] == versions


@pytest.mark.parametrize(
    ("method", "address", "body", "confers"),
    [
        ("patch", "roles/{}", {"is_active": True}, True),
        ("patch", "roles/{}", {"is_active": False}, False),
        ("patch", "roles/{}", {"name": "Looker"}, False),
        ("put", "roles/{}/permissions", {"permission_keys": ["invoice.write"]}, True),
        ("post", "roles/{}/permissions", {"permission_keys": ["invoice.write"]}, True),
        ("delete", "roles/{}/permissions", {"permission_keys": ["invoice.read"]}, False),
        ("put", "roles/{}/permissions", {"permission_keys": []}, False),
    ],
)
def test_what_confers_power_keeps_the_tree_as_it_is(
    api, cast: Cast, method, address, body, confers
) -> None:
    Role.objects.filter(pk=cast.reader.pk).update(is_active=False)
    before = shared_locks()

    assert call(api, method, address.format(cast.reader.pk), body).status_code == 200

    assert (shared_locks() > before) is confers


def test_what_makes_roles_and_permissions_is_done_once(api, cast: Cast) -> None:
    for path, body in (
        ("roles", {"name": "Clerk"}),
        ("permissions", {"permissions": [{"key": "report.export"}]}),
    ):
        once = {"HTTP_IDEMPOTENCY_KEY": "once-1"}

        first, again = (call(api, "post", path, body, **once) for _ in range(2))

        assert (first.status_code, again.status_code) == (201, 201)
        assert again["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
    assert Role.objects.filter(name="Clerk").count() == 1


def test_lists_are_not_planned(api, cast: Cast) -> None:
    for path in ("roles", "permissions", f"permissions/{cast.read.pk}/usage"):
        assert names_field(api.get(f"{V1}/{path}?dry_run=true"), "dry_run")


def test_a_bound_key_counts_what_it_sees_and_no_more(api, cast: Cast, client_of) -> None:
    """And it changes no role: they hold above its node as well."""
    cast.give(node=cast.root)
    cast.give(identity=cast.person("bob"), node=cast.room)
    bound = client_of(cast.environment, Scope.ROLES_VIEW, node=cast.site)

    def counts(client: Any) -> list[int]:
        usage = client.get(f"{V1}/permissions/{cast.read.pk}/usage").json()
        [listed] = [
            row for row in client.get(f"{V1}/roles").json()["items"] if row["name"] == "Reader"
        ]
        one = client.get(f"{V1}/roles/{cast.reader.pk}").json()
        return [usage["identity_count"], usage["roles"][0]["member_count"], listed["member_count"], one["member_count"]]  # fmt: skip

    assert counts(api) == [2] * 4
    assert counts(bound) == [1] * 4
