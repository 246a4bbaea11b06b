"""Batches over the API, and undoing them."""

from __future__ import annotations

from typing import Any

from tests.rituals import V1, error_of

BATCHES = f"{V1}/batches"


def undo(api: Any, batch_id: object, query: str = "") -> Any:
    """Undo a batch, or plan to."""
    return api.post(f"{BATCHES}/{batch_id}/undo{query}")


def assert_refused(api: Any, batch_id: object, status: int, code: str) -> str:
    """An undo and its plan are refused as a whole, alike; gives the message."""
    plan, answer = undo(api, batch_id, "?dry_run=true"), undo(api, batch_id)
    error = error_of(answer, status, code)
    assert plan.status_code == 200, plan.content
    [row] = plan.json()["results"]
    assert row["code"] == status
    assert row["error"] == {"code": code, "message": error["message"]}
    return str(error["message"])


def undone(api: Any, batch_id: object) -> Any:
    """Undo a batch of which everything is as the plan says; gives the undo's own batch."""
    plan, answer = undo(api, batch_id, "?dry_run=true"), undo(api, batch_id)
    assert answer.status_code == 200, answer.content
    assert without_new_ids(plan.json()["results"]) == without_new_ids(answer.json()["results"])
    assert plan.json()["summary"] == answer.json()["summary"]
    assert plan.json()["batch_id"] is None
    return answer.json()["batch_id"]


def refused(answer: Any) -> list[tuple[int, str]]:
    """The status and code of each row that an undo reports."""
    assert answer.status_code == 207, answer.content
    rows = [row for row in answer.json()["results"] if row["status"] == "error"]
    return [(row["code"], row["error"]["code"]) for row in rows]


def acts(answer: Any) -> list[str]:
    """What was done to revert each row."""
    return sorted(
        row["data"]["action"] for row in answer.json()["results"] if row["status"] == "success"
    )


def without_new_ids(results: Any) -> Any:
    """Results without the ids of rows that only a written undo has."""
    return [
        {**row, "data": {**row["data"], "id": None}} if row["status"] == "success" else row
        for row in results
    ]


def bulk_create(api: Any, *rows: dict[str, Any]) -> str:
    """Assign many; gives the batch."""
    answer = api.post(f"{V1}/assignments/bulk-create", {"assignments": rows}, format="json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["batch_id"])


def bulk_remove(api: Any, *ids: object) -> str:
    """Revoke many; gives the batch."""
    body = {"assignment_ids": [str(one) for one in ids]}
    answer = api.post(f"{V1}/assignments/bulk-remove", body, format="json")
    assert answer.status_code == 204, answer.content
    return str(answer["X-Batch-ID"])


def bulk_change_role(api: Any, role_id: object, *ids: object) -> str:
    """Change the role of many; gives the batch."""
    body = {"assignment_ids": [str(one) for one in ids], "role_id": str(role_id)}
    answer = api.post(f"{V1}/assignments/bulk-change-role", body, format="json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["batch_id"])
