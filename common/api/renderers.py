"""Answers are JSON, whatever the caller says it accepts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class JsonRenderer(JSONRenderer):
    """Compact JSON in UTF-8."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """See `JSONRenderer`; what was sent is told back in escapes where UTF-8 has no form for it."""
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:  # a lone surrogate in a name or a row that is refused
            return InEscapes().render(data, accepted_media_type, renderer_context)


class InEscapes(JSONRenderer):
    """JSON in ASCII."""

    charset = None
    ensure_ascii = True


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
