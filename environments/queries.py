"""Questions about environments, keys and the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Model
from django.db.models.functions import Now

from common.errors import NotFound
from environments.keys import hash_key, looks_like_key
from environments.models import (
    ApiKey,
    ApiKeyQuerySet,
    AuditEvent,
    AuditEventQuerySet,
    Environment,
    Heartbeat,
)

# Written at most this often, so that a busy key does not turn every question into a write.
LAST_USED_PRECISION = timedelta(minutes=1)


def _columns(model: type[Model], alias: str, *later: str) -> tuple[list[str], str]:
    """The names and the columns of a model's fields, but for those that are read when they are asked for."""
    fields = [field for field in model._meta.concrete_fields if field.name not in later]
    return [field.attname for field in fields], ", ".join(
        f"{alias}.{field.column}" for field in fields
    )


_KEY_FIELDS, _KEY_COLUMNS = _columns(ApiKey, "k")
_ENVIRONMENT_FIELDS, _ENVIRONMENT_COLUMNS = _columns(Environment, "e", "hierarchy_schema")
# Spelled out because it stands before every call: composed by the ORM each time it cost ten times its execution.
_OPEN = f"""
SELECT {_KEY_COLUMNS}, {_ENVIRONMENT_COLUMNS},
       k.last_used_at IS NULL OR k.last_used_at < statement_timestamp() - %s AS use_is_stale
  FROM environments_apikey k
  JOIN environments_environment e ON e.id = k.environment_id
 WHERE %s AND k.is_active AND k.deleted_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
"""
_OPEN_WITH_KEY = _OPEN.replace("WHERE %s", "WHERE k.key_hash = %s")
# Asked only when that finds nothing: both in one statement cost every call a third more of PostgreSQL.
_OPEN_WITH_FORMER = _OPEN.replace(
    "WHERE %s", "WHERE k.former_hash = %s AND k.former_until > statement_timestamp()"
)


def open_with_key(key_text: str) -> ApiKey | None:
    """The usable key with this text, with its environment; one prepared statement, two for a former text.

    Args:
        key_text: what the caller sent.

    Returns:
        The key, or None whether it is unknown, disabled, deleted or expired. Its `use_is_stale` tells
        whether `last_used_at` is due to be written.
    """
    if not looks_like_key(key_text):
        return None
    with connection.cursor() as cursor:
        parameters: list[Any] = [LAST_USED_PRECISION, hash_key(key_text)]
        cursor.execute(_OPEN_WITH_KEY, parameters)
        row = cursor.fetchone()
        opened_formerly = row is None
        if opened_formerly:
            cursor.execute(_OPEN_WITH_FORMER, parameters)
            row = cursor.fetchone()
    if row is None:
        return None
    split = len(_KEY_FIELDS)
    key = ApiKey.from_db(connection.alias, _KEY_FIELDS, row[:split])
    key.environment = Environment.from_db(connection.alias, _ENVIRONMENT_FIELDS, row[split:-1])
    key.environment.bound_to = key.node_id
    key.use_is_stale = row[-1]
    key.opened_formerly = opened_formerly
    return key


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


def events_of(environment: Environment) -> AuditEventQuerySet:
    """The audit log of an environment, newest first.

    Args:
        environment: whose log; to a caller bound to a node it is empty.

    Returns:
        A queryset.
    """
    rows = AuditEvent.objects.filter(environment=environment).newest_first()
    return rows if environment.bound_to is None else rows.none()


def get_event(environment: Environment, event_id: UUID) -> AuditEvent:
    """One event of an environment's audit log.

    Args:
        environment: whose log.
        event_id: its id.

    Returns:
        The event.

    Raises:
        NotFound: `audit_events.not_found`, also for one of another environment.
    """
    event = events_of(environment).filter(pk=event_id).first()
    if event is None:
        raise NotFound("audit_events.not_found", "There is no such audit event.")
    return event


def heartbeat_ages() -> dict[str, float]:
    """How long ago each recurring process showed that it is alive.

    Returns:
        Seconds by the name of the process, by the database's clock.
    """
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    rows = Heartbeat.objects.annotate(age=age).values_list("name", "age")
    return {name: round(age.total_seconds(), 1) for name, age in rows}
