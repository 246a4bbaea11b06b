"""Questions about environments, keys and the audit log."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import BooleanField, DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from common.errors import NotFound
from environments.keys import hash_key, looks_like_key
from environments.models import ApiKey, ApiKeyQuerySet, Environment, Heartbeat

# Written at most this often, so that a busy key does not turn every question into a write.
LAST_USED_PRECISION = timedelta(minutes=1)


def open_with_key(key_text: str) -> ApiKey | None:
    """The usable key with this text, with its environment; one statement.

    Args:
        key_text: what the caller sent.

    Returns:
        The key, or None whether it is unknown, disabled, deleted or expired. Its `use_is_stale` tells
        whether `last_used_at` is due to be written.
    """
    if not looks_like_key(key_text):
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - LAST_USED_PRECISION)
    return (
        ApiKey.objects.usable()
        .filter(key_hash=hash_key(key_text))
        .select_related("environment")
        .annotate(use_is_stale=ExpressionWrapper(stale, output_field=BooleanField()))
        .first()
    )


def keys_of(environment: Environment) -> ApiKeyQuerySet:
    """The keys of an environment that have not been deleted, newest first.

    Args:
        environment: whose keys.

    Returns:
        A queryset.
    """
    return ApiKey.objects.live().filter(environment=environment).order_by("-created_at", "id")


def get_key(environment: Environment, key_id: UUID) -> ApiKey:
    """One key of an environment.

    Args:
        environment: whose key.
        key_id: its id.

    Returns:
        The key.

    Raises:
        NotFound: `api_keys.not_found`, also for a key of another environment.
    """
    key = keys_of(environment).filter(pk=key_id).first()
    if key is None:
        raise NotFound("api_keys.not_found", "There is no such API key.")
    return key


def heartbeat_ages() -> dict[str, float]:
    """How long ago each recurring process showed that it is alive.

    Returns:
        Seconds by the name of the process, by the database's clock.
    """
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    rows = Heartbeat.objects.annotate(age=age).values_list("name", "age")
    return {name: round(age.total_seconds(), 1) for name, age in rows}
