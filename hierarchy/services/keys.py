"""API keys: no one makes, renews, switches or deletes a key that may more than they may."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from common.errors import Conflict, NotFound, RuleViolation
from common.refs import Ref
from environments.actors import Actor
from environments.keys import hash_key, make_key, preview_key
from environments.models import ApiKey, Environment
from environments.queries import get_key
from environments.scopes import BOUND_SCOPES, Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape
from hierarchy.queries import resolve_nodes

LONGEST_GRACE = timedelta(days=7)


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    environment: Environment,
    name: str,
    access_mode: str,
    scopes: Iterable[Scope] = (),
    description: str = "",
    node: Ref | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key to an environment.

    Args:
        actor: who makes it; its scopes, node and expiry bound the key's.
        environment: what the key opens.
        name: what people call it.
        access_mode: an `ApiKey.AccessMode`.
        scopes: for a scoped key, at least one; for a full-access key, none.
        description: what it is for.
        node: the node in whose subtree alone it acts; None for the whole environment.
        expires_at: when it ends by itself, if it does.

    Returns:
        The key and its text, which is nowhere kept.

    Raises:
        RuleViolation: `api_keys.scopes_do_not_fit`, `api_keys.scopes_beyond_node`, or
            `api_keys.expired_from_the_start`.
        NotFound: `api_keys.node_not_found`.
        Forbidden: `scope_missing`, `beyond_own_node` or `beyond_own_expiry`.
    """
    actor.require(Scope.KEY_MANAGE)
    ordered = [scope.value for scope in Scope if scope in frozenset(scopes)]
    _require_fit(access_mode, ordered, node)
    text = make_key()
    key = ApiKey(
        environment=environment,
        name=name,
        description=description,
        key_hash=hash_key(text),
        key_preview=preview_key(text),
        access_mode=access_mode,
        scopes=ordered,
        node_id=None if node is None else _lock_node(environment, node),
        expires_at=expires_at,
        created_by=actor.label,
    )
    require_power(actor, environment, _power_of(key))
    key.save(force_insert=True)
    if _has_expired(key):
        raise RuleViolation(
            "api_keys.expired_from_the_start",
            "The key would never open anything.",
            details=["expires_at: must lie in the future"],
        )
    audit.record(
        actor=actor,
        environment=environment,
        action="api_key.created",
        resource=key,
        after=_told(key),
    )
    return get_key(environment, key.pk), text


@transaction.atomic
def rotate_api_key(
    *,
    actor: Actor,
    environment: Environment,
    key_id: UUID,
    grace: timedelta = timedelta(0),
) -> tuple[ApiKey, str]:
    """Give a key a new text; the old one opens for a while, or no more.

    Args:
        actor: who does it.
        environment: whose key.
        key_id: which key.
        grace: how long the old text still opens, up to `LONGEST_GRACE`; the text before it never does.

    Returns:
        The key and its new text, which is nowhere kept.

    Raises:
        NotFound: `api_keys.not_found`.
        Conflict: `api_keys.expired`.
        Forbidden: if the key may do more, elsewhere, or longer, than the actor.
    """
    key = _lock_key(actor, environment, key_id, confers=True)
    if _has_expired(key):
        raise Conflict("api_keys.expired", "This key has expired; create a new one instead.")
    text = make_key()
    ApiKey.objects.filter(pk=key.pk).update(
        key_hash=hash_key(text),
        key_preview=preview_key(text),
        former_hash=key.key_hash if grace else None,
        former_until=Now() + grace if grace else None,
    )
    rotated = get_key(environment, key.pk)
    audit.record(
        actor=actor,
        environment=environment,
        action="api_key.rotated",
        resource=rotated,
        before={"key_preview": key.key_preview},
        after={"key_preview": rotated.key_preview, "former_until": rotated.former_until},
    )
    return rotated, text


