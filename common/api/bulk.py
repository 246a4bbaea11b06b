"""Many rows in one call: each stands for itself, and the answer tells what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.response import Response

from common.api.handler import field_lines, status_of
from common.api.serializers import Strict
from common.errors import DomainError, RuleViolation
from common.outcomes import Outcome

Value = TypeVar("Value")


class Rows(serializers.ListField):
    """The rows of a bulk call, each read later on its own.

    Args:
        row: the shape of one row.
        most: how many there may be.
    """

    def __init__(self, row: type[Strict], most: int, **options: Any) -> None:
        super().__init__(child=row(), allow_empty=False, max_length=most, **options)

    def run_child_validation(self, data: Any) -> Any:
        """See `ListField`; one row's fault does not refuse the others."""
        return data


def read_rows(rows: Sequence[Any], shape: type[Strict]) -> list[Outcome[dict[str, Any]]]:
    """Validate each row on its own.

    Args:
        rows: what was sent.
        shape: the serializer of one row.

    Returns:
        The validated data of each row, or `invalid` with what is wrong in it.
    """
    serializer = shape()
    outcomes: list[Outcome[dict[str, Any]]] = []
    for row in rows:
        try:
            outcomes.append(Outcome(serializer.run_validation(row)))
        except serializers.ValidationError as error:
            lines = list(field_lines(error.detail))
            refusal = RuleViolation("invalid", "The row is not valid.", details=lines)
            outcomes.append(Outcome(refusal=refusal))
    return outcomes


def bulk_answer(
    *,
    inputs: Sequence[Any],
    outcomes: Sequence[Outcome[Value]],
    present: Callable[[Value], Any],
    code: int,
    batch_id: object,
) -> Response:
    """What became of each row, in the order they were sent.

    Args:
        inputs: the rows as they were sent.
        outcomes: one for each of them.
        present: shapes what a row became.
        code: the HTTP status that one such row has on its own.
        batch_id: what the rows that succeeded go by; None when none did.

    Returns:
        200 if all rows succeeded, 207 otherwise.
    """
    results = [
        {"index": index, "status": "success", "code": code, "data": present(outcome.value)}
        if outcome.value is not None
        else _refused(index, inputs[index], outcome.refusal)
        for index, outcome in enumerate(outcomes)
    ]
    failed = sum(outcome.value is None for outcome in outcomes)
    summary = {"total": len(results), "succeeded": len(results) - failed, "failed": failed}
    return Response(
        {"summary": summary, "results": results, "batch_id": batch_id},
        status=207 if failed else 200,
    )


def _refused(index: int, given: Any, refusal: DomainError | None) -> dict[str, Any]:
    assert refusal is not None
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = refusal.details
    return {
        "index": index,
        "status": "error",
        "code": status_of(refusal),
        "input": given,
        "error": error,
    }


class BulkSummary(serializers.Serializer):
    """How many rows there were."""

    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()


class BulkError(serializers.Serializer):
    """Why a row was refused."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.ListField(child=serializers.CharField(), required=False)


def bulk_of(
    item: type[serializers.Serializer[Any]], name: str
) -> type[serializers.Serializer[Any]]:
    """The shape of a bulk answer.

    Args:
        item: the shape of what one row became.
        name: what the OpenAPI file calls the answer.

    Returns:
        A serializer class, for the OpenAPI file.
    """
    result = type(
        f"{name}Row",
        (serializers.Serializer,),
        {
            "index": serializers.IntegerField(),
            "status": serializers.ChoiceField(choices=["success", "error"]),
            "code": serializers.IntegerField(),
            "data": item(required=False),
            "input": serializers.JSONField(required=False),
            "error": BulkError(required=False),
        },
    )
    fields = {
        "summary": BulkSummary(),
        "results": result(many=True),
        "batch_id": serializers.UUIDField(allow_null=True),
    }
    return type(name, (serializers.Serializer,), fields)
