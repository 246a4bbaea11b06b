"""The description of the API, made once in a process: it takes a quarter of a second, and never changes."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_GET
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

# The generator is not made for several threads at once: the first parallel requests failed.
_one_at_a_time = Lock()


def describe_api() -> bytes:
    """The OpenAPI file as it is served.

    Returns:
        JSON.
    """
    with _one_at_a_time:
        return _described()


@cache
def _described() -> bytes:
    content: bytes = OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True))
    return content


def _etag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(describe_api()).hexdigest()[:16]}"'


@login_not_required
@require_GET
@condition(etag_func=_etag)
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI file; whoever has it already is told that it is the same."""
    return HttpResponse(describe_api(), content_type="application/vnd.oai.openapi+json")