@transaction.atomic
def set_api_key_active(
    *, actor: Actor, environment: Environment, key_id: UUID, is_active: bool
) -> ApiKey:
    """Enable or disable a key; a disabled one stops at the next request everywhere.

    Args:
        actor: who does it.
        environment: whose key.
        key_id: which key.
        is_active: what it shall be.

    Returns:
        The key as it is now.

    Raises:
        NotFound: `api_keys.not_found`.
        Forbidden: if the key may do more, elsewhere, or longer, than the actor.
    """
    key = _lock_key(actor, environment, key_id, confers=is_active)
    if key.is_active != is_active:
        key.is_active = is_active
        key.save(update_fields=["is_active"])
        audit.record(
            actor=actor,
            environment=environment,
            action="api_key.enabled" if is_active else "api_key.disabled",
            resource=key,
            before={"is_active": not is_active},
            after={"is_active": is_active},
        )
    return key


@transaction.atomic
def delete_api_key(*, actor: Actor, environment: Environment, key_id: UUID) -> ApiKey:
    """Delete a key for good; its row stays as history.

    Part of a deletion that also looks after the invitations that the key has sent.

    Args:
        actor: who does it.
        environment: whose key.
        key_id: which key.

    Returns:
        The key as it was.

    Raises:
        NotFound: `api_keys.not_found`.
        Forbidden: if the key may do more, elsewhere, or longer, than the actor.
    """
    key = _lock_key(actor, environment, key_id, confers=False)
    ApiKey.objects.filter(pk=key.pk).update(deleted_at=Now())
    audit.record(
        actor=actor,
        environment=environment,
        action="api_key.deleted",
        resource=key,
        before=_told(key),
    )
    return key


def _power_of(key: ApiKey) -> Power:
    """What an act on a key moves: all that the key may, where it may, until it ends."""
    return Power(
        key.scopes_in_effect | {Scope.KEY_MANAGE},
        None if key.node_id is None else [key.node_id],
        ends=True,
        expires_at=key.expires_at,
    )


def _require_fit(access_mode: str, scopes: list[str], node: Ref | None) -> None:
    if (access_mode == ApiKey.AccessMode.SCOPED) != bool(scopes):
        raise RuleViolation(
            "api_keys.scopes_do_not_fit",
            "A scoped key carries at least one scope, a full-access key none.",
            details=["scopes: at least one for scoped, none for full_access"],
        )
    if node is None:
        return
    if access_mode == ApiKey.AccessMode.FULL_ACCESS:
        raise RuleViolation(
            "api_keys.scopes_beyond_node",
            "A key that is bound to a node is a scoped one.",
            details=["access_mode: must be scoped for a key with node_id"],
        )
    beyond = [scope for scope in scopes if scope not in BOUND_SCOPES]
    if beyond:
        raise RuleViolation(
            "api_keys.scopes_beyond_node",
            "A key that is bound to a node cannot carry scopes that hold for the whole environment.",
            details=[f"scopes: {scope} does not go with node_id" for scope in beyond],
        )


def _lock_node(environment: Environment, ref: Ref) -> UUID:
    """The id of a node that stays where it is until the key is written."""
    lock_tree_shape(environment.pk)
    found = resolve_nodes(environment, [ref]).get(ref)
    if found is None:
        raise NotFound(
            "api_keys.node_not_found",
            f"There is no node {ref}.",
            details=["node_id: does not exist"],
        )
    return found.pk


def _lock_key(actor: Actor, environment: Environment, key_id: UUID, *, confers: bool) -> ApiKey:
    """A key for a change of its row, by someone who may all that it may.

    Taking power away waits for no change of the tree: a leaked key is disabled at once.
    """
    actor.require(Scope.KEY_MANAGE)
    if confers:
        lock_tree_shape(environment.pk)
    live = ApiKey.objects.live().select_for_update(no_key=True)
    key = live.filter(environment=environment, pk=key_id).first()
    if key is None:
        raise NotFound("api_keys.not_found", "There is no such API key.")
    require_power(actor, environment, _power_of(key))
    return key


def _has_expired(key: ApiKey) -> bool:
    """By the database's clock, which is the one that opens."""
    return (
        key.expires_at is not None
        and ApiKey.objects.filter(pk=key.pk, expires_at__lte=Now()).exists()
    )


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "key_preview": key.key_preview,
        "access_mode": key.access_mode,
        "scopes": key.scopes,
        "node_id": key.node_id,
        "expires_at": key.expires_at,
    }
