"""Locks on identities: after the tree lock, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable

from common.refs import Ref
from environments.models import Environment
from identities.models import Identity
from identities.queries import named_by


def lock_identities(environment: Environment, refs: Iterable[Ref]) -> None:
    """Keep identities, and what they are given, as they are until the transaction ends.

    FOR NO KEY UPDATE: rows that merely refer to an identity are still written meanwhile.

    Args:
        environment: whose identities.
        refs: which; those that do not exist do no harm.

    Raises:
        OperationalError: if one is not free within the lock timeout; doors answer 503.
    """
    named = named_by(refs)
    if named is not None:
        rows = Identity.objects.in_environment(environment).filter(named).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))
