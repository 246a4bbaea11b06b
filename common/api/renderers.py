"""Answers are JSON, whatever the caller says it accepts."""

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class JsonRenderer(JSONRenderer):
    """Compact JSON in UTF-8."""

    charset = None


class JsonAnyway(DefaultContentNegotiation):
    """Picks the first renderer for a caller who accepts none of ours: an error must be readable too."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> Any:
        """See `DefaultContentNegotiation`."""
        offered: Sequence[BaseRenderer] = list(renderers)
        wanted = request.META.get("HTTP_ACCEPT", "*/*")
        for renderer in offered[1:]:
            if renderer.media_type in wanted:
                return renderer, renderer.media_type
        return offered[0], offered[0].media_type
