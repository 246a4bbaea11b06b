"""Calls of the API as the processes of the crew make them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from tests.rituals import V1

_remembered: dict[str, bool] = {}


@cache
def client_with(key: str) -> APIClient:
    """A client that is answered 500 where another would raise."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_X_API_KEY=key)
    return client


def send(
    key: str, method: str, path: str, body: Mapping[str, Any] | None = None
) -> tuple[int, str]:
    """Call the API.

    Args:
        key: the text of an API key.
        method: in small letters.
        path: below `/api/v1/`.
        body: what to send.

    Returns:
        The status, and the code of the error or the id of what was made.
    """
    answer = getattr(client_with(key), method)(f"{V1}/{path}", body, format="json")
    told = answer.json() if answer.content else {}
    return answer.status_code, told.get("error", {}).get("code") or told.get("id", "")


def send_once(
    key: str, path: str, body: Mapping[str, Any], idempotency_key: str
) -> tuple[int, str, bool]:
    """Create something over the API with an Idempotency-Key.

    Returns:
        As `send`, and whether the answer was a replay.
    """
    headers = {"Idempotency-Key": idempotency_key}
    answer = client_with(key).post(f"{V1}/{path}", body, format="json", headers=headers)
    told = answer.json()
    made = told.get("error", {}).get("code") or told.get("id", "")
    return answer.status_code, made, answer.get("Idempotent-Replayed") == "true"


def ask(key: str, question: Mapping[str, Any]) -> bool:
    """Ask for a decision."""
    answer = client_with(key).post(f"{V1}/permissions/evaluate", question, format="json")
    assert answer.status_code == 200, answer.content
    allowed: bool = answer.json()["allowed"]
    return allowed


def ask_once(key: str, question: Mapping[str, Any]) -> bool:
    """Ask for a decision and remember it, as a product with a cache would."""
    remembered = f"{key} {sorted(question.items())}"
    if remembered not in _remembered:
        _remembered[remembered] = ask(key, question)
    return _remembered[remembered]


def accept(page: str, first_name: str, address: str) -> int:
    """Accept an invitation as a browser does.

    Args:
        page: the address of its link.
        first_name: what to write there.
        address: where it comes from.

    Returns:
        The status.
    """
    browser = Client(raise_request_exception=False, REMOTE_ADDR=address)
    return browser.post(page, {"first_name": first_name}).status_code
