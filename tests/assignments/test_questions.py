"""The fast readers of questions agree with the serializers: the same question, or the same refusal."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers

from assignments.api.questions import Ask, AskMany
from assignments.decision.evaluate import MOST_QUESTIONS
from common.api.handler import field_lines
from common.api.serializers import Strict

ID, UPPER = "0b0e6f3a-1111-4222-8333-444455556666", "0B0E6F3A-1111-4222-8333-444455556666"
FINE = {"identity_id": ID, "permission": "invoice.read", "scope": "node", "node_id": ID}
MISSING = object()

_ids = [
    ID, UPPER, ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", f" {ID}", f"{ID}\n", ID[:-1],
    ID.replace("1", "\u0661"), "ext:a", "ext:", f"ext:{ID}", "email:a@b.de", "email:A\0@b.de", "", None,
    5, [], {}, [ID], True, MISSING,
]  # fmt: skip
_permissions = [
    "invoice.read", "a.b.c", "invoice", "Invoice.read", " invoice.read ", "invoice.read\n", "i.\u0131",
    f"a.{'b' * 148}", f"a.{'b' * 149}", "a.e\u0301", "a.\ud800", "a.\0", "", None, 5, [], MISSING,
]  # fmt: skip
_scopes = ["node", "app_wide", "NODE", " node", "", None, 0, [], {"node": 1}, MISSING]
_moments = [MISSING, MISSING, None, "2026-01-01T00:00:00Z", "2026-01-01", 5]


def slowly(shape: type[Strict], body: Any) -> Any:
    """What the fields make of a body: the data, or what is wrong."""
    try:
        return shape().run_validation(body)
    except serializers.ValidationError as error:
        return list(field_lines(error.detail))


def at_the_door(shape: type[Strict], body: Any) -> Any:
    """What a view makes of a body."""
    plain = shape.read_plain(body)
    return slowly(shape, body) if plain is None else plain


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """Bodies whose every field is fine, nearly fine, wrong or missing."""
    choices = {"identity_id": _ids, "permission": _permissions, "scope": _scopes, "node_id": _ids}
    body = {
        name: draw(st.sampled_from([values[0], values[0], *values]))
        for name, values in choices.items()
    }
    body["at"] = draw(st.sampled_from(_moments))
    if draw(st.integers(0, 9)) == 0:
        body[draw(st.sampled_from(["surprise", "Scope", "", "node"]))] = 1
    if body["scope"] == "app_wide" and draw(st.booleans()):
        body["node_id"] = MISSING
    return {name: value for name, value in body.items() if value is not MISSING}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "body",
    [
        FINE,
        {**FINE, "identity_id": UPPER, "node_id": UPPER},
        {"identity_id": ID, "permission": "a.b", "scope": "app_wide"},
    ],
)
def test_a_plain_question_is_read_fast_and_rightly(body) -> None:
    plain = Ask.read_plain(body)

    assert plain is not None
    assert plain == slowly(Ask, body)


@pytest.mark.parametrize("scope", ["node", "app_wide"])
def test_one_odd_field_is_read_alike_both_ways(scope) -> None:
    choices = {"identity_id": _ids, "permission": _permissions, "node_id": _ids, "at": _moments}

    for name, values in choices.items():
        for value in values:
            body = {**FINE, "scope": scope, name: value}
            if scope == "app_wide" and name != "node_id":
                del body["node_id"]
            body = {key: one for key, one in body.items() if one is not MISSING}
            assert at_the_door(Ask, body) == slowly(Ask, body), body


@given(body=bodies() | _json)
@settings(max_examples=1_500, deadline=None)
def test_both_ways_of_reading_a_question_agree(body: Any) -> None:
    assert at_the_door(Ask, body) == slowly(Ask, body)


@given(checks=st.lists(bodies(), max_size=4) | _json, extra=st.booleans())
@settings(max_examples=500, deadline=None)
def test_both_ways_of_reading_many_questions_agree(checks: Any, extra: bool) -> None:
    body = {"checks": checks, "surprise": 1} if extra else {"checks": checks}

    assert at_the_door(AskMany, body) == slowly(AskMany, body)


@given(body=_json)
@settings(max_examples=200, deadline=None)
def test_both_ways_of_reading_anything_at_all_agree(body: Any) -> None:
    assert at_the_door(AskMany, body) == slowly(AskMany, body)


@pytest.mark.parametrize("count", [0, 1, MOST_QUESTIONS, MOST_QUESTIONS + 1])
def test_both_ways_take_as_many_questions(count) -> None:
    body = {"checks": [{**FINE, "identity_id": str(uuid4())} for _ in range(count)]}

    assert at_the_door(AskMany, body) == slowly(AskMany, body)


def test_one_slow_question_is_read_slowly_with_all_the_others() -> None:
    body = {"checks": [FINE, {**FINE, "identity_id": "ext:a"}]}

    assert AskMany.read_plain(body) is None
    assert len(slowly(AskMany, body)["checks"]) == 2
