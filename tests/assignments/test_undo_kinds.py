"""Undoing what was done to identities, invitations, nodes and roles, with the assignments that went along."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from assignments.models import Assignment, Role
from common.refs import Ref
from environments.models import AuditEvent, Batch
from hierarchy.models import Node
from hierarchy.queries import find_problems
from hierarchy.services.bulk import NewNode, create_nodes
from hierarchy.services.nodes import create_node
from identities.models import Identity, Invitation
from tests.assignments.cast import ME, Cast
from tests.assignments.undos import (
    BATCHES,
    acts,
    assert_refused,
    bulk_create,
    refused,
    undo,
    undone,
)
from tests.rituals import V1, statements_of

pytestmark = pytest.mark.django_db


def status(identity: Identity) -> str:
    """What an identity is now."""
    return Identity.objects.get(pk=identity.pk).status


def held(cast: Cast) -> list[tuple[Any, ...]]:
    """Who holds what, and where."""
    rows = Assignment.objects.filter(environment=cast.environment).live()
    return sorted(rows.values_list("identity", "role", "node"), key=str)


def make_people(api: Any, *names: str) -> str:
    """Make many known; gives the batch."""
    people = [
        {"email": f"{name}@example.org", "first_name": name, "last_name": "Example"}
        for name in names
    ]
    answer = api.post(f"{V1}/identities/bulk-create", {"identities": people}, format="json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["batch_id"])


def remove(api: Any, identity: Identity) -> str:
    """Remove an identity; gives the batch."""
    answer = api.delete(f"{V1}/identities/{identity.pk}")
    assert answer.status_code == 204
    return str(answer["X-Batch-ID"])


def invite(api: Any, *rows: dict[str, Any]) -> str:
    """Invite many; gives the batch."""
    answer = api.post(f"{V1}/identity-invites/bulk-create", {"invites": rows}, format="json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["batch_id"])


def last_batch(cast: Cast) -> str:
    """The latest batch of all."""
    return str(Batch.objects.filter(environment=cast.environment).latest("created_at").pk)


def make_nodes(cast: Cast) -> tuple[str, dict[str, Node]]:
    """Two branches below the site, one of them two deep; gives the batch."""
    rows = [
        NewNode("Left", ref="left", parent=Ref.of(cast.site.pk)),
        NewNode("Leaf", parent_ref="left"),
        NewNode("Right", parent=Ref.of(cast.site.pk)),
    ]
    batch, nodes = create_nodes(actor=ME, environment=cast.environment, rows=rows)
    return str(batch.pk), {node.name: node for node in nodes}


def names_below_site(cast: Cast) -> set[str]:
    """The live nodes below the site."""
    below = Node.objects.in_environment(cast.environment).below_or_at(cast.site)
    return {node.name for node in below} - {"Site", "Room"}


def test_people_who_were_made_are_removed_and_come_back(api, cast) -> None:
    batch = make_people(api, "bob", "eve")
    bob, eve = (Identity.objects.get(email=f"{name}@example.org") for name in ("bob", "eve"))

    first = undone(api, batch)
    assert (status(bob), status(eve)) == ("removed", "removed")
    second = undone(api, first)
    assert (status(bob), status(eve)) == ("active", "active")
    undone(api, second)

    assert (status(bob), status(eve), status(cast.ada)) == ("removed", "removed", "active")
    actions = AuditEvent.objects.filter(resource_id=bob.pk).order_by("created_at")
    assert list(actions.values_list("action", flat=True)) == [
        "identity.created", "identity.removed", "identity.restored", "identity.removed",
    ]  # fmt: skip


def test_people_who_were_changed_or_given_something_since_stay(api, cast) -> None:
    batch = make_people(api, "bob", "eve", "joe")
    bob, eve = (Identity.objects.get(email=f"{name}@example.org") for name in ("bob", "eve"))
    api.patch(f"{V1}/identities/{bob.pk}", {"first_name": "Robert"}, format="json")
    cast.give(identity=eve)
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert plan["results"] == answer.json()["results"]
    assert sorted(refused(answer)) == [(409, "batches.changed_since"), (409, "batches.in_use")]
    assert (status(bob), status(eve)) == ("active", "active")
    assert not Identity.objects.in_environment(cast.environment).filter(email__startswith="joe")


def test_who_was_removed_comes_back_with_what_went_along(api, cast) -> None:
    cast.give()
    cast.give(cast.writer, cast.room)
    before = held(cast)
    batch = remove(api, cast.ada)
    assert held(cast) == []

    first = undone(api, batch)
    assert (status(cast.ada), held(cast)) == ("active", before)
    second = undone(api, first)
    assert (status(cast.ada), held(cast)) == ("removed", [])
    undone(api, second)

    assert (status(cast.ada), held(cast)) == ("active", before)


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        ({"email": "ada@example.org"}, "identities.email_taken"),
        ({"email": "other@example.org", "external_id": "ada-1"}, "identities.external_id_taken"),
    ],
)
def test_who_was_removed_stays_so_when_another_has_the_address(api, cast, taken, code) -> None:
    cast.give()
    batch = remove(api, cast.ada)
    api.post(f"{V1}/identities", {"first_name": "New", "last_name": "Ada", **taken}, format="json")
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert sorted(refused(answer)) == [(404, "assignments.identity_not_found"), (409, code)]
    assert plan["results"] == answer.json()["results"]
    assert (status(cast.ada), held(cast)) == ("removed", [])


def test_who_was_inactive_when_removed_is_so_again_and_is_given_nothing(api, cast) -> None:
    cast.give()
    api.post(f"{V1}/identities/{cast.ada.pk}/deactivate")
    batch = remove(api, cast.ada)

    answer = undo(api, batch)

    assert refused(answer) == [(409, "assignments.identity_inactive")]
    assert acts(answer) == ["identity.restored"]
    assert (status(cast.ada), held(cast)) == ("inactive", [])


@pytest.mark.parametrize(("act", "after"), [("activated", "inactive"), ("deactivated", "active")])
def test_a_status_that_a_batch_changed_is_changed_back(api, cast, act, after) -> None:
    batch = Batch.objects.create(
        environment=cast.environment, action=f"identity.bulk_{act}", actor_type="system"
    )
    now = "active" if act == "activated" else "inactive"
    Identity.objects.filter(pk=cast.ada.pk).update(status=now, version=2)
    AuditEvent.objects.create(
        environment=cast.environment,
        actor_type="system",
        action=f"identity.{act}",
        resource_type="identity",
        resource_id=cast.ada.pk,
        metadata={"before": {"status": after}, "after": {"status": now}, "version": 2},
        batch_id=batch.pk,
    )

    undone(api, undone(api, batch.pk))

    assert status(cast.ada) == now
    assert Identity.objects.get(pk=cast.ada.pk).version == 4


def test_invitations_are_revoked_with_those_they_made_and_what_they_gave(api, cast) -> None:
    given = {"role_id": str(cast.reader.pk), "node_id": str(cast.site.pk)}
    batch = invite(api, {"email": "new@example.org", **given}, {"email": "more@example.org"})
    assert len(held(cast)) == 1

    first = undo(api, batch)

    assert first.status_code == 200, first.content
    assert acts(first) == [
        "assignment.revoked",
        "identity.removed",
        "identity.removed",
        "invite.revoked",
        "invite.revoked",
    ]
    assert held(cast) == []
    assert set(Invitation.objects.values_list("status", "version")) == {("revoked", 2)}
    again = refused(undo(api, first.json()["batch_id"]))
    assert set(again) == {(409, "batches.not_undoable"), (404, "assignments.identity_not_found")}


def test_whoever_accepted_meanwhile_stays(api, cast) -> None:
    given = {"role_id": str(cast.reader.pk), "node_id": str(cast.site.pk)}
    batch = invite(api, {"email": "new@example.org", **given})
    api.post(f"{V1}/identities/email:new@example.org/activate")

    answer = undo(api, batch)

    assert set(refused(answer)) == {(409, "batches.changed_since")}
    assert acts(answer) == ["assignment.revoked"]
    assert Identity.objects.get(email="new@example.org").status == "active"


def test_an_invitation_made_anew_is_taken_back_to_what_it_replaced(api, cast) -> None:
    given = {"role_id": str(cast.reader.pk), "node_id": str(cast.site.pk)}
    invite(api, {"email": "new@example.org", **given})
    Invitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    before = held(cast)
    batch = invite(api, {"email": "new@example.org", **given})

    answer = undo(api, batch)

    assert answer.status_code == 200, answer.content
    assert acts(answer) == ["assignment.created", "assignment.revoked", "invite.revoked"]
    assert held(cast) == before
    assert Identity.objects.get(email="new@example.org").status == "invited"


def test_nothing_is_left_where_only_what_cannot_be_undone_is(api, cast) -> None:
    invite(api, {"email": "new@example.org"})
    Invitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    batch = invite(api, {"email": "new@example.org", "first_name": "New"})

    first = undo(api, batch)

    assert refused(first) == [(409, "batches.not_undoable")]
    assert acts(first) == ["invite.revoked"]
    assert api.get(f"{BATCHES}/{batch}").json()["undoable_until"] is None
    assert_refused(api, batch, 409, "batches.nothing_left")


def test_a_deleted_node_comes_back_with_what_was_held_below_it(api, cast) -> None:
    cast.give()
    cast.give(cast.writer, cast.room)
    before = held(cast)
    api.delete(f"{V1}/nodes/{cast.site.pk}?cascade=true")
    batch = last_batch(cast)

    first = undone(api, batch)
    assert held(cast) == before
    second = undone(api, first)
    assert held(cast) == []
    assert Node.objects.get(pk=cast.room.pk).deleted_at is not None
    undone(api, second)

    assert held(cast) == before
    assert {Node.objects.get(pk=node.pk).deleted_at for node in (cast.site, cast.room)} == {None}
    assert find_problems(cast.environment) == []


def test_a_node_comes_back_only_where_its_place_is_free(api, cast) -> None:
    cast.give(node=cast.room)
    api.delete(f"{V1}/nodes/{cast.room.pk}?cascade=true")
    batch = last_batch(cast)
    create_node(
        actor=ME, environment=cast.environment, parent=Ref.of(cast.site.pk), name="R", slug="room"
    )
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert plan["results"] == answer.json()["results"]
    assert sorted(refused(answer)) == [
        (404, "assignments.node_not_found"),
        (409, "nodes.slug_taken"),
    ]
    assert held(cast) == []


def test_a_subtree_that_changed_after_it_came_back_does_not_go_again(api, cast) -> None:
    api.delete(f"{V1}/nodes/{cast.site.pk}?cascade=true")
    back = undone(api, last_batch(cast))
    child = create_node(
        actor=ME, environment=cast.environment, parent=Ref.of(cast.room.pk), name="Shelf"
    )

    changed = undo(api, back)
    Node.objects.filter(pk=child.pk).delete()
    cast.give(node=cast.room)
    in_use = undo(api, back)

    assert refused(changed) == [(409, "batches.changed_since")]
    assert refused(in_use) == [(409, "batches.in_use")]


def test_nodes_that_were_made_are_taken_away_and_come_back(api, cast) -> None:
    batch, _ = make_nodes(cast)
    everything = {"Left", "Leaf", "Right"}

    first = undone(api, batch)
    assert names_below_site(cast) == set()
    second = undone(api, first)
    assert names_below_site(cast) == everything
    third = undone(api, second)
    assert names_below_site(cast) == set()
    undone(api, third)

    assert names_below_site(cast) == everything
    assert find_problems(cast.environment) == []
    for done in (batch, first, second, third):
        assert undo(api, done).json()["error"]["code"] == "batches.nothing_left"


def test_nodes_that_hold_something_stay_with_all_above_them(api, cast) -> None:
    batch, nodes = make_nodes(cast)
    cast.give(node=nodes["Leaf"])
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert plan["results"] == answer.json()["results"]
    assert refused(answer) == [(409, "batches.in_use")] * 2
    assert names_below_site(cast) == {"Left", "Leaf"}


def test_nodes_that_were_changed_or_got_children_stay(api, cast) -> None:
    batch, nodes = make_nodes(cast)
    api.patch(f"{V1}/nodes/{nodes['Leaf'].pk}", {"name": "Blade"}, format="json")
    parent = Ref.of(nodes["Right"].pk)
    create_node(actor=ME, environment=cast.environment, parent=parent, name="Twig")

    answer = undo(api, batch)

    assert sorted(refused(answer)) == [
        (409, "batches.changed_since"), (409, "batches.in_use"), (409, "batches.in_use"),
    ]  # fmt: skip
    assert answer.json()["batch_id"] is None


def test_what_was_given_at_new_nodes_by_the_same_batch_goes_first(api, cast) -> None:
    """A batch of nodes and assignments together, as an import makes it."""
    batch, nodes = make_nodes(cast)
    row = cast.give(node=nodes["Leaf"])
    AuditEvent.objects.filter(resource_id=row.pk).update(batch_id=batch)

    undone(api, undone(api, batch))

    assert names_below_site(cast) == {"Left", "Leaf", "Right"}
    assert held(cast) == [(cast.ada.pk, cast.reader.pk, nodes["Leaf"].pk)]


def test_a_deleted_role_comes_back_with_its_assignments(api, cast) -> None:
    cast.give()
    before = held(cast)
    api.delete(f"{V1}/roles/{cast.reader.pk}?cascade=true")
    batch = last_batch(cast)

    first = undone(api, batch)
    assert held(cast) == before
    assert api.get(f"{V1}/roles/{cast.reader.pk}/permissions").json()["items"] == ["invoice.read"]
    second = undone(api, first)
    assert held(cast) == []
    undone(api, second)

    assert held(cast) == before
    assert Role.objects.get(pk=cast.reader.pk).version == 5


def test_a_deleted_role_stays_so_when_its_name_is_taken(api, cast) -> None:
    cast.give()
    api.delete(f"{V1}/roles/{cast.reader.pk}?cascade=true")
    batch = last_batch(cast)
    api.post(f"{V1}/roles", {"name": "rEADER"}, format="json")
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert plan["results"] == answer.json()["results"]
    assert sorted(refused(answer)) == [
        (404, "assignments.role_not_found"),
        (409, "roles.name_taken"),
    ]


def test_a_role_that_was_given_after_it_came_back_does_not_go_again(api, cast) -> None:
    cast.give()
    api.delete(f"{V1}/roles/{cast.reader.pk}?cascade=true")
    back = undone(api, last_batch(cast))
    cast.give(node=cast.room)

    answer = undo(api, back)

    assert refused(answer) == [(409, "batches.in_use")]
    assert acts(answer) == ["assignment.revoked"]


def test_many_people_and_nodes_are_undone_in_a_fixed_number_of_statements(api, cast) -> None:
    counts: dict[int, list[int]] = {}
    for total in (10, 500):
        people = make_people(api, *(f"p{total}-{n}" for n in range(total)))
        counts[total] = [statements_of(partial(undone, api, people))]
        back = str(Batch.objects.get(undo_of__pk=people).pk)
        counts[total].append(statements_of(partial(undone, api, back)))
        rows = [NewNode(f"n{total}-{n}") for n in range(total)]
        made, _ = create_nodes(actor=ME, environment=cast.environment, rows=rows)
        counts[total].append(statements_of(partial(undone, api, made.pk)))
        back = str(Batch.objects.get(undo_of=made).pk)
        counts[total].append(statements_of(partial(undone, api, back)))
        again = str(Batch.objects.get(undo_of__pk=back).pk)
        counts[total].append(statements_of(partial(undone, api, again)))

    assert counts[10] == counts[500]


def test_an_undone_bulk_call_leaves_room_for_the_same_again(api, cast) -> None:
    first = bulk_create(api, cast.body())
    undone(api, first)
    second = bulk_create(api, cast.body())

    answer = undo(api, str(Batch.objects.get(undo_of__pk=first).pk))

    assert refused(answer) == [(409, "assignments.conflict")]
    undone(api, second)
