"""Deleting a node: the act lives with assignments, what it does to the tree is told here."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from assignments.models import Assignment
from assignments.services.removal import delete_node
from common.errors import Conflict, Forbidden, NotFound, RuleViolation, VersionConflict
from common.refs import Ref
from environments.actors import Actor
from environments.models import ActorType, Batch
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import Node
from hierarchy.queries import children_of, find_problems
from tests.assignments.cast import Cast, make_cast, moment
from tests.hierarchy.trees import ME, Tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(tree: Tree) -> Cast:
    """People and roles in the same environment, with `Site` and its `Room` below the root."""
    return make_cast(tree.environment)


def test_delete_node_takes_the_subtree_out_and_keeps_its_rows(tree: Tree) -> None:
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("north"))

    assert tree.shape() == [(0, "root"), (1, "south"), (2, "mill")]
    for name in ("north", "harbour", "quay"):
        with pytest.raises(NotFound):
            tree.now(name)
        row = Node.objects.get(pk=tree.nodes[name].pk)
        assert row.deleted_at is not None
        assert row.version == 2
    assert tree.now("root").live_child_count == 1
    assert find_problems() == []


def test_delete_node_refuses_the_root(tree: Tree) -> None:
    for cascade in (False, True):
        with pytest.raises(RuleViolation) as refused:
            delete_node(
                actor=ME, environment=tree.environment, node=tree.ref("root"), cascade=cascade
            )
        assert refused.value.code == "nodes.root_cannot_go"
    assert len(tree.shape()) == 6


def test_delete_node_refuses_nodes_that_are_not_there(tree: Tree, others: Tree) -> None:
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("quay"))

    for ref in (others.ref("theirs"), Ref.of(uuid4()), tree.ref("quay")):
        with pytest.raises(NotFound) as refused:
            delete_node(actor=ME, environment=tree.environment, node=ref)
        assert refused.value.code == "nodes.not_found"
    assert len(others.shape()) == 2


def test_delete_node_needs_its_scope(tree: Tree) -> None:
    viewer = Actor(ActorType.API_KEY, None, "viewer", ALL_SCOPES - {Scope.HIERARCHY_MANAGE})

    with pytest.raises(Forbidden, match=r"hierarchy\.manage"):
        delete_node(actor=viewer, environment=tree.environment, node=tree.ref("mill"))


def test_delete_node_refuses_a_version_that_is_not_the_rows(tree: Tree) -> None:
    with pytest.raises(VersionConflict):
        delete_node(
            actor=ME, environment=tree.environment, node=tree.ref("mill"), expected_version=2
        )

    delete_node(actor=ME, environment=tree.environment, node=tree.ref("mill"), expected_version=1)
    assert (2, "mill") not in tree.shape()


def test_delete_node_refuses_while_live_assignments_stand_below(cast: Cast, tree: Tree) -> None:
    cast.give()
    cast.give(node=cast.room)
    cast.give(identity=cast.person("bob"), start=moment(2))

    with pytest.raises(Conflict) as refused:
        delete_node(actor=ME, environment=tree.environment, node=Ref.of(cast.site.pk))

    assert refused.value.code == "nodes.in_use"
    assert refused.value.data == {"assignment_count": 3, "identity_count": 2, "node_count": 2}
    assert (1, "Site") in tree.shape()
    assert Assignment.objects.filter(revoked_at=None).count() == 3
    assert not Batch.objects.filter(action="node.deleted").exists()


def test_delete_node_is_not_kept_by_what_is_over(cast: Cast, tree: Tree) -> None:
    cast.give(start=moment(-2), end=moment(-1))
    cast.give(node=cast.root)

    delete_node(actor=ME, environment=tree.environment, node=Ref.of(cast.site.pk))

    assert (1, "Site") not in tree.shape()
    assert Assignment.objects.filter(revoked_at=None).count() == 2


def test_delete_node_revokes_with_cascade_what_stood_below(cast: Cast, tree: Tree) -> None:
    above = cast.give(node=cast.root)
    here = cast.give()
    below = cast.give(node=cast.room, start=moment(2))
    over = cast.give(start=moment(-2), end=moment(-1))

    delete_node(actor=ME, environment=tree.environment, node=Ref.of(cast.site.pk), cascade=True)

    revoked = Assignment.objects.exclude(revoked_at=None)
    assert {row.pk for row in revoked} == {here.pk, below.pk}
    assert {row.revoked_by_label for row in revoked} == {"test"}
    assert Assignment.objects.get(pk=above.pk).revoked_at is None
    assert Assignment.objects.get(pk=over.pk).revoked_at is None
    assert find_problems() == []


def test_what_is_deleted_frees_its_slug_and_its_external_id(tree: Tree) -> None:
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("north"))

    again = tree.add("north", external_id="n-1")

    assert (again.slug, again.external_id) == ("north", "n-1")
    assert tree.now("north").pk == again.pk
    assert [node.name for node in children_of(tree.environment, tree.nodes["root"])] == [
        "south",
        "north",
    ]
    assert find_problems() == []


def test_nothing_is_put_below_what_is_deleted(tree: Tree) -> None:
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("north"))

    for act in (lambda: tree.add("x", "harbour"), lambda: tree.move("mill", "north")):
        with pytest.raises(NotFound) as refused:
            act()
        assert refused.value.code == "nodes.parent_not_found"
    with pytest.raises(NotFound):
        tree.change("harbour", name="x")


def test_the_tree_stays_whole_where_nodes_come_and_go(tree: Tree) -> None:
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("harbour"))
    tree.add("harbour", "north")
    tree.move("north", "mill")
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("harbour"))
    tree.move("north", "root")
    tree.add("harbour", "north")

    assert tree.shape() == [
        (0, "root"),
        (1, "south"),
        (2, "mill"),
        (1, "north"),
        (2, "harbour"),
    ]
    assert find_problems() == []


def test_a_deletion_is_told_with_what_went(cast: Cast, tree: Tree) -> None:
    given = cast.give()

    delete_node(actor=ME, environment=tree.environment, node=Ref.of(cast.site.pk), cascade=True)

    event = tree.told()[-1]
    batch = Batch.objects.get(action="node.deleted")
    assert batch.counts == {"nodes": 2, "assignments": 1}
    assert (event.action, event.resource_id) == ("node.deleted", cast.site.pk)
    assert event.metadata == {
        "before": {
            "parent_node_id": str(cast.root.pk),
            "name": "Site",
            "slug": "site",
            "node_type": "node",
            "external_id": "site-1",
            "description": "",
            "status": "active",
            "metadata": {},
        },
        "node_count": 2,
        "version": 2,
    }
    [revoked] = tree.environment.audit_events.filter(action="assignment.revoked")
    assert revoked.resource_id == given.pk
    assert revoked.batch_id == batch.pk


def test_a_deletion_that_cannot_be_told_is_not_done(cast: Cast, tree: Tree) -> None:
    cast.give()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE environments_auditevent ADD CONSTRAINT untold"
            " CHECK (action <> 'node.deleted') NOT VALID"
        )

    with pytest.raises(IntegrityError, match="untold"):
        delete_node(actor=ME, environment=tree.environment, node=Ref.of(cast.site.pk), cascade=True)

    assert (1, "Site") in tree.shape()
    assert Assignment.objects.filter(revoked_at=None).count() == 1
    assert not Batch.objects.filter(action="node.deleted").exists()
