"""The access rule once more, walking parent pointers in memory: what the product's SQL is held against."""

from collections.abc import Iterable, Sequence


def is_allowed(
    parents: Sequence[int | None],
    grants: Iterable[tuple[int, frozenset[int]]],
    permission: int,
    node: int,
    inactive: frozenset[int] = frozenset(),
) -> bool:
    """Whether one of the effective grants of an active identity reaches the node.

    Args:
        parents: each node's parent; None for the root.
        grants: node and permissions of each assignment that is effective now.
        permission: what is asked.
        node: where.
        inactive: nodes that are switched off.
    """
    above = set()
    here: int | None = node
    while here is not None:
        above.add(here)
        here = parents[here]
    return not above & inactive and any(
        place in above and permission in carried for place, carried in grants
    )


def way_to(parents: Sequence[int | None], node: int) -> list[int]:
    """The nodes from the root down to a node.

    Args:
        parents: each node's parent; None for the root.
        node: where the way ends.
    """
    way: list[int] = []
    here: int | None = node
    while here is not None:
        way.insert(0, here)
        here = parents[here]
    return way


def in_tree_order(parents: Sequence[int | None]) -> list[int]:
    """All nodes, parents before their children and siblings in the order in which they came.

    Args:
        parents: each node's parent; None for the root.
    """
    return sorted(range(len(parents)), key=lambda node: way_to(parents, node))
