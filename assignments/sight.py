"""Which identities whoever asks may see: all of the environment, or those assigned in a bound subtree."""

from __future__ import annotations

from collections.abc import Iterable

from assignments.models import Assignment
from common.refs import Ref
from environments.models import Environment
from hierarchy.models import Node
from identities.models import Identity, IdentityQuerySet
from identities.queries import identity_not_found, resolve_among


def identities_seen(environment: Environment) -> IdentityQuerySet:
    """The identities that the caller sees.

    A caller bound to a node sees those with a live assignment in its subtree, invited and inactive ones
    among them.

    Args:
        environment: whose identities, and `bound_to` which node the caller is.

    Returns:
        A queryset without an order.
    """
    rows = Identity.objects.in_environment(environment)
    if environment.bound_to is None:
        return rows
    places = Node.objects.in_environment(environment).order_by().values("pk")
    held = Assignment.objects.filter(environment=environment, node__in=places).live()
    return rows.filter(pk__in=held.values("identity"))


def resolve_identities_seen(environment: Environment, refs: Iterable[Ref]) -> dict[Ref, Identity]:
    """Identities that the caller sees, by the references that it gave; one statement.

    Args:
        environment: whose identities, and which node the caller is bound to.
        refs: any number of references; repeated ones do no harm.

    Returns:
        The identities found; a reference without one is missing.
    """
    return resolve_among(identities_seen(environment), refs)


def get_identity_seen(environment: Environment, ref: Ref) -> Identity:
    """One identity that the caller sees.

    Args:
        environment: whose identity, and which node the caller is bound to.
        ref: how the caller names it.

    Returns:
        The identity.

    Raises:
        NotFound: `identities.not_found`, also for one without a live assignment in the bound subtree.
    """
    found = resolve_identities_seen(environment, [ref]).get(ref)
    if found is None:
        raise identity_not_found(ref)
    return found
