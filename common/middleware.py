"""A request's id: taken from the caller or made, echoed in the answer, written on every audit event."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")


class RequestIdMiddleware:
    """Puts `request.request_id` on every request and `X-Request-ID` on every answer.

    Args:
        get_response: the rest of the stack.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if _ACCEPTABLE.fullmatch(given) else str(uuid4())
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id
        return response
