"""What is answered where no view answers: JSON to programs, a page to people."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from common.api.errors import error_response

API_PREFIX = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that could not even be read."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 400, "bad_request", "The request cannot be read.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that was refused before any view saw it."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 403, "forbidden", "This is not allowed.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that leads nowhere."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 404, "not_found", "There is nothing here.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours; it tells nothing about itself."""
    if request.path.startswith(API_PREFIX):
        return error_response(request, 500, "internal_error", "Something went wrong on our side.")
    return defaults.server_error(request)
