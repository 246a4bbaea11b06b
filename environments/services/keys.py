"""API keys: no one makes, changes or deletes a key that may more than they may."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from common.errors import Forbidden, NotFound, RuleViolation
from environments.actors import Actor
from environments.keys import hash_key, make_key, preview_key
from environments.models import ApiKey, Environment
from environments.queries import LAST_USED_PRECISION
from environments.scopes import ALL_SCOPES, Scope
from environments.services import audit


def _require_power_over(actor: Actor, scopes: Iterable[str], expires_at: datetime | None) -> None:
    """One's own key may neither gain a scope nor outlive itself through another."""
    actor.require(Scope.KEY_MANAGE)
    if not frozenset(scopes) <= actor.scopes:
        raise Forbidden("api_keys.beyond_own_scopes", "This key would carry scopes that you lack.")
    if actor.expires_at and (expires_at is None or expires_at > actor.expires_at):
        raise Forbidden("api_keys.beyond_own_expiry", "This key would outlive your own.")


def scopes_in_effect(key: ApiKey) -> frozenset[str]:
    """What a key may do: its scopes, or all of them with full access.

    Args:
        key: the key.

    Returns:
        The scopes.
    """
    full = key.access_mode == ApiKey.AccessMode.FULL_ACCESS
    return frozenset(ALL_SCOPES) if full else frozenset(key.scopes)


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    environment: Environment,
    name: str,
    access_mode: str,
    scopes: Iterable[Scope] = (),
    description: str = "",
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key to an environment.

    Args:
        actor: who makes it; its scopes and expiry bound the key's.
        environment: what the key opens.
        name: what people call it.
        access_mode: an `ApiKey.AccessMode`.
        scopes: for a scoped key, at least one; for a full-access key, none.
        description: what it is for.
        expires_at: when it ends by itself, if it does.

    Returns:
        The key and its text, which is nowhere kept.

    Raises:
        Forbidden: if the key would do more, or longer, than the actor.
        RuleViolation: if the scopes do not fit the mode, or it would be expired from the start.
    """
    ordered = [scope.value for scope in Scope if scope in frozenset(scopes)]
    if (access_mode == ApiKey.AccessMode.SCOPED) != bool(ordered):
        raise RuleViolation(
            "api_keys.scopes_do_not_fit",
            "A scoped key carries at least one scope, a full-access key none.",
            details=["scopes: at least one for scoped, none for full_access"],
        )
    text = make_key()
    key = ApiKey(
        environment=environment,
        name=name,
        description=description,
        key_hash=hash_key(text),
        key_preview=preview_key(text),
        access_mode=access_mode,
        scopes=ordered,
        expires_at=expires_at,
        created_by=actor.label,
    )
    _require_power_over(actor, scopes_in_effect(key), expires_at)
    key.save(force_insert=True)
    if expires_at and ApiKey.objects.filter(pk=key.pk, expires_at__lte=Now()).exists():
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
    return key, text


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
        Forbidden: if the key may do more, or longer, than the actor.
    """
    key = _lock_key(actor, environment, key_id)
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
def delete_api_key(*, actor: Actor, environment: Environment, key_id: UUID) -> None:
    """Delete a key for good; its row stays as history.

    Args:
        actor: who does it.
        environment: whose key.
        key_id: which key.

    Raises:
        NotFound: `api_keys.not_found`.
        Forbidden: if the key may do more, or longer, than the actor.
    """
    key = _lock_key(actor, environment, key_id)
    ApiKey.objects.filter(pk=key.pk).update(deleted_at=Now())
    audit.record(
        actor=actor,
        environment=environment,
        action="api_key.deleted",
        resource=key,
        before=_told(key),
    )


def note_use(key: ApiKey) -> None:
    """Write when a key was last used; harmless when several requests do it at once.

    Args:
        key: the key that opened a request.
    """
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=Now())


def _lock_key(actor: Actor, environment: Environment, key_id: UUID) -> ApiKey:
    live = ApiKey.objects.live().select_for_update(no_key=True)
    key = live.filter(environment=environment, pk=key_id).first()
    if key is None:
        raise NotFound("api_keys.not_found", "There is no such API key.")
    _require_power_over(actor, scopes_in_effect(key), key.expires_at)
    return key


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "key_preview": key.key_preview,
        "access_mode": key.access_mode,
        "scopes": key.scopes,
        "expires_at": key.expires_at,
    }
