import time
from contextlib import suppress

import pytest

from common.text import UnwantedCharacter, clean_json, clean_text, counted


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "a\u202eb",
        "\ud800",
        "a\x1bb",
        "a\u200bb",
        "a\ufeffb",
        "a\u061cb",
        "\u3164",
        "a\U000e0041",
    ],
)
def test_clean_text_refuses_what_hides_or_breaks(text: str) -> None:
    with pytest.raises(UnwantedCharacter, match=r"U\+[0-9A-F]{4}"):
        clean_text(text, multiline=True)


def test_clean_text_refuses_an_endless_row_of_marks() -> None:
    assert clean_text("a" + "\u0301\u0323" * 15)
    with pytest.raises(UnwantedCharacter, match="30 marks"):
        clean_text("a" + "\u0301\u0323" * 15 + "\u0301")


@pytest.mark.parametrize(
    "text",
    ["a" + "\u0301\u0323" * 500_000, ("a" + "\u0301\u0323" * 15) * 15_000, "\u00e9" * 500_000],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    before = time.process_time()

    with suppress(UnwantedCharacter):
        clean_text(text)

    assert time.process_time() - before < 3


def test_clean_text_composes_what_looks_alike() -> None:
    assert clean_text("Ame\u0301lie") == "Am\u00e9lie"


def test_clean_text_takes_line_breaks_only_where_they_belong() -> None:
    assert clean_text("a\n\tb", multiline=True) == "a\n\tb"
    with pytest.raises(UnwantedCharacter):
        clean_text("a\nb")


def test_clean_json_reaches_keys_and_nested_texts() -> None:
    with pytest.raises(UnwantedCharacter):
        clean_json({"a": [{"b\0": 1}]})
    with pytest.raises(UnwantedCharacter):
        clean_json({"a": ["\ud800"]})
    assert clean_json({"a": [1, None, True, "e\u0301"]}) == {"a": [1, None, True, "\u00e9"]}


@pytest.mark.parametrize(("count", "said"), [(0, "0 roles"), (1, "1 role"), (2, "2 roles")])
def test_counted_says_one_and_many(count: int, said: str) -> None:
    assert counted(count, "role") == said
