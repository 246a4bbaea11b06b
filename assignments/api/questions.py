"""The shapes of questions and of their answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assignments.decision.evaluate import MOST_QUESTIONS
from assignments.decision.question import Decision, Question
from assignments.permissions import LONGEST_KEY, is_permission_key
from common.api.fields import Choice, CleanText, IdentityRef, Instant, NodeRef
from common.api.serializers import Strict
from common.refs import Ref, is_uuid

NODE, APP_WIDE = "node", "app_wide"
_PLAIN = {"identity_id", "permission", "scope", "node_id"}


class Ask(Strict):
    """May this identity do this, here or anywhere?"""

    identity_id = IdentityRef()
    permission = CleanText(max_length=LONGEST_KEY)
    scope = Choice(choices=[NODE, APP_WIDE])
    node_id = NodeRef(required=False)
    at = Instant(required=False, allow_null=True)

    @classmethod
    def read_plain(cls, data: Any) -> dict[str, Any] | None:
        """See `Strict`; takes ids of ours, a permission's key and no instant."""
        if not isinstance(data, dict) or not data.keys() <= _PLAIN:
            return None
        identity, permission = data.get("identity_id"), data.get("permission")
        if not (isinstance(identity, str) and isinstance(permission, str)):
            return None
        if not (is_uuid(identity) and is_permission_key(permission)):
            return None
        place: Ref | None
        match data.get("scope"), data.get("node_id"):
            case "node", str(node) if is_uuid(node):
                place = Ref("id", node.lower())
            case "app_wide", None if "node_id" not in data:
                place = None
            case _:
                return None
        return {"question": Question(Ref("id", identity.lower()), permission, place)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; makes a question of what was sent."""
        if attrs["scope"] == NODE and "node_id" not in attrs:
            raise serializers.ValidationError({"node_id": "is needed with scope node"})
        if attrs["scope"] == APP_WIDE and "node_id" in attrs:
            raise serializers.ValidationError({"node_id": "does not go with scope app_wide"})
        return {"question": _question(attrs)}


class AskMany(Strict):
    """Up to 10,000 questions, answered at one instant."""

    checks = serializers.ListField(child=Ask(), allow_empty=False, max_length=MOST_QUESTIONS)

    @classmethod
    def read_plain(cls, data: Any) -> dict[str, Any] | None:
        """See `Strict`."""
        checks = data.get("checks") if isinstance(data, dict) and len(data) == 1 else None
        if not isinstance(checks, list) or not 0 < len(checks) <= MOST_QUESTIONS:
            return None
        plain = [Ask.read_plain(check) for check in checks]
        return None if None in plain else {"checks": plain}


class AskWhy(Strict):
    """May this identity do this here, and why?"""

    identity_id = IdentityRef()
    permission = CleanText(max_length=LONGEST_KEY)
    node_id = NodeRef()
    at = Instant(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; makes a question of what was sent."""
        return {"question": _question(attrs)}


def _question(attrs: dict[str, Any]) -> Question:
    return Question(
        attrs["identity_id"], attrs["permission"], attrs.get("node_id"), attrs.get("at")
    )


class DecisionRow(serializers.Serializer):
    """The answer to one question."""

    allowed = serializers.BooleanField()
    permission = serializers.CharField()
    scope_evaluated = serializers.ChoiceField(choices=[NODE, APP_WIDE])
    effective_node_id = serializers.UUIDField(allow_null=True)
    granting_roles = serializers.ListField(child=serializers.CharField())
    denial_reason = serializers.CharField(allow_null=True)


class DecisionList(serializers.Serializer):
    """The answers in the order of the questions."""

    items = DecisionRow(many=True)


def decision_row(question: Question, decision: Decision) -> dict[str, Any]:
    """One answer as `DecisionRow` describes it; a plain function, since it is asked most.

    Args:
        question: what was asked.
        decision: the answer.

    Returns:
        JSON-ready.
    """
    return {
        "allowed": decision.allowed,
        "permission": question.permission,
        "scope_evaluated": NODE if question.node else APP_WIDE,
        "effective_node_id": decision.effective_node_id,
        "granting_roles": decision.granting_roles,
        "denial_reason": decision.denial_reason,
    }


class HeldRow(serializers.Serializer):
    """An assignment on the way from the root to the node."""

    assignment_id = serializers.UUIDField()
    role_id = serializers.UUIDField()
    role_name = serializers.CharField()
    active = serializers.BooleanField(source="is_effective")
    effective_from = Instant(allow_null=True)
    effective_to = Instant(allow_null=True)
    grants_permission = serializers.BooleanField()


class RungRow(serializers.Serializer):
    """A node on the way from the root to the node."""

    node_id = serializers.UUIDField()
    name = serializers.CharField()
    node_type = serializers.CharField()
    depth = serializers.IntegerField()
    is_target = serializers.BooleanField()
    is_active = serializers.BooleanField()
    assignments = HeldRow(many=True, source="grants")


class MissRow(serializers.Serializer):
    """What stands in the way of a yes."""

    reason = serializers.CharField()
    identity_id = serializers.UUIDField(required=False)
    node_id = serializers.UUIDField(required=False)
    permission = serializers.CharField(required=False)
    role_ids = serializers.ListField(child=serializers.UUIDField(), required=False)
    assignment_id = serializers.UUIDField(required=False)
    role_id = serializers.UUIDField(required=False)
    role_name = serializers.CharField(required=False)
    effective_from = Instant(allow_null=True, required=False)
    effective_to = Instant(allow_null=True, required=False)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; each reason has fields of its own, and no others are shown."""
        return {
            name: value if value is None else self.fields[name].to_representation(value)
            for name, value in instance.items()
        }


class ExplanationRow(serializers.Serializer):
    """The answer to one question with every step."""

    identity_id = serializers.UUIDField()
    permission = serializers.CharField()
    node_id = serializers.UUIDField()
    allowed = serializers.BooleanField()
    denial_reason = serializers.CharField(allow_null=True)
    effective_node_id = serializers.UUIDField(allow_null=True)
    granting_role_ids = serializers.ListField(
        child=serializers.UUIDField(), source="granting_roles"
    )
    granting_node_ids = serializers.ListField(
        child=serializers.UUIDField(), source="granting_nodes"
    )
    lineage = RungRow(many=True)
    near_misses = MissRow(many=True)
