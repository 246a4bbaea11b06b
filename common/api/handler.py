"""Turns whatever was raised into one JSON shape."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import IntegrityError, OperationalError
from django.http import Http404
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions
from rest_framework.settings import api_settings

from common import errors
from common.api.errors import ApiError, envelope
from common.constraints import constraint_of

_STATUS: dict[type[errors.DomainError], int] = {
    errors.RuleViolation: 400,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooSoon: 429,
    errors.Busy: 503,
}
# PostgreSQL error codes, appendix A of its manual: lock not available, deadlock, too many clients.
_BUSY_STATES = {"55P03", "40P01", "53300"}
_QUERY_CANCELED = "57014"
_FOREIGN_KEY_VIOLATION = "23503"


def status_of(error: errors.DomainError) -> int:
    """The HTTP status of a domain error.

    Args:
        error: what the domain raised.

    Returns:
        The status of its kind.
    """
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def field_lines(detail: Any, path: str = "") -> Iterator[str]:
    """A serializer's nested complaints as lines.

    Args:
        detail: what a ValidationError carries.
        path: the field they stand under.

    Yields:
        `"field: what is wrong"`, with `field.inner` and `field.3` for nested ones.
    """
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            here = (
                path
                if key == api_settings.NON_FIELD_ERRORS_KEY
                else f"{path}.{key}"
                if path
                else str(key)
            )
            yield from field_lines(inner, here)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from field_lines(inner, f"{path}.{index}" if nested and path else path)
    else:
        yield f"{path}: {detail}" if path else str(detail)


class ApiExceptionHandler(ExceptionHandler):
    """Turns what the domain, the REST framework and PostgreSQL raise into an `ApiError`."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """See `ExceptionHandler`; the more specific kinds come first."""
        match exc:
            case ApiError():
                return exc
            case errors.DomainError():
                error = ApiError(
                    status_of(exc),
                    exc.code,
                    exc.message,
                    details=exc.details,
                    data=self._present(exc.data),
                )
                if isinstance(exc, errors.TooSoon):
                    error.wait = exc.seconds
                return error
            case exceptions.ValidationError():
                lines = list(field_lines(exc.detail))
                return ApiError(400, "invalid", "The request is not valid.", details=lines)
            case exceptions.UnsupportedMediaType():
                said = "The body must be JSON, sent with `Content-Type: application/json`."
                return ApiError(415, "unsupported_media_type", said)
            case IntegrityError():
                return _from_constraint(exc)
            case OperationalError():
                return _from_operation(exc)
            case Http404():
                return ApiError(404, "not_found", "There is nothing here.")
        converted = super().convert_known_exceptions(exc)
        return (
            _from_framework(converted)
            if isinstance(converted, exceptions.APIException)
            else converted
        )

    def convert_unhandled_exceptions(self, exc: Exception) -> exceptions.APIException:
        """See `ExceptionHandler`; a fault of ours tells nothing about itself."""
        if isinstance(exc, ApiError):
            return exc
        return ApiError(500, "internal_error", "Something went wrong on our side.")

    def format_exception(self, exc: exceptions.APIException) -> Any:
        """See `ExceptionHandler`."""
        request = self.context["request"]
        assert isinstance(exc, ApiError)
        assert request is not None
        return envelope(
            request,
            exc.status_code,
            exc.code,
            exc.message,
            details=exc.details,
            data=exc.data,
        )

    def _present(self, data: Any) -> Any:
        """A row in the shape the view shows it in; other data as it is."""
        present = getattr(self.context["view"], "present", None)
        return present(data) if present and hasattr(data, "_meta") else data


def _from_framework(exc: exceptions.APIException) -> ApiError:
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    error = ApiError(exc.status_code, code, str(exc.detail))
    for name in ("wait", "auth_header"):
        if hasattr(exc, name):
            setattr(error, name, getattr(exc, name))
    return error


def _from_operation(exc: OperationalError) -> ApiError:
    state = getattr(exc.__cause__, "sqlstate", None)
    if state == _QUERY_CANCELED:
        return ApiError(503, "timeout", "This took too long and was given up; nothing was changed.")
    if state in _BUSY_STATES:
        return ApiError(503, "busy", "What this needs is taken at the moment; try again.")
    return ApiError(503, "unavailable", "The database cannot be reached; try again.")


def _from_constraint(exc: IntegrityError) -> Exception:
    """A race that only the database saw: two creates of one name, or a row that was deleted meanwhile."""
    name = constraint_of(exc)
    if getattr(exc.__cause__, "sqlstate", None) == _FOREIGN_KEY_VIOLATION:
        return ApiError(409, "conflict", "Something that this refers to was deleted meanwhile.")
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name:
                return ApiError(409, "conflict", str(constraint.get_violation_error_message()))
    return exc
