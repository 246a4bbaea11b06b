"""Bringing back what one deletion took out of the tree."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from assignments.services.removal import delete_node
from common.errors import Conflict, DomainError, Forbidden, NotFound
from common.refs import Ref
from environments.actors import Actor
from environments.models import ActorType, Environment
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import Node
from hierarchy.queries import find_problems
from hierarchy.services.restore import plan_restore, restore_nodes
from hierarchy.services.schema import change_schema
from tests.assignments.cast import snapshot
from tests.hierarchy.trees import ME, Tree
from tests.rituals import statements_of

pytestmark = pytest.mark.django_db


def delete(tree: Tree, name: str) -> UUID:
    """Delete a node; gives the batch."""
    return delete_node(actor=ME, environment=tree.environment, node=tree.ref(name))


def restore(tree: Tree, deletion: UUID, actor: Actor = ME) -> int:
    """Bring back what a batch deleted; the plan says beforehand how much it is."""
    planned = plan_restore(actor, tree.environment, deletion)
    count = restore_nodes(
        actor=actor, environment=tree.environment, deletion_id=deletion, batch_id=uuid4()
    )
    assert count == planned.node_count
    return count


def refusal(tree: Tree, deletion: UUID, actor: Actor = ME) -> str:
    """Why a deletion cannot be taken back, which the plan and the act agree on; nothing is written."""
    before = snapshot(tree.environment)
    codes = []
    for act in (
        lambda: plan_restore(actor, tree.environment, deletion),
        lambda: restore_nodes(
            actor=actor, environment=tree.environment, deletion_id=deletion, batch_id=uuid4()
        ),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        codes.append((type(refused.value), refused.value.code))
    assert codes[0] == codes[1]
    assert snapshot(tree.environment) == before
    return codes[0][1]


def test_what_one_deletion_took_comes_back_where_it_stood(tree: Tree) -> None:
    shape = tree.shape()
    deletion = delete(tree, "north")
    marked = Node.objects.filter(deletion_id=deletion)
    assert {node.name for node in marked} == {"north", "harbour", "quay"}

    assert restore(tree, deletion) == 3

    assert tree.shape() == shape
    assert tree.now("north").version == tree.now("quay").version == 3
    assert (tree.now("north").deletion_id, tree.now("root").live_child_count) == (None, 2)
    assert find_problems() == []


def test_what_another_deletion_took_stays_deleted(tree: Tree) -> None:
    first = delete(tree, "harbour")
    second = delete(tree, "north")

    assert refusal(tree, first) == "nodes.parent_deleted"
    assert restore(tree, second) == 1
    assert (1, "north") in tree.shape()
    assert (2, "harbour") not in tree.shape()
    assert find_problems() == []
    assert restore(tree, first) == 2
    assert (3, "quay") in tree.shape()
    assert find_problems() == []


def test_it_comes_back_below_a_parent_that_moved_meanwhile(tree: Tree) -> None:
    deletion = delete(tree, "quay")
    tree.move("harbour", "mill")
    tree.add("new", "harbour")

    restore(tree, deletion)

    assert (4, "quay") in tree.shape()
    assert tree.now("harbour").live_child_count == 2
    assert find_problems() == []


@pytest.mark.parametrize(
    ("others", "code"),
    [({"slug": "north"}, "nodes.slug_taken"), ({"external_id": "n-1"}, "nodes.external_id_taken")],
)
def test_what_was_given_away_meanwhile_keeps_it_away(tree: Tree, others, code) -> None:
    deletion = delete(tree, "north")
    tree.add("other", **others)

    assert refusal(tree, deletion) == code
    assert find_problems() == []


def test_an_external_id_further_down_counts_as_well(tree: Tree) -> None:
    tree.change("quay", external_id="q")
    deletion = delete(tree, "north")
    tree.add("other", external_id="q")

    assert refusal(tree, deletion) == "nodes.external_id_taken"


def test_it_comes_back_only_where_the_schema_still_lets_it(tree: Tree) -> None:
    deletion = delete(tree, "mill")
    change_schema(
        actor=ME,
        environment=tree.environment,
        changes={
            "node_types": ["root", "region", "node"],
            "root_node_type": "root",
        },
    )
    assert restore(tree, deletion) == 1

    deletion = delete(tree, "mill")
    delete(tree, "north")
    change_schema(
        actor=ME,
        environment=tree.environment,
        changes={"allowed_children": {"region": ["region"]}},
    )
    assert refusal(tree, deletion) == "hierarchy_schema.broken"


def test_what_is_not_deleted_is_not_there_to_restore(tree: Tree, others: Tree) -> None:
    deletion = delete(tree, "mill")
    restore(tree, deletion)
    theirs = delete(others, "theirs")

    for unknown in (uuid4(), deletion, theirs):
        assert refusal(tree, unknown) == "nodes.nothing_to_restore"
    with pytest.raises(NotFound):
        plan_restore(ME, tree.environment, theirs)


def test_it_needs_the_right_to_change_the_tree_at_the_place_above(tree: Tree) -> None:
    deletion = delete(tree, "mill")
    viewer = Actor(ActorType.API_KEY, None, "viewer", ALL_SCOPES - {Scope.HIERARCHY_MANAGE})
    manage = frozenset({Scope.HIERARCHY_MANAGE})
    of_south, of_north = (
        Actor(ActorType.API_KEY, None, "bound", manage, node_id=tree.nodes[name].pk)
        for name in ("south", "north")
    )

    assert refusal(tree, deletion, viewer) == "scope_missing"
    assert refusal(tree, deletion, of_north) == "beyond_own_node"
    with pytest.raises(Forbidden):
        plan_restore(of_north, tree.environment, deletion)
    assert restore(tree, deletion, of_south) == 1


def test_a_restoration_is_told_and_counts_as_a_change_of_shape(tree: Tree) -> None:
    deletion = delete(tree, "north")
    before = Environment.objects.get(pk=tree.environment.pk).tree_version
    batch = uuid4()

    restore_nodes(actor=ME, environment=tree.environment, deletion_id=deletion, batch_id=batch)

    event = tree.told()[-1]
    assert (event.action, event.resource_id, event.batch_id) == (
        "node.restored", tree.nodes["north"].pk, batch,
    )  # fmt: skip
    assert (event.metadata["version"], event.metadata["after"]["slug"]) == (3, "north")
    assert Environment.objects.get(pk=tree.environment.pk).tree_version == before + 1


def test_restoring_takes_as_many_statements_for_300_nodes_as_for_3(tree: Tree) -> None:
    counts = []
    for total in (3, 300):
        tree.add(f"top {total}")
        for n in range(total // 30 + 1):
            tree.add_chain(f"c {total} {n}", 29 if total > 3 else 2, f"top {total}")
        deletion = delete(tree, f"top {total}")
        counts.append(
            statements_of(
                lambda deletion=deletion: restore_nodes(  # type: ignore[misc]
                    actor=ME,
                    environment=tree.environment,
                    deletion_id=deletion,
                    batch_id=uuid4(),
                )
            )
        )

    assert counts[0] == counts[1]
    assert find_problems() == []


def test_a_taken_place_is_a_conflict_for_whoever_asks(tree: Tree) -> None:
    deletion = delete(tree, "north")
    tree.add("north")

    with pytest.raises(Conflict) as refused:
        plan_restore(ME, tree.environment, deletion)

    assert refused.value.details == ["slug: is taken"]
    assert Ref.of(tree.nodes["north"].pk) == tree.ref("north")
