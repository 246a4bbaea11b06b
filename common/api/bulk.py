"""Many rows in one call: each stands for itself, and the answer tells what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.errors import envelope
from common.api.handler import field_lines, status_of
from common.api.serializers import Strict
from common.errors import DomainError, RuleViolation
from common.outcomes import NotAll, Outcome, accepted, carried_on
from common.reading import reading_only

Value = TypeVar("Value")

MOST_LINES = 100
NOT_WRITTEN = 424  # Failed Dependency, RFC 4918: this row was good, another was not


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


class Act(Protocol):
    """The part of a bulk call that writes.

    Args:
        rows: those that could be read.
        unreadable: how many could not.
        whole: whether all rows are refused when one is.

    Returns:
        The id of the batch, None where nothing was written, and what became of each row.
    """

    def __call__(
        self, rows: list[Any], *, unreadable: int, whole: bool
    ) -> tuple[object, Sequence[Outcome[Any]]]: ...


def answer_rows(
    request: Request,
    *,
    inputs: Sequence[Any],
    shape: type[Strict],
    read: Callable[[dict[str, Any]], Any],
    plan: Callable[[list[Any]], Sequence[Outcome[Any]]],
    act: Act,
    preview: Callable[[Any], Any],
    present: Callable[[Any], Any],
    code: int,
    dry_run: bool,
    atomic: bool,
) -> Response:
    """Do a bulk call, or plan it, and tell what became of each row.

    Args:
        request: what was asked.
        inputs: the rows as they were sent.
        shape: the serializer of one row.
        read: makes what the domain takes of a row's validated data.
        plan: what would become of the readable rows, by reading only.
        act: writes them.
        preview: shapes what a row would become.
        present: shapes what a row became.
        code: the HTTP status that one such row has on its own.
        dry_run: whether to plan only.
        atomic: whether all rows are refused when one is.

    Returns:
        200 if all rows succeeded or for a plan, 207 if any was refused, 400 or 409 where that refused all.
    """
    validated = read_rows(inputs, shape)
    rows = [read(data) for data in accepted(validated)]
    unreadable = len(validated) - len(rows)
    if dry_run:
        with reading_only():
            planned = carried_on(validated, plan(rows))
        if atomic and any(outcome.refusal for outcome in planned):
            planned = _none_written(planned)
        body = outcome_body(inputs, planned, preview, code)
        return Response({"dry_run": True, **body, "batch_id": None})
    if atomic and unreadable:
        with reading_only():
            planned = carried_on(validated, plan(rows))
        return _refused_whole(request, inputs, planned)
    try:
        batch_id, outcomes = act(rows, unreadable=unreadable, whole=atomic)
    except NotAll as refusal:
        return _refused_whole(request, inputs, carried_on(validated, refusal.outcomes))
    body = outcome_body(inputs, carried_on(validated, outcomes), present, code)
    return Response(
        {**body, "batch_id": batch_id}, status=207 if body["summary"]["failed"] else 200
    )


def answer_whole(
    request: Request,
    *,
    field: str,
    inputs: Sequence[Any],
    shape: type[Strict],
    read: Callable[[dict[str, Any]], Any],
    plan: Callable[[list[Any]], Sequence[Outcome[Any]]],
    act: Callable[[list[Any]], tuple[object, Sequence[Any]]],
    preview: Callable[[Any], Any],
    present: Callable[[Any], Any],
    dry_run: bool,
) -> Response:
    """Create many rows that only make sense together, or plan it: all of them or none.

    Args:
        request: what was asked.
        field: where the rows stand in the body, to name them by.
        inputs: the rows as they were sent.
        shape: the serializer of one row.
        read: makes what the domain takes of a row's validated data.
        plan: what would become of the rows, by reading only.
        act: writes them; gives the batch's id and what they became, in their order.
        preview: shapes what a row would become.
        present: shapes what a row became.
        dry_run: whether to plan only.

    Returns:
        201 with `items`, 200 for a plan, 400 or 409 with each row's refusal.
    """
    outcomes: Sequence[Outcome[Any]] = read_rows(inputs, shape)
    readable = all(outcome.refusal is None for outcome in outcomes)
    # Rows refer to each other, so that without one of them nothing is known of the rest.
    rows = [read(data) for data in accepted(list(outcomes))] if readable else []
    if dry_run:
        if readable:
            with reading_only():
                outcomes = plan(rows)
        if any(outcome.refusal for outcome in outcomes):
            outcomes = _none_written(outcomes)
        body = outcome_body(inputs, outcomes, preview, 201)
        return Response({"dry_run": True, **body, "batch_id": None})
    if not readable:
        return _refused_whole(request, inputs, outcomes, field)
    try:
        batch_id, values = act(rows)
    except NotAll as refusal:
        return _refused_whole(request, inputs, refusal.outcomes, field)
    items = [present(value) for value in values]
    return Response({"items": items, "batch_id": batch_id}, status=201)


def answer_plan(plan: Callable[[], Any], *, code: int, given: Any = None) -> Response:
    """What a write of one row would do, in the shape of a bulk answer of one row.

    Args:
        plan: reads, and gives what the row would become, JSON-ready; raises what would refuse it.
        code: the HTTP status that the write would have.
        given: the body that was sent.

    Returns:
        200 with `dry_run` true.
    """
    return answer_plans(lambda: [plan()], code=code, given=[given])


def answer_plans(plan: Callable[[], Sequence[Any]], *, code: int, given: Sequence[Any]) -> Response:
    """What a write of a few rows would do that is refused as one, in the shape of a bulk answer.

    Args:
        plan: reads, and gives what each row would become, JSON-ready; raises what would refuse them.
        code: the HTTP status that the write would have.
        given: the rows that were sent.

    Returns:
        200 with `dry_run` true.
    """
    try:
        with reading_only():
            outcomes: list[Outcome[Any]] = [Outcome(row) for row in plan()]
    except DomainError as refusal:
        outcomes = [Outcome(refusal=refusal) for _ in given]
    body = outcome_body(given, outcomes, lambda value: value, code)
    return Response({"dry_run": True, **body, "batch_id": None})


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


def outcome_body(
    inputs: Sequence[Any],
    outcomes: Sequence[Outcome[Value]],
    present: Callable[[Value], Any],
    code: int,
) -> dict[str, Any]:
    """What became of each row, in the order they were sent.

    Args:
        inputs: the rows as they were sent.
        outcomes: one for each of them.
        present: shapes what a row became.
        code: the HTTP status that one such row has on its own.

    Returns:
        `{"summary", "results"}` as the API promises them.
    """
    results = [
        {"index": index, "status": "success", "code": code, "data": present(outcome.value)}
        if outcome.value is not None
        else _refused(index, inputs[index], outcome.refusal)
        for index, outcome in enumerate(outcomes)
    ]
    failed = sum(outcome.value is None for outcome in outcomes)
    summary = {"total": len(results), "succeeded": len(results) - failed, "failed": failed}
    return {"summary": summary, "results": results}


class _NotWritten(DomainError):
    """A row that was good in an act that another row stopped."""

    def __init__(self) -> None:
        super().__init__("not_written", "Another row is refused, so nothing is written.")


def _none_written(outcomes: Sequence[Outcome[Any]]) -> list[Outcome[Any]]:
    return [
        outcome if outcome.refusal is not None else Outcome(refusal=_NotWritten())
        for outcome in outcomes
    ]


def _refused_whole(
    request: Request,
    inputs: Sequence[Any],
    outcomes: Sequence[Outcome[Any]],
    field: str | None = None,
) -> Response:
    """An error with the same results: 400 where a row contradicts a rule, else 409."""
    unruly = any(isinstance(outcome.refusal, RuleViolation) for outcome in outcomes)
    status = 400 if unruly else 409
    said = "Some rows are refused, so none was written."
    lines = list(islice(_lines(field, outcomes), MOST_LINES)) if field else []
    told = envelope(request, status, "not_all", said, details=lines)
    body = outcome_body(inputs, _none_written(outcomes), lambda value: value, status)
    return Response({**told, **body, "batch_id": None}, status=status)


def _lines(field: str, outcomes: Sequence[Outcome[Any]]) -> Iterator[str]:
    for index, outcome in enumerate(outcomes):
        if outcome.refusal is not None:
            for line in outcome.refusal.details or [outcome.refusal.message]:
                yield f"{field}.{index}.{line}"


def _refused(index: int, given: Any, refusal: DomainError | None) -> dict[str, Any]:
    assert refusal is not None
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = refusal.details
    if isinstance(refusal.data, Mapping):
        error["data"] = refusal.data
    code = NOT_WRITTEN if isinstance(refusal, _NotWritten) else status_of(refusal)
    return {"index": index, "status": "error", "code": code, "input": given, "error": error}


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
    data = serializers.JSONField(required=False)  # type: ignore[assignment]  # the contract names it so


@extend_schema_field({"type": "boolean", "const": True})
class _Planned(serializers.BooleanField):
    """Tells a plan from what was done."""


@extend_schema_field({"type": "boolean", "const": False})
class _Done(serializers.BooleanField):
    """Never stands in the answer of what was done."""


class PlanAnswer(serializers.Serializer):
    """What a write would do: the plan of `dry_run=true`; what only a written row has is null in it."""

    dry_run = _Planned()
    summary = BulkSummary()
    results = serializers.ListField(child=serializers.DictField())
    batch_id = serializers.UUIDField(allow_null=True)


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
        "dry_run": _Done(required=False),
        "summary": BulkSummary(),
        "results": result(many=True),
        "batch_id": serializers.UUIDField(allow_null=True),
    }
    return type(name, (serializers.Serializer,), fields)
