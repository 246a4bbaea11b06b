"""Identities as a key sees them that is bound to a node: those assigned in its subtree, and no more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from environments.scopes import Scope
from hierarchy.models import Node
from identities.models import Identity
from tests.assignments.cast import Cast, moment, snapshot
from tests.identities.people import IDENTITIES, invite
from tests.rituals import V1, error_of, said

pytestmark = pytest.mark.django_db
READS = ("", "/detail", "/assignments", "/permissions", "/grants")


@dataclass
class Bound:
    """A client bound to the site, and who is seen from there.

    Args:
        client: with every scope that such a key may carry.
        cast: Ada reads at the site and writes at the root.
        seen: those with a live assignment at the site or below.
        unseen: all others.
    """

    client: APIClient
    cast: Cast
    seen: list[Identity]
    unseen: list[Identity]


@pytest.fixture
def bound(cast: Cast, client_of: Callable[..., APIClient]) -> Bound:
    """The cast with people inside and outside the site."""
    cast.give()
    cast.give(cast.writer, cast.root)
    below, later, off, invited = (cast.person(name) for name in ("below", "later", "off", "called"))
    cast.give(identity=below, node=cast.room)
    cast.give(identity=later, start=moment(1))
    cast.give(identity=off)
    Identity.objects.filter(pk=off.pk).update(status="inactive")
    cast.give(identity=invited)
    invite(invited)
    above, nowhere, over, gone = (cast.person(name) for name in ("above", "none", "over", "gone"))
    cast.give(identity=above, node=cast.root)
    cast.give(identity=over, start=moment(-2), end=moment(-1))
    revoked = cast.give(identity=gone)
    type(revoked).objects.filter(pk=revoked.pk).update(revoked_at=moment(0))
    client = client_of(cast.environment, node=cast.site)
    return Bound(client, cast, [cast.ada, below, later, off, invited], [above, nowhere, over, gone])


def ids(answer: Any) -> set[str]:
    """The ids of a page's rows."""
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["items"]}


def test_lists_show_those_assigned_in_the_subtree(bound: Bound) -> None:
    seen = {str(row.pk) for row in bound.seen}

    assert ids(bound.client.get(f"{IDENTITIES}?take=100")) == seen
    assert ids(bound.client.get(f"{IDENTITIES}/with-roles?take=100")) == seen
    assert ids(bound.client.get(f"{IDENTITIES}/with-roles?no_assignment=true")) == set()
    writers = f"{IDENTITIES}/with-roles?role_id={bound.cast.writer.pk}"
    assert ids(bound.client.get(writers)) == set()
    assert ids(bound.client.get(f"{IDENTITIES}?q=above")) == set()
    assert bound.client.get(f"{IDENTITIES}/summary").json() == {
        "total_identities": 5,
        "assigned_count": 5,
        "unassigned_count": 0,
    }


@pytest.mark.parametrize("part", READS)
def test_someone_outside_is_answered_like_nobody(bound: Bound, part: str) -> None:
    for row in bound.unseen:
        for ref in (row.pk, f"email:{row.email}"):
            random = uuid4() if ref == row.pk else f"email:{uuid4()}@example.org"
            there = bound.client.get(f"{IDENTITIES}/{ref}{part}")
            nowhere = bound.client.get(f"{IDENTITIES}/{random}{part}")
            error_of(there, 404, "identities.not_found")
            assert said(there, ref) == said(nowhere, random)


@pytest.mark.parametrize("part", READS)
def test_someone_inside_is_there_by_every_reference(bound: Bound, part: str) -> None:
    for row in bound.seen:
        by_id = bound.client.get(f"{IDENTITIES}/{row.pk}{part}")
        by_email = bound.client.get(f"{IDENTITIES}/email:{row.email}{part}")
        assert by_id.status_code == 200
        assert by_id.json() == by_email.json()


def test_what_lies_above_is_left_out_of_every_answer(bound: Bound) -> None:
    root, writer = bound.cast.root, bound.cast.writer
    at = f"{IDENTITIES}/{bound.cast.ada.pk}"

    for path in (*(f"{at}{part}" for part in READS), f"{IDENTITIES}/with-roles?take=100"):
        answer = bound.client.get(path).content.decode()
        assert str(root.pk) not in answer, path
        assert str(writer.pk) not in answer, path
        assert writer.name not in answer, path
    assert [role["name"] for role in bound.client.get(f"{at}/detail").json()["roles"]] == ["Reader"]
    assert bound.client.get(f"{at}/detail").json()["can_manage"] is False
    assert bound.client.get(f"{at}/grants").json() == {
        "items": [{"permission": "invoice.read", "node_ids": [str(bound.cast.site.pk)]}]
    }


def test_permissions_mean_those_within_the_subtree(bound: Bound, api: APIClient) -> None:
    at = f"{IDENTITIES}/{bound.cast.ada.pk}/permissions"

    # The writer's role at the root reaches the site, though it is not named.
    assert bound.client.get(at).json() == {"items": ["invoice.read", "invoice.write"]}

    Node.objects.filter(pk=bound.cast.site.pk).update(status="inactive")

    assert bound.client.get(at).json() == {"items": []}
    assert api.get(at).json() == {"items": ["invoice.read", "invoice.write"]}


def test_permissions_elsewhere_do_not_count(bound: Bound, api: APIClient) -> None:
    other = api.post(
        f"{V1}/nodes",
        {"parent_node_id": str(bound.cast.root.pk), "name": "Elsewhere"},
        format="json",
    ).json()
    below = bound.seen[1]
    given = {
        "identity_id": str(below.pk),
        "role_id": str(bound.cast.writer.pk),
        "node_id": other["id"],
    }
    assert api.post(f"{V1}/assignments", given, format="json").status_code == 201

    at = f"{IDENTITIES}/{below.pk}"

    assert bound.client.get(f"{at}/permissions").json() == {"items": ["invoice.read"]}
    assert other["id"] not in bound.client.get(f"{at}/grants").content.decode()
    assert api.get(f"{at}/permissions").json() == {"items": ["invoice.read", "invoice.write"]}


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_such_a_key_writes_to_no_identity(bound: Bound, query: str) -> None:
    before = snapshot(bound.cast.environment)
    at = f"{IDENTITIES}/{bound.cast.ada.pk}"
    bob = {"email": "bob@example.org", "first_name": "Bob", "last_name": "Marley"}
    place = {"role_id": str(bound.cast.reader.pk), "node_id": str(bound.cast.site.pk)}
    calls = [
        ("post", IDENTITIES, {**bob, **place}),
        ("post", f"{IDENTITIES}/bulk-create", {"identities": [bob]}),
        ("patch", at, {"is_active": True}),
        ("post", f"{at}/activate", {}),
        ("post", f"{at}/deactivate", {}),
        ("delete", at, None),
    ]

    for method, path, body in calls:
        answer = getattr(bound.client, method)(f"{path}{query}", body, format="json")
        message = error_of(answer, 403, "scope_missing")["message"]
        assert message == f"This needs the scope {Scope.IDENTITY_MANAGE}."

    assert snapshot(bound.cast.environment) == before
