from datetime import UTC, datetime

import pytest
from rest_framework import serializers

from common.api.fields import (
    Choice,
    CleanText,
    ExternalId,
    Flag,
    Id,
    IdentityRef,
    Instant,
    Metadata,
    NodeRef,
    Whole,
)
from common.api.serializers import Query, Strict
from common.refs import Ref


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T00:00:00",
        "2026-05-01",
        "2026-W18-5T00:00:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T23:59:60Z",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        "2026-02-30T00:00:00Z",
        "2026-05-01T00:00:00+25:00",
        "2026-05-01 00:00:00Z",
        "\u0662026-05-01T00:00:00Z",
        1777593600,
        None,
        True,
    ],
)
def test_instant_refuses_what_is_not_one_point_in_time(text: object) -> None:
    with pytest.raises(serializers.ValidationError):
        Instant().run_validation(text)


def test_instant_is_kept_and_sent_in_utc() -> None:
    moment = Instant().run_validation("2026-05-01T02:30:00.5+02:00")

    assert moment == datetime(2026, 5, 1, 0, 30, 0, 500_000, tzinfo=UTC)
    assert Instant().to_representation(moment) == "2026-05-01T00:30:00.500000Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (CleanText(), 5),
        (CleanText(), True),
        (CleanText(), ["a"]),
        (CleanText(), "a\0"),
        (CleanText(max_length=3), "abcd"),
        (Flag(), "true"),
        (Flag(), 1),
        (Whole(), "5"),
        (Whole(), 5.0),
        (Whole(), True),
        (Id(), "00000000000000000000000000000001"),
        (Id(), "urn:uuid:00000000-0000-0000-0000-000000000001"),
        (Id(), 1),
        (ExternalId(), "a b"),
        (ExternalId(), "00000000-0000-0000-0000-000000000001"),
        (ExternalId(), "x" * 129),
        (NodeRef(), "email:a@example.org"),
        (NodeRef(), "ext:"),
        (NodeRef(), {"id": 1}),
        (IdentityRef(), "a@example.org"),
        (Metadata(), []),
        (Metadata(), {"a": "\ud800"}),
        (Metadata(), {"a": "x" * 20_000}),
    ],
)
def test_fields_take_exactly_their_type(field: serializers.Field, value: object) -> None:
    with pytest.raises(serializers.ValidationError):
        field.run_validation(value)


def test_references_are_read_in_each_of_their_forms() -> None:
    given = "0B0E6F3A-1111-2222-3333-444455556666"

    assert NodeRef().run_validation(given) == Ref("id", given.lower())
    assert NodeRef().run_validation("ext:site-7:A") == Ref("ext", "site-7:A")
    assert IdentityRef().run_validation("email:Ada@Example.org") == Ref("email", "ada@example.org")


def test_strict_names_each_unknown_field() -> None:
    class Body(Strict):
        name = CleanText()

    body = Body(data={"name": "a", "path": "0001", "depth": 1})

    assert not body.is_valid()
    assert set(body.errors) == {"path", "depth"}


def test_a_query_reads_words_and_digits_as_values() -> None:
    class Sample(Query):
        page = Whole()
        all = Flag()

    sample = Sample(data={"page": "3", "all": "true"})

    assert sample.is_valid(), sample.errors
    assert sample.validated_data == {"page": 3, "all": True}
    assert not Sample(data={"page": "1" * 30, "all": "yes"}).is_valid()


def test_choice_names_what_it_takes_when_it_refuses() -> None:
    field = Choice(choices=["tree", "flat"])

    with pytest.raises(serializers.ValidationError) as refusal:
        field.run_validation("round")

    assert refusal.value.detail == ["must be one of tree, flat"]
    assert field.run_validation("flat") == "flat"
