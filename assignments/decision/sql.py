"""The parts that the statements of the decision are made of.

Every statement starts from `c`, the questions: environment_id, identity, permission, node, at, and `bound`
where the caller is bound to a node. Each part joins what it is named for.
"""

from collections.abc import Collection
from typing import Final

from assignments.grants import IN_LIFE, MAY_ACT, live
from hierarchy.models import Node

_IDENTITY_BY = {
    "id": "id = c.identity::uuid",
    "ext": "external_id = c.identity",
    "email": "email = c.identity",
}
_NODE_BY = {"id": "id = c.node::uuid", "ext": "external_id = c.node"}


def _one_of(
    table: str, columns: str, live: str, by: dict[str, str], kind: str, kinds: Collection[str]
) -> str:
    """A row by whichever reference was given; the branches of kinds that nobody used are left out."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {_rows(table, 'found', by[name], fenced=name == 'id')}"
        f" WHERE environment_id = c.environment_id AND {live}"
        + (f" AND c.{kind} = '{name}'" if len(kinds) > 1 else "")
        for name in sorted(kinds)
    )


def _rows(table: str, alias: str, condition: str, *, fenced: bool) -> str:
    """The rows under a condition, looked for by it alone where they are fenced.

    A table that was just filled has no statistics yet; without the fence (OFFSET 0) PostgreSQL then
    takes indexes that begin with the environment for as good as the primary key, and reads them whole.
    """
    return f"(SELECT * FROM {table} WHERE {condition}{' OFFSET 0' if fenced else ''}) {alias}"


def held(condition: str) -> str:
    """The assignments `a` of the identity `i`, looked for by identity and node before any role is.

    Args:
        condition: an SQL text that narrows them further.

    Returns:
        An SQL text for a FROM clause.
    """
    condition = f"identity_id = i.id AND {condition}"
    return _rows("assignments_assignment", "a", condition, fenced=True)


def identity(kinds: Collection[str]) -> str:
    """Joins `i`, the identity asked about.

    Args:
        kinds: which kinds of reference occur among the questions.

    Returns:
        An SQL text.
    """
    found = _one_of(
        "identities_identity",
        "id, status",
        "status <> 'removed'",
        _IDENTITY_BY,
        "identity_kind",
        kinds,
    )
    return f" LEFT JOIN LATERAL ({found} LIMIT 1) i ON true"


def node(kinds: Collection[str], *, bound: bool = False) -> str:
    """Joins `n`, the node asked about.

    Args:
        kinds: which kinds of reference occur among the questions.
        bound: whether only nodes within the bound are found.

    Returns:
        An SQL text.
    """
    live_node = f"deleted_at IS NULL AND {within('path')}" if bound else "deleted_at IS NULL"
    found = _one_of("hierarchy_node", "id, path", live_node, _NODE_BY, "node_kind", kinds)
    return f" LEFT JOIN LATERAL ({found} LIMIT 1) n ON true"


PERMISSION: Final = (
    " LEFT JOIN assignments_permission p"
    " ON p.environment_id = c.environment_id AND p.key = c.permission"
)

# The role `r` of an assignment `a` in life; then only where it carries the permission `p`.
IN_ROLE: Final = f" JOIN assignments_role r ON r.id = a.role_id AND {IN_LIFE}"
CARRYING: Final = (
    f"{IN_ROLE}"
    " JOIN assignments_rolepermission rp ON rp.role_id = a.role_id AND rp.permission_id = p.id"
)

# The node that the caller is bound to; without it nothing is within.
BOUND: Final = (
    " LEFT JOIN hierarchy_node b"
    " ON b.id = c.bound AND b.environment_id = c.environment_id AND b.deleted_at IS NULL"
)


def below_or_at(path: str, top: str) -> str:
    """Whether a path is another or continues it; a range of the path's index.

    Args:
        path: an SQL text for the path.
        top: an SQL text for the other.

    Returns:
        An SQL text.
    """
    # Steps are made of 0-9 and A-Z, which collate before any small letter.
    return f"({path} >= {top} AND {path} < {top} || 'z')"


def within(path: str) -> str:
    """Whether a path lies within the bound.

    Args:
        path: an SQL text for the path.

    Returns:
        An SQL text.
    """
    return below_or_at(path, "b.path")


def reach(top: str) -> str:
    """The topmost place below or at a node that a grant at `h` reaches; null where it reaches none.

    Args:
        top: an SQL text for the node's path.

    Returns:
        An SQL text for a path.
    """
    return (
        f"(CASE WHEN starts_with({top}, h.path) THEN {top}"
        f" WHEN starts_with(h.path, {top}) THEN h.path END)"
    )


# Whether a bound caller sees the identity `i`: assignments/sight.py says the same of many.
SEEN: Final = (
    "EXISTS (SELECT FROM assignments_assignment s JOIN hierarchy_node seen ON seen.id = s.node_id"
    f" WHERE s.identity_id = i.id AND {live('s')}"
    f" AND seen.deleted_at IS NULL AND {within('seen.path')})"
)


def prefixes(path: str) -> str:
    """The paths of a node and all its ancestors.

    Args:
        path: an SQL text for the node's path.

    Returns:
        An SQL text that gives an array; as an array the planner looks each up in the index.
    """
    step = Node.steplen
    return (
        f"ARRAY(SELECT left({path}, cut) FROM generate_series({step}, length({path}), {step}) cut)"
    )


BLOCKED: Final = "(up.status <> 'active' OR up.deleted_at IS NOT NULL)"

LINEAGE: Final = (
    " LEFT JOIN LATERAL (SELECT array_agg(up.id) AS ids, bool_or" + BLOCKED + " AS blocked"
    f" FROM hierarchy_node up WHERE up.path = ANY({prefixes('n.path')})) lineage ON n.id IS NOT NULL"
)


def way_is_open(path: str) -> str:
    """Whether nothing on the way from the root to a place is inactive.

    Args:
        path: an SQL text for its path.

    Returns:
        An SQL text.
    """
    way = prefixes(path)
    return f"NOT EXISTS (SELECT FROM hierarchy_node up WHERE up.path = ANY({way}) AND {BLOCKED})"


def unblocked(node: str) -> str:
    """Whether nothing on the way from the root to a node is inactive.

    Args:
        node: the alias it stands under.

    Returns:
        An SQL text.
    """
    return way_is_open(f"{node}.path")


# The place of an assignment holds only while nothing on the way to it is inactive.
UNBLOCKED: Final = unblocked("h")


def place_holds(*, bound: bool) -> str:
    """Whether a grant at `h` reaches a node that is not switched off and that the caller sees.

    Args:
        bound: whether the caller is bound to a node.

    Returns:
        An SQL text.
    """
    if not bound:
        return UNBLOCKED
    place = reach("b.path")
    return f"{place} IS NOT NULL AND {way_is_open(place)}"


def standing(*, asks_node: bool, asks_anywhere: bool) -> str:
    """The first reason that does not depend on any assignment.

    Args:
        asks_node: whether some question is about one node.
        asks_anywhere: whether some question is about any node.

    Returns:
        An SQL text that gives a denial reason, or null.
    """
    about_node = "c.node IS NOT NULL AND " if asks_anywhere else ""
    of_node = (
        f" WHEN {about_node}n.id IS NULL THEN 'node_not_found'"
        f" WHEN {about_node}lineage.blocked THEN 'node_inactive'"
    )
    return (
        "CASE WHEN i.id IS NULL THEN 'identity_not_found'"
        f" WHEN NOT ({MAY_ACT}) THEN 'identity_' || i.status"
        f"{of_node if asks_node else ''} WHEN p.id IS NULL THEN 'permission_not_found' END"
    )
