"""`/permissions/evaluate`: may this identity do this, here?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.questions import (
    Ask,
    AskMany,
    AskWhy,
    DecisionList,
    DecisionRow,
    ExplanationRow,
    decision_row,
)
from assignments.decision.evaluate import evaluate, evaluate_many
from assignments.decision.explain import explain
from common.api.endpoints import Endpoint
from common.api.parsers import MAX_BULK_BODY_BYTES
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope


class DecisionViewSet(EnvironmentViewSet):
    """The question that everything else is for."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "evaluate": Endpoint(
            Scope.EVALUATE,
            "May this identity do this, here?",
            body=Ask,
            answer=DecisionRow,
            limit="evaluate",
        ),
        "bulk": Endpoint(
            Scope.EVALUATE,
            "Up to 10,000 questions, answered at one instant",
            body=AskMany,
            answer=DecisionList,
            max_body_bytes=MAX_BULK_BODY_BYTES,
            limit="evaluate",
        ),
        "explain": Endpoint(
            Scope.EVALUATE,
            "Why at a node, with every step; asked without `scope`",
            body=AskWhy,
            answer=ExplanationRow,
            limit="evaluate",
        ),
    }

    def evaluate(self, request: Request) -> Response:
        """One answer."""
        question = self.data["question"]
        return Response(decision_row(question, evaluate(self.environment, question)))

    def bulk(self, request: Request) -> Response:
        """Many answers, in the order of the questions."""
        questions = [check["question"] for check in self.data["checks"]]
        decisions = evaluate_many(self.environment, questions)
        return Response({"items": list(map(decision_row, questions, decisions))})

    def explain(self, request: Request) -> Response:
        """One answer with every step."""
        explanation = explain(self.environment, self.data["question"])
        return Response(ExplanationRow(explanation).data)
