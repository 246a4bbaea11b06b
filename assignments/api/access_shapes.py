"""The shapes of the access questions and of their answers."""

from __future__ import annotations

from rest_framework import serializers

from assignments.permissions import LONGEST_KEY
from common.api.fields import CleanText, IdentityRef, Instant, NodeRef, Whole
from common.api.pagination import CursorPagination, feed_of
from common.api.serializers import FeedQuery, Strict

MOST_ITEMS = 1_000


class AccessQuery(FeedQuery):
    """Which part of the answer."""

    limit = Whole(
        default=50,
        min_value=1,
        max_value=MOST_ITEMS,
        help_text=f"Items a page, 1 to {MOST_ITEMS}.",
    )


class AskWhere(Strict):
    """Where may this identity do this?"""

    identity_id = IdentityRef()
    permission = CleanText(max_length=LONGEST_KEY)
    under = NodeRef(required=False, help_text="Only this node and what lies below it.")
    node_type = CleanText(required=False, max_length=50)
    at = Instant(required=False, allow_null=True)


class AskWho(Strict):
    """Who may do this here?"""

    permission = CleanText(max_length=LONGEST_KEY)
    node_id = NodeRef()
    at = Instant(required=False, allow_null=True)


class AskWhat(Strict):
    """What may this identity do here?"""

    identity_id = IdentityRef()
    node_id = NodeRef()
    at = Instant(required=False, allow_null=True)


class AllowedNodeRow(serializers.Serializer):
    """A node at which the identity may."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    node_type = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    path = serializers.ListField(child=serializers.CharField())


class ViaRow(serializers.Serializer):
    """An assignment that allows it."""

    assignment_id = serializers.UUIDField()
    role = serializers.CharField()
    node_id = serializers.UUIDField()


class AllowedIdentityRow(serializers.Serializer):
    """An identity that may."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    via = ViaRow(many=True)


AllowedNodePage = feed_of(AllowedNodeRow, "AllowedNodePage")
AllowedIdentityPage = feed_of(AllowedIdentityRow, "AllowedIdentityPage")


class AllowedPermissionPage(serializers.Serializer):
    """Keys of permissions, in order."""

    items = serializers.ListField(child=serializers.CharField())
    pagination = CursorPagination()
