"""What is asked and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from common.refs import Ref


class Question(NamedTuple):
    """May this identity do this, here?

    Args:
        identity: who.
        permission: the key of what they would do.
        node: where; None asks whether anywhere in the environment.
        at: at which instant; None is now.
    """

    identity: Ref
    permission: str
    node: Ref | None
    at: datetime | None = None


class Decision(NamedTuple):
    """The answer to one question.

    Args:
        allowed: whether they may.
        denial_reason: why not; None where allowed.
        granting_roles: the names of the roles that allow it, sorted.
        effective_node_id: the nearest node whose assignment allows it; None where denied.
    """

    allowed: bool
    denial_reason: str | None
    granting_roles: list[str]
    effective_node_id: str | None
