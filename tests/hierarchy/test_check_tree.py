"""`check_tree` names what is wrong with a tree, and finds nothing wrong with one that is whole."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from hierarchy.models import Node
from hierarchy.queries import find_problems
from tests.hierarchy.trees import Tree
from tests.onboarding.commands import run_command
from tests.rituals import statements_of

pytestmark = pytest.mark.django_db

FOREIGN_KEYS = "hierarchy_node_parent_id_same_environment"


def damage(statement: str, **values: Any) -> None:
    """Change rows past everything that would refuse it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE hierarchy_node DROP CONSTRAINT {FOREIGN_KEYS}")
        cursor.execute("ALTER TABLE hierarchy_node DROP CONSTRAINT node_depth_fits_parent")
        cursor.execute(statement, values)


def test_a_whole_tree_has_no_problems(tree: Tree, others: Tree) -> None:
    said = StringIO()

    call_command("check_tree", stdout=said)

    assert said.getvalue() == "Every tree is whole.\n"
    assert find_problems() == []
    assert statements_of(find_problems) == 1


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE hierarchy_node SET path = left(path, -4) || '00ZZ' WHERE name = 'harbour'",
            {("quay", "its path does not continue its parent's")},
        ),
        (
            "UPDATE hierarchy_node SET path = (SELECT path FROM hierarchy_node WHERE name = 'mill')"
            " || '0001' WHERE name = 'quay'",
            {("quay", "its path does not continue its parent's")},
        ),
        (
            "UPDATE hierarchy_node SET parent_id ="
            " (SELECT id FROM hierarchy_node WHERE name = 'mill') WHERE name = 'harbour'",
            {
                ("harbour", "its path does not continue its parent's"),
                ("harbour", "its depth does not follow its parent's"),
                ("north", "its number of children is wrong"),
                ("mill", "its number of children is wrong"),
            },
        ),
        (
            "UPDATE hierarchy_node SET depth = 9 WHERE name = 'quay'",
            {
                ("quay", "its depth does not follow its parent's"),
                ("quay", "its depth does not fit its path"),
            },
        ),
        (
            "UPDATE hierarchy_node SET path = path || '0001' WHERE name = 'quay'",
            {
                ("quay", "its depth does not fit its path"),
                ("quay", "its path does not continue its parent's"),
            },
        ),
        (
            "UPDATE hierarchy_node SET numchild = 7 WHERE name = 'mill'",
            {("mill", "its number of children is wrong")},
        ),
        (
            "UPDATE hierarchy_node SET parent_id = gen_random_uuid() WHERE name = 'quay'",
            {
                ("quay", "its parent does not exist"),
                ("harbour", "its number of children is wrong"),
            },
        ),
        (
            "UPDATE hierarchy_node SET deleted_at = now() WHERE name = 'harbour'",
            {("quay", "it lives below a deleted node")},
        ),
    ],
)
def test_a_damaged_tree_is_named(tree: Tree, others: Tree, statement, found) -> None:
    damage(statement)

    problems = find_problems()

    named = {node.pk: name for name, node in tree.nodes.items()}
    assert {(named[problem.node_id], problem.problem) for problem in problems} == found
    assert {problem.environment_id for problem in problems} == {tree.environment.pk}
    assert find_problems(tree.environment) == problems
    assert find_problems(others.environment) == []


def test_a_node_below_another_environments_is_named(tree: Tree, others: Tree) -> None:
    damage(
        "UPDATE hierarchy_node SET parent_id = %(parent)s WHERE id = %(node)s",
        parent=others.nodes["theirs"].pk,
        node=tree.nodes["harbour"].pk,
    )

    problems = {problem.problem for problem in find_problems(tree.environment)}

    assert "its parent is in another environment" in problems


def test_a_second_top_is_named(tree: Tree) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("DROP INDEX node_one_root")
    damage("UPDATE hierarchy_node SET parent_id = NULL WHERE name = 'mill'")

    problems = {(problem.node_id, problem.problem) for problem in find_problems()}

    assert (tree.nodes["mill"].pk, "it has no parent and is not a root") in problems


def test_the_command_fails_and_says_where(tree: Tree) -> None:
    damage("UPDATE hierarchy_node SET numchild = 0 WHERE name = 'north'")
    errors = StringIO()

    with pytest.raises(CommandError, match="1 problems in the tree"):
        call_command("check_tree", stderr=errors)

    north = Node.objects.get(name="north")
    assert errors.getvalue() == (
        f"{tree.environment.pk} {north.pk}: its number of children is wrong\n"
    )


def test_check_tree_says_when_no_server_is_there(tmp_path: Path) -> None:
    done = run_command("check_tree", DATABASE_URL="", TRELLIS_DATA=str(tmp_path))

    assert done.returncode == 1
    assert f"The database in {tmp_path} does not answer." in done.stderr
    assert "Traceback" not in done.stderr
