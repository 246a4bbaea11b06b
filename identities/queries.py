"""Questions about identities."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from common.errors import NotFound
from common.lookups import among
from common.refs import Ref
from environments.models import Environment
from identities.models import Identity, IdentityQuerySet


def identity_not_found(ref: Ref) -> NotFound:
    """The refusal of an identity that is not in the caller's reach.

    Args:
        ref: how the caller named it.

    Returns:
        `identities.not_found`.
    """
    return NotFound("identities.not_found", f"There is no identity {ref}.")


def named_by(refs: Iterable[Ref]) -> Q | None:
    """The condition that any of these references names an identity.

    Args:
        refs: any number of references.

    Returns:
        The condition, or None without a reference.
    """
    values: dict[str, list[str]] = {"id": [], "ext": [], "email": []}
    for ref in refs:
        values[ref.kind].append(ref.value)
    named = Q()
    for kind, column in (("id", "pk"), ("ext", "external_id"), ("email", "email")):
        if values[kind]:
            named |= among(column, values[kind])
    return named or None


def resolve_identities(environment: Environment, refs: Iterable[Ref]) -> dict[Ref, Identity]:
    """Identities by the references that callers gave; one statement.

    Args:
        environment: whose identities.
        refs: any number of references; repeated ones do no harm.

    Returns:
        The identities found; a reference without one is missing.
    """
    return resolve_among(Identity.objects.in_environment(environment), refs)


def resolve_among(rows: IdentityQuerySet, refs: Iterable[Ref]) -> dict[Ref, Identity]:
    """Those of some identities that references name; one statement.

    Args:
        rows: the identities in the caller's reach.
        refs: any number of references; repeated ones do no harm.

    Returns:
        The identities found; a reference without one is missing.
    """
    wanted = set(refs)
    named = named_by(wanted)
    if named is None:
        return {}
    found: dict[Ref, Identity] = {}
    for identity in rows.filter(named):
        found[Ref.of(identity.pk)] = identity
        found[Ref("email", identity.email)] = identity
        if identity.external_id is not None:
            found[Ref("ext", identity.external_id)] = identity
    return {ref: found[ref] for ref in wanted if ref in found}


def get_identity(environment: Environment, ref: Ref) -> Identity:
    """One identity.

    Args:
        environment: whose identity.
        ref: how the caller names it.

    Returns:
        The identity.

    Raises:
        NotFound: `identities.not_found`, also for one that was removed or is another environment's.
    """
    found = resolve_identities(environment, [ref]).get(ref)
    if found is None:
        raise identity_not_found(ref)
    return found
