"""What every request and answer passes through on the way."""

import re
from collections.abc import Callable
from uuid import uuid4

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_META = "trellis.request_id"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")


def request_id_of(request: HttpRequest) -> str:
    """The id that ties together what one request did.

    Args:
        request: Django's or the REST framework's.

    Returns:
        Up to 128 characters.
    """
    if _META not in request.META:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.META[_META] = given if _ACCEPTABLE.fullmatch(given) else str(uuid4())
    return str(request.META[_META])


class RequestIdMiddleware:
    """Puts `X-Request-ID` on every answer.

    Args:
        get_response: the rest of the stack.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class PagePolicyMiddleware(CSPMiddleware):
    """Puts the content security policy on pages; what carries its own, as answers to programs do, keeps it."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """See `CSPMiddleware`, which would build the policy even where it then leaves it out."""
        return response if HEADER in response else super().process_response(request, response)
