"""`/access`: where may this identity do this, who may do this here, and what may this identity do here?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.http import StreamingHttpResponse
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.access_shapes import (
    AccessQuery,
    AllowedIdentityPage,
    AllowedIdentityRow,
    AllowedNodePage,
    AllowedNodeRow,
    AllowedPermissionPage,
    AskWhat,
    AskWhere,
    AskWho,
)
from assignments.decision.listing import Listing, page_of, whole_of
from assignments.decision.question import Question
from assignments.decision.what import permissions_allowed
from assignments.decision.where import AllowedNode, nodes_allowed
from assignments.decision.who import AllowedIdentity, identities_allowed
from common.api.endpoints import Endpoint
from common.api.errors import ApiError
from common.api.feeds import answer_in_lines, wants_lines
from common.api.pagination import query_digest, read_cursor, sign_cursor
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope

Item = TypeVar("Item")
_DIGITS = 16


class AccessViewSet(EnvironmentViewSet):
    """The questions whose answers are lists, complete however long they are."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "nodes": Endpoint(
            Scope.EVALUATE,
            "Every node at which this identity may, in tree order",
            query=AccessQuery,
            body=AskWhere,
            answer=AllowedNodePage,
            line=AllowedNodeRow,
        ),
        "identities": Endpoint(
            Scope.EVALUATE,
            "Every identity that may do this here, with what allows it",
            scopes=(Scope.IDENTITY_VIEW,),
            query=AccessQuery,
            body=AskWho,
            answer=AllowedIdentityPage,
            line=AllowedIdentityRow,
        ),
        "permissions": Endpoint(
            Scope.EVALUATE,
            "The keys of all that this identity may do here",
            query=AccessQuery,
            body=AskWhat,
            answer=AllowedPermissionPage,
            line=str,
        ),
    }

    def nodes(self, request: Request) -> Response | StreamingHttpResponse:
        """Where."""
        asked = self.data
        question = Question(
            asked["identity_id"], asked["permission"], asked.get("under"), asked.get("at")
        )
        listing = nodes_allowed(self.environment, question, asked.get("node_type"))
        return self._answer(request, listing, AllowedNode._asdict, lambda node: node.id)

    def identities(self, request: Request) -> Response | StreamingHttpResponse:
        """Who."""
        asked = self.data
        listing = identities_allowed(
            self.environment, asked["permission"], asked["node_id"], asked.get("at")
        )
        return self._answer(request, listing, _identity_row, lambda identity: identity.id)

    def permissions(self, request: Request) -> Response | StreamingHttpResponse:
        """What."""
        asked = self.data
        listing = permissions_allowed(
            self.environment, asked["identity_id"], asked["node_id"], asked.get("at")
        )
        return self._answer(request, listing, str, str)

    def _answer(
        self,
        request: Request,
        listing: Listing[Item],
        present: Callable[[Item], Any],
        position: Callable[[Item], str],
    ) -> Response | StreamingHttpResponse:
        """A page of a list, or all of its lines."""
        response: Response | StreamingHttpResponse
        if wants_lines(request):
            response = answer_in_lines(map(present, whole_of(listing)))
        else:
            response = Response(self._page(listing, present, position))
        response["Vary"] = "Accept"
        return response

    def _page(
        self,
        listing: Listing[Item],
        present: Callable[[Item], Any],
        position: Callable[[Item], str],
    ) -> dict[str, Any]:
        asked = {**self.data, "question": self.action, "bound_to": self.environment.bound_to}
        digest = query_digest(self.environment.pk, asked)
        read_from = read_cursor(self.params.get("cursor"), digest)
        read_then, after = read_from or (None, None)
        page = page_of(listing, after, self.params["limit"])
        # Not the number itself: a key that sees a part of the tree could count the changes elsewhere.
        read_now = salted_hmac("trellis.tree_version", f"{digest} {page.tree_version}").hexdigest()
        if read_then not in (None, read_now[:_DIGITS]):
            raise ApiError(
                409, "cursor_stale", "The tree was changed meanwhile; begin the list again."
            )
        following = (
            sign_cursor([read_now[:_DIGITS], position(page.items[-1])], digest)
            if page.more
            else None
        )
        return {
            "items": [present(item) for item in page.items],
            "pagination": {"next_cursor": following},
        }


def _identity_row(identity: AllowedIdentity) -> dict[str, Any]:
    return {**identity._asdict(), "via": [via._asdict() for via in identity.via]}
