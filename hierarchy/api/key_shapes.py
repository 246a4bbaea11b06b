"""The shapes of API keys."""

from rest_framework import serializers

from common.api.fields import Choice, CleanText, Flag, Instant, NodeRef, OrNull, Whole
from common.api.pagination import list_of
from common.api.serializers import Strict
from environments.models import ApiKey
from environments.scopes import Scope
from hierarchy.services.keys import LONGEST_GRACE


class ApiKeyRow(serializers.Serializer):
    """A key as it is listed."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = OrNull()
    key_preview = serializers.CharField()
    access_mode = serializers.ChoiceField(choices=ApiKey.AccessMode.choices)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    node_id = serializers.UUIDField(allow_null=True)
    is_active = serializers.BooleanField()
    last_used_at = Instant(allow_null=True)
    expires_at = Instant(allow_null=True)
    former_until = Instant(allow_null=True, help_text="Until when the text before still opens.")
    created_by = serializers.CharField()
    created_at = Instant()


class ApiKeyWithText(ApiKeyRow):
    """A key with its new text, for the only time."""

    key = serializers.CharField(
        allow_null=True, help_text="Null where an Idempotency-Key's first answer is told again."
    )
    secret_available = serializers.BooleanField(
        required=False, help_text="False where the text is left out."
    )


ApiKeyList = list_of(ApiKeyRow, "ApiKeyList")


class ApiKeyCreate(Strict):
    """What a new key needs."""

    name = CleanText(max_length=100)
    description = CleanText(max_length=500, required=False, allow_blank=True, multiline=True)
    access_mode = Choice(choices=ApiKey.AccessMode.choices)
    scopes = serializers.ListField(
        child=Choice(choices=Scope.choices), required=False, max_length=len(Scope)
    )
    node_id = NodeRef(required=False)
    expires_at = Instant(required=False)


class ApiKeyChange(Strict):
    """What of a key can be changed."""

    is_active = Flag()


class ApiKeyRotate(Strict):
    """How long the old text still opens."""

    grace_seconds = Whole(default=0, min_value=0, max_value=int(LONGEST_GRACE.total_seconds()))
