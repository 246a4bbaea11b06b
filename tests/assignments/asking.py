"""Ada's questions, as a client of the API puts them."""

from __future__ import annotations

from typing import Any

from tests.assignments.cast import Cast
from tests.rituals import V1

EVALUATE = f"{V1}/permissions/evaluate"


def here(cast: Cast, **others: Any) -> dict[str, Any]:
    """May Ada read invoices in the room?"""
    named = {
        "identity_id": str(cast.ada.pk),
        "permission": "invoice.read",
        "scope": "node",
        "node_id": str(cast.room.pk),
    }
    return named | others


def anywhere(cast: Cast, **others: Any) -> dict[str, Any]:
    """May Ada read invoices anywhere?"""
    return {key: value for key, value in here(cast).items() if key != "node_id"} | {
        "scope": "app_wide", **others,
    }  # fmt: skip


def why(cast: Cast, **others: Any) -> dict[str, Any]:
    """May Ada read invoices in the room, and why?"""
    return {key: value for key, value in here(cast).items() if key != "scope"} | others


def ask(api: Any, body: dict[str, Any], form: str = "") -> dict[str, Any]:
    """Put a question that is answered."""
    answer = api.post(f"{EVALUATE}{form}", body, format="json")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told
