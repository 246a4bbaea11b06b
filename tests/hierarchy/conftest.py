"""The tree of the tests of the tree."""

import pytest

from environments.models import Environment
from tests.hierarchy.trees import Tree


@pytest.fixture
def tree(environment: Environment) -> Tree:
    """Below the root `north` with `harbour` and its `quay`, and beside it `south` with `mill`."""
    tree = Tree(environment)
    tree.add("north", node_type="region", external_id="n-1", metadata={"zone": 1})
    tree.add("harbour", "north")
    tree.add("quay", "harbour")
    tree.add("south", node_type="region")
    tree.add("mill", "south")
    return tree


@pytest.fixture
def others(make_environment) -> Tree:
    """A tree of another environment, with a node `theirs`."""
    tree = Tree(make_environment())
    tree.add("theirs")
    return tree
