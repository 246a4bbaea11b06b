"""Creating, changing and moving one node."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from common.errors import Conflict, Forbidden, NotFound, RuleViolation, VersionConflict
from common.refs import Ref
from environments.actors import Actor
from environments.models import ActorType
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import find_problems
from hierarchy.services.nodes import create_node, move_node, update_node
from tests.hierarchy.trees import ME, Tree

pytestmark = pytest.mark.django_db
VIEWER = Actor(ActorType.API_KEY, None, "viewer", ALL_SCOPES - {Scope.HIERARCHY_MANAGE})


def test_create_node_adds_the_last_child(tree: Tree) -> None:
    made = tree.add("lighthouse", "north")

    assert tree.shape() == [
        (0, "root"),
        (1, "north"),
        (2, "harbour"),
        (3, "quay"),
        (2, "lighthouse"),
        (1, "south"),
        (2, "mill"),
    ]
    assert (made.slug, made.node_type, made.status, made.version) == (
        "lighthouse", "node", "active", 1,
    )  # fmt: skip
    assert (made.external_id, made.description, made.metadata) == (None, "", {})
    assert made.parent_id == tree.nodes["north"].pk
    assert tree.now("north").live_child_count == 2
    assert find_problems() == []


def test_create_node_keeps_what_it_is_told(tree: Tree) -> None:
    tree.add(
        "Pier 7",
        "quay",
        node_type="pier",
        slug="seventh",
        external_id="p:7",
        description="wooden",
        metadata={"a": [1, None]},
    )

    row = tree.now("Pier 7")
    assert (row.node_type, row.slug, row.external_id) == ("pier", "seventh", "p:7")
    assert (row.description, row.metadata) == ("wooden", {"a": [1, None]})


def test_create_node_numbers_the_slugs_of_one_name(tree: Tree) -> None:
    slugs = [tree.add("Ünder & Co", "mill").slug for _ in range(3)]
    elsewhere = tree.add("Ünder & Co", "north").slug

    assert slugs == ["under-co", "under-co-2", "under-co-3"]
    assert elsewhere == "under-co"


def test_create_node_finds_a_slug_for_names_without_letters_and_for_long_ones(tree: Tree) -> None:
    assert [tree.add(name).slug for name in ("***", "***", "日本")] == ["node", "node-2", "node-3"]
    long = [tree.add("x" * 200).slug for _ in range(2)]
    assert long == ["x" * 100, "x" * 98 + "-2"]


def test_create_node_refuses_a_slug_that_a_live_sibling_has(tree: Tree) -> None:
    with pytest.raises(Conflict, match="sibling") as refused:
        tree.add("Northern", slug="north")

    assert refused.value.code == "nodes.slug_taken"
    assert refused.value.details == ["slug: is taken"]
    assert tree.add("Northern", "south", slug="north").slug == "north"


def test_the_roots_of_two_environments_may_have_the_same_slug(tree: Tree, others: Tree) -> None:
    for each in (tree, others):
        each.change("root", slug="everything")

    assert [each.now("root").slug for each in (tree, others)] == ["everything", "everything"]


def test_create_node_refuses_an_external_id_of_the_same_environment_only(
    tree: Tree, others: Tree
) -> None:
    with pytest.raises(Conflict) as refused:
        tree.add("again", "mill", external_id="n-1")

    assert refused.value.code == "nodes.external_id_taken"
    assert others.add("there", external_id="n-1").external_id == "n-1"


def test_create_node_refuses_a_parent_that_is_not_there(tree: Tree, others: Tree) -> None:
    for parent in (Ref.of(uuid4()), others.ref("theirs"), Ref("ext", "no")):
        with pytest.raises(NotFound) as refused:
            create_node(actor=ME, environment=tree.environment, parent=parent, name="x")
        assert refused.value.code == "nodes.parent_not_found"
    assert len(others.shape()) == 2


def test_create_node_stops_at_the_deepest_level(tree: Tree) -> None:
    tree.add_chain("level", DEEPEST - 1)
    lowest = tree.add("lowest", f"level {DEEPEST - 1}")

    with pytest.raises(RuleViolation) as refused:
        tree.add("below", "lowest")

    assert refused.value.code == "nodes.too_deep"
    assert lowest.depth == DEEPEST + 1
    assert tree.now("lowest").live_child_count == 0


def test_acts_on_nodes_need_their_scope(tree: Tree) -> None:
    place: dict[str, Any] = {"actor": VIEWER, "environment": tree.environment}

    for act in (
        lambda: create_node(**place, parent=tree.ref("root"), name="x"),
        lambda: update_node(**place, node=tree.ref("mill"), changes={"name": "x"}),
        lambda: move_node(**place, node=tree.ref("mill"), parent=tree.ref("north")),
    ):
        with pytest.raises(Forbidden, match=r"hierarchy\.manage"):
            act()
    assert len(tree.shape()) == 6


def test_update_node_changes_what_is_named_and_nothing_else(tree: Tree) -> None:
    before = tree.now("north")

    tree.change("north", name="Nord", slug="nord", description="cold", status="inactive")

    after = tree.now("north")
    assert (after.name, after.slug, after.description) == ("Nord", "nord", "cold")
    assert (after.status, after.version) == ("inactive", 2)
    assert (after.external_id, after.metadata, after.path) == ("n-1", {"zone": 1}, before.path)
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at
    assert tree.now("harbour").version == 1


def test_update_node_with_the_same_values_is_no_change(tree: Tree) -> None:
    events = len(tree.told())

    row = tree.change("north", parent="root", name="north", metadata={"zone": 1})

    assert (row.version, row.live_child_count) == (1, 1)
    assert len(tree.told()) == events


def test_update_node_refuses_a_version_that_is_not_the_rows(tree: Tree) -> None:
    tree.change("mill", name="Watermill")

    with pytest.raises(VersionConflict) as refused:
        update_node(
            actor=ME,
            environment=tree.environment,
            node=tree.ref("mill"),
            changes={"name": "Windmill"},
            expected_version=1,
        )

    assert (refused.value.data.name, refused.value.data.version) == ("Watermill", 2)
    assert tree.now("mill").name == "Watermill"
    now = update_node(
        actor=ME,
        environment=tree.environment,
        node=tree.ref("mill"),
        changes={"name": "Windmill"},
        expected_version=2,
    )
    assert (now.name, now.version) == ("Windmill", 3)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slug": "south"}, "nodes.slug_taken"),
        ({"external_id": "s-1"}, "nodes.external_id_taken"),
    ],
)
def test_update_node_refuses_what_another_has(tree: Tree, changes, code) -> None:
    tree.change("south", external_id="s-1")

    with pytest.raises(Conflict) as refused:
        tree.change("north", **changes)

    assert refused.value.code == code
    assert tree.now("north").version == 1


def test_update_node_refuses_nodes_of_others(tree: Tree, others: Tree) -> None:
    for ref in (others.ref("theirs"), Ref.of(uuid4())):
        with pytest.raises(NotFound) as refused:
            update_node(actor=ME, environment=tree.environment, node=ref, changes={"name": "x"})
        assert refused.value.code == "nodes.not_found"
    assert others.now("theirs").version == 1


def test_update_node_keeps_the_root_active(tree: Tree) -> None:
    with pytest.raises(RuleViolation) as refused:
        tree.change("root", status="inactive")

    assert refused.value.code == "nodes.root_stays_active"
    assert tree.change("root", name="Company").version == 2


def test_move_node_takes_its_subtree_along(tree: Tree) -> None:
    moved = tree.move("harbour", "mill")

    assert tree.shape() == [
        (0, "root"),
        (1, "north"),
        (1, "south"),
        (2, "mill"),
        (3, "harbour"),
        (4, "quay"),
    ]
    assert (moved.version, moved.depth - 1, moved.live_child_count) == (2, 3, 1)
    assert moved.parent_id == tree.nodes["mill"].pk
    assert tree.now("quay").version == 1
    assert (tree.now("north").live_child_count, tree.now("mill").live_child_count) == (0, 1)
    assert find_problems() == []


def test_move_node_and_back_again_leaves_the_tree_whole(tree: Tree) -> None:
    shape = tree.shape()

    for parent in ("south", "root", "north"):
        tree.move("harbour", parent)
        assert find_problems() == []

    assert tree.shape() == shape
    assert tree.now("harbour").version == 4


@pytest.mark.parametrize("target", ["north", "harbour", "quay"])
def test_move_node_refuses_itself_and_its_own_descendant(tree: Tree, target) -> None:
    shape = tree.shape()

    with pytest.raises(RuleViolation) as refused:
        tree.move("north", target)

    assert refused.value.code == "nodes.into_itself"
    assert tree.shape() == shape
    assert tree.now("north").version == 1


def test_move_node_refuses_the_root(tree: Tree) -> None:
    with pytest.raises(RuleViolation) as refused:
        tree.move("root", "mill")

    assert refused.value.code == "nodes.root_cannot_move"


def test_move_node_counts_how_deep_the_subtree_reaches(tree: Tree) -> None:
    tree.add_chain("level", DEEPEST - 2)
    last = f"level {DEEPEST - 2}"

    with pytest.raises(RuleViolation) as refused:
        tree.move("north", last)
    moved = tree.move("south", last)

    assert refused.value.code == "nodes.too_deep"
    assert moved.depth - 1 == DEEPEST - 1
    assert tree.now("mill").depth - 1 == DEEPEST
    assert find_problems() == []


def test_move_node_refuses_a_slug_that_is_taken_there(tree: Tree) -> None:
    tree.add("mill", "north")
    shape = tree.shape()
    there = [node for node in Node.objects.filter(slug="mill") if node.parent.slug == "south"]
    tree.nodes["mill"] = there[0]

    with pytest.raises(Conflict) as refused:
        tree.move("mill", "north")

    assert refused.value.code == "nodes.slug_taken"
    assert tree.shape() == shape
    assert find_problems() == []
    assert tree.change("mill", parent="north", slug="old-mill").slug == "old-mill"
    assert find_problems() == []


def test_move_node_refuses_a_parent_that_is_not_there(tree: Tree, others: Tree) -> None:
    for parent in (others.ref("theirs"), Ref.of(uuid4())):
        with pytest.raises(NotFound) as refused:
            move_node(actor=ME, environment=tree.environment, node=tree.ref("mill"), parent=parent)
        assert refused.value.code == "nodes.parent_not_found"
    assert find_problems() == []


def test_move_node_refuses_a_version_that_is_not_the_rows(tree: Tree) -> None:
    with pytest.raises(VersionConflict):
        move_node(
            actor=ME,
            environment=tree.environment,
            node=tree.ref("mill"),
            parent=tree.ref("north"),
            expected_version=2,
        )

    assert tree.now("mill").parent_id == tree.nodes["south"].pk


def test_every_act_is_told_with_what_was_and_what_is(tree: Tree) -> None:
    earlier = len(tree.told())

    tree.add("inn", "mill", external_id="i")
    tree.change("inn", name="Inn", description="old")
    tree.change("inn", parent="north", slug="tavern")

    created, updated, moved = tree.told()[earlier:]
    inn = tree.nodes["inn"]
    assert [event.action for event in (created, updated, moved)] == [
        "node.created", "node.updated", "node.moved",
    ]  # fmt: skip
    for event in (created, updated, moved):
        assert (event.resource_id, event.actor_label, event.outcome) == (inn.pk, "test", "success")
    assert created.metadata == {
        "after": {
            "parent_node_id": str(tree.nodes["mill"].pk),
            "name": "inn",
            "slug": "inn",
            "node_type": "node",
            "external_id": "i",
            "description": "",
            "status": "active",
            "metadata": {},
        },
        "version": 1,
    }
    assert updated.metadata == {
        "before": {"name": "inn", "description": ""},
        "after": {"name": "Inn", "description": "old"},
        "version": 2,
    }
    assert moved.metadata == {
        "before": {"parent_node_id": str(tree.nodes["mill"].pk), "slug": "inn"},
        "after": {"parent_node_id": str(tree.nodes["north"].pk), "slug": "tavern"},
        "version": 3,
    }


@pytest.mark.parametrize(
    ("action", "act"),
    [
        ("node.created", lambda tree: tree.add("inn")),
        ("node.updated", lambda tree: tree.change("mill", name="x")),
        ("node.moved", lambda tree: tree.move("harbour", "mill")),
    ],
)
def test_what_cannot_be_told_is_not_done(tree: Tree, action, act) -> None:
    before = list(Node.objects.order_by("pk").values())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE environments_auditevent ADD CONSTRAINT untold"
            f" CHECK (action <> '{action}') NOT VALID"
        )

    with pytest.raises(IntegrityError, match="untold"):
        act(tree)

    assert list(Node.objects.order_by("pk").values()) == before


def test_a_metadata_change_from_one_to_true_is_a_change(environment, actor, root) -> None:
    node = create_node(
        actor=actor,
        environment=environment,
        parent=Ref.of(root.pk),
        name="Site",
        metadata={"open": 1},
    )

    row = update_node(
        actor=actor,
        environment=environment,
        node=Ref.of(node.pk),
        changes={"metadata": {"open": True}},
    )

    assert row.metadata == {"open": True}
    assert row.metadata["open"] is True
    assert row.version == node.version + 1
