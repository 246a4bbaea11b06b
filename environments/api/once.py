"""Idempotency-Key: the same call with the same key is done once, and answered again for a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.errors import ApiError
from common.api.renderers import JsonRenderer
from environments.models import ApiKey, IdempotencyRecord

KEPT = timedelta(hours=24)
LONGEST_KEY = 255
TOLD_AGAIN = ("ETag", "X-Batch-ID")


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key of a request.

    Args:
        request: what was asked.

    Returns:
        1 to 255 printable ASCII characters, None without the header.

    Raises:
        ApiError: 400 for anything else.
    """
    given: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if given is None:
        return None
    if not (1 <= len(given) <= LONGEST_KEY and given.isascii() and given.isprintable()):
        lines = [f"Idempotency-Key: must be 1 to {LONGEST_KEY} printable ASCII characters"]
        raise ApiError(400, "invalid", "The request is not valid.", details=lines)
    return given


def answer_once(
    request: Request,
    key: ApiKey,
    idempotency_key: str,
    secrets: Collection[str],
    handle: Callable[[], Response],
) -> Response:
    """Do what a request asks, unless it was done before; the answer is kept in the effect's transaction.

    Args:
        request: what was asked.
        key: who asks.
        idempotency_key: what makes two calls the same.
        secrets: fields of the answer that are not kept.
        handle: does it.

    Returns:
        The answer, or the first one with `Idempotent-Replayed: true`.

    Raises:
        ApiError: 409 while the same call is still running, 422 for the same key with another body.
    """
    path, method = request.path, request.method or ""
    with transaction.atomic():
        _refuse_running(key, method, path, idempotency_key)
        body_hash = _hash(request)
        same = IdempotencyRecord.objects.filter(
            api_key=key, method=method, path=path, idempotency_key=idempotency_key
        )
        record = same.first()
        if record is not None and same.filter(created_at__gt=Now() - KEPT).exists():
            return _replayed(record, body_hash)
        same.delete()
        response = handle()
        if 200 <= response.status_code < 300:
            IdempotencyRecord.objects.create(
                environment_id=key.environment_id,
                api_key=key,
                method=method,
                path=path,
                idempotency_key=idempotency_key,
                body_hash=body_hash,
                status_code=response.status_code,
                response=json.dumps(
                    _without(json.loads(JsonRenderer().render(response.data)), secrets)
                ),
                headers={name: response[name] for name in TOLD_AGAIN if name in response},
            )
        return response


def _refuse_running(key: ApiKey, method: str, path: str, idempotency_key: str) -> None:
    """Hold the sole right to this call until the transaction ends, or refuse it at once."""
    name = "\n".join(["once", str(key.pk), method, path, idempotency_key])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        (taken,) = cursor.fetchone()
    if not taken:
        raise ApiError(409, "idempotency.running", "The same call is still running; ask again.")


def _hash(request: Request) -> bytes:
    told = json.dumps([request.query_params.dict(), request.data], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def _replayed(record: IdempotencyRecord, body_hash: bytes) -> Response:
    if bytes(record.body_hash) != body_hash:
        raise ApiError(
            422, "idempotency.other_body", "This Idempotency-Key was used with another body."
        )
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    return Response(json.loads(record.response), status=record.status_code, headers=headers)


def _without(told: Any, secrets: Collection[str]) -> Any:
    """What is told, with secrets emptied wherever they stand."""
    match told:
        case dict():
            kept = {name: _without(value, secrets) for name, value in told.items()}
            hidden = {name: None for name in told if name in secrets and told[name] is not None}
            return {**kept, **hidden, **({"secret_available": False} if hidden else {})}
        case list():
            return [_without(value, secrets) for value in told]
        case _:
            return told
