"""What every act that puts a node somewhere asks first: is the place there, and is it free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID

from django.db.models import Q

from common.errors import Conflict, NotFound, RuleViolation
from common.refs import Ref
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import node_not_found, resolve_nodes
from hierarchy.slugs import LONGEST, Siblings, slug_of

DEFAULT_NODE_TYPE = "node"
TAKEN: Mapping[str, Callable[[], Conflict]] = {
    "node_slug_unique": partial(
        Conflict, "nodes.slug_taken", "A sibling already has this slug.", details=["slug: is taken"]
    ),
    "node_external_id_unique": partial(
        Conflict,
        "nodes.external_id_taken",
        "Another node already has this external_id.",
        details=["external_id: is taken"],
    ),
}


def parent_not_found(ref: Ref) -> NotFound:
    """The refusal of a parent that is not in the caller's reach.

    Args:
        ref: how the caller named it.

    Returns:
        `nodes.parent_not_found`.
    """
    refusal = node_not_found(ref)
    refusal.code = "nodes.parent_not_found"
    return refusal


def find_parent(environment: Environment, ref: Ref) -> Node:
    """The live node that shall be the parent of another.

    Args:
        environment: whose node.
        ref: how the caller names it.

    Returns:
        The node.

    Raises:
        NotFound: `nodes.parent_not_found`.
    """
    found = resolve_nodes(environment, [ref]).get(ref)
    if found is None:
        raise parent_not_found(ref)
    return found


def require_none(refusal: RuleViolation | None) -> None:
    """Raise what a rule gave, if it gave anything.

    Args:
        refusal: why something may not be, or None.

    Raises:
        RuleViolation: the refusal.
    """
    if refusal is not None:
        raise refusal


def require_free_slug(parent_id: UUID | None, slug: str, *, but: UUID | None = None) -> None:
    """Refuse a slug that a live sibling has, whoever can see that sibling.

    Args:
        parent_id: below which node; None for the root, which has no siblings.
        slug: which.
        but: the node whose own slug it may be.

    Raises:
        Conflict: `nodes.slug_taken`.
    """
    if parent_id is None:
        # Without a parent stand the roots of all environments, which know nothing of each other.
        return
    siblings = Node.objects.filter(parent=parent_id, slug=slug, deleted_at=None)
    if siblings.exclude(pk=but).exists():
        raise TAKEN["node_slug_unique"]()


def require_free_external_id(
    environment: Environment, external_id: str | None, *, but: UUID | None = None
) -> None:
    """Refuse an external id that a live node has, whoever can see that node.

    Args:
        environment: whose nodes.
        external_id: which; none is always free.
        but: the node whose own it may be.

    Raises:
        Conflict: `nodes.external_id_taken`.
    """
    if external_id is None:
        return
    holders = Node.objects.filter(environment=environment, external_id=external_id, deleted_at=None)
    if holders.exclude(pk=but).exists():
        raise TAKEN["node_external_id_unique"]()


def free_slug_below(parent: Node, name: str) -> str:
    """The slug that a name suggests, with a number where a live sibling has it.

    Args:
        parent: below which node.
        name: what people call the new node.

    Returns:
        At most 100 characters.
    """
    wanted = slug_of(name)
    alike = Q(slug=wanted) | Q(slug__startswith=f"{wanted[: LONGEST - 10]}-")
    siblings = Node.objects.filter(alike, parent=parent, deleted_at=None)
    return Siblings(siblings.values_list("slug", flat=True)).take_like(wanted)
