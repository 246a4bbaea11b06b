"""Every refusal has one JSON shape, whatever raised it."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from rest_framework import exceptions, status

from common.middleware import request_id_of

RETRY_AFTER_SECONDS = 1


class ApiError(exceptions.APIException):
    """A refusal ready to be sent.

    Args:
        status_code: the HTTP status.
        code: stable and dotted.
        message: one plain sentence.
        details: `"field: what is wrong"` lines.
        data: what helps the caller to go on, JSON-ready.
    """

    def __init__(
        self,
        status_code: int,
        code: str,
        message: str,
        *,
        details: list[str] | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(message, code)
        self.status_code = status_code
        self.code = code
        self.message = message
        self.details = details or []
        self.data = data
        if status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
            self.wait = RETRY_AFTER_SECONDS


def envelope(
    request: HttpRequest,
    status_code: int,
    code: str,
    message: str,
    *,
    details: list[str] | None = None,
    data: Any = None,
) -> dict[str, Any]:
    """The body of every error.

    Args:
        request: what was asked.
        status_code: the HTTP status.
        code: stable and dotted.
        message: one plain sentence.
        details: `"field: what is wrong"` lines, left out when there are none.
        data: left out when there is none.

    Returns:
        `{"error": {...}}`.
    """
    error: dict[str, Any] = {"statusCode": status_code, "code": code, "message": message}
    if details:
        error["details"] = details
    if data is not None:
        error["data"] = data
    error |= {
        "timestamp": timezone.now().isoformat().replace("+00:00", "Z"),
        "path": request.path,
        "method": request.method,
        "request_id": request_id_of(request),
    }
    return {"error": error}


def error_response(request: HttpRequest, status_code: int, code: str, message: str) -> JsonResponse:
    """An error outside the REST framework: an unknown address, a fault in the middle of a page.

    Args:
        request: what was asked.
        status_code: the HTTP status.
        code: stable and dotted.
        message: one plain sentence.

    Returns:
        The answer, not to be stored.
    """
    response = JsonResponse(envelope(request, status_code, code, message), status=status_code)
    response["Cache-Control"] = "no-store"
    return response
