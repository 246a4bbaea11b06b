"""What is answered where no view answers: JSON to programs, a page to people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from common.api.errors import error_response
from common.api.handler import status_of
from common.errors import DomainError

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
HEADINGS = {
    400: "This cannot be done",
    403: "You may not do this",
    404: "There is nothing here",
    409: "This does not fit what is there",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Try again in a moment",
}


def error_page(status: int, sentence: str) -> HttpResponse:
    """A page about an error; made without the request, for it may be what is broken.

    Args:
        status: of the answer.
        sentence: what happened, and what to do next.

    Returns:
        The page, which no one keeps.
    """
    context = {"status": status, "heading": HEADINGS[status], "sentence": sentence}
    response = HttpResponse(render_to_string("error.html", context), status=status)
    response["Cache-Control"] = "no-store"
    if status == 503:
        response["Retry-After"] = "1"
    return response


class ErrorPages:
    """Turns what the domain refuses into a page, where no view did.

    Args:
        get_response: the rest of the stack.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """See Django's middleware; other faults go on to `server_error`."""
        if request.path.startswith(API_PREFIX):
            return None
        if isinstance(exception, DomainError):
            return error_page(status_of(exception), exception.message)
        if isinstance(exception, IntegrityError):
            # Two forms at once; the constraint is the check. Written down, for it may be a fault of ours.
            logger.exception("A constraint was broken at %s", request.path)
            return error_page(409, "Someone was faster. Go back, reload the page and try again.")
        if isinstance(exception, OperationalError | InterfaceError):
            return _database_away(request)
        return None


def _database_away(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        response: HttpResponse = error_response(
            request, 503, "unavailable", "The database cannot be reached; try again."
        )
        response["Retry-After"] = "1"
        return response
    return error_page(503, "The database is busy or away. Nothing was changed.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that could not even be read."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 400, "bad_request", "The request cannot be read.")
    return error_page(400, "What your browser sent cannot be read.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that was refused before any view saw it."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 403, "forbidden", "This is not allowed.")
    return error_page(403, "Ask an owner of the account, if you should be able to.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was not sent from a page of ours, or from one that lay open too long."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 403, "forbidden", "This is not allowed.")
    return error_page(403, "This page lay open too long. Go back, reload it and send it again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that leads nowhere."""
    if request.path.startswith(API_PREFIX):
        return error_response(
            request,
            404,
            "not_found",
            "No operation has this address. Ids are UUIDs, or `ext:` and your own id where a node or an"
            " identity is meant; no address ends with a slash. See /api/v1/docs.",
        )
    return error_page(404, "The address is mistyped, or what it showed is gone or not yours.")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """More sign-ins, codes or resets than a person needs."""
    return error_page(429, "Wait a few minutes, then try again.")


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours, which tells nothing about itself; or a database that is away.

    A page's session is read before its view, where no middleware sees what goes wrong.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _database_away(request)
    if request.path.startswith(API_PREFIX):
        return error_response(request, 500, "internal_error", "Something went wrong on our side.")
    return error_page(500, "It is our fault and has been written down. Try again later.")
