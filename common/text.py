"""One rule for every text that comes in: normal form C, printable, nothing hidden."""

import re
import unicodedata
from typing import Any

# C0 and C1 controls, lone surrogates, and the marks that reorder or hide text (Unicode TR 36, section 2).
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\u3164\uffa0\U000e0000-\U000e007f]"
)
_LINE_BREAKS = re.compile("[\t\n\r]")
# Unicode's stream-safe form (UAX 15, section 13) has no more marks on one letter, and no language needs
# more; sorting an endless row of them costs the square of its length.
_MOST_MARKS = 30
_MARKS = "".join(filter(unicodedata.combining, map(chr, range(0x300, 0x1F000))))
_TOO_MANY_MARKS = re.compile(f"[{re.escape(_MARKS)}]{{{_MOST_MARKS + 1}}}")


class UnwantedCharacter(ValueError):
    """The text holds a character that no name or description may hold."""


def clean_text(text: str, *, multiline: bool = False) -> str:
    """Bring a text from outside into the form in which it is kept.

    Args:
        text: the text as it came.
        multiline: whether tabs and line breaks may stand in it.

    Returns:
        The text in Unicode normal form C.

    Raises:
        UnwantedCharacter: if it holds a control character, a lone surrogate or a bidirectional mark,
            or a letter more marks than any language puts on one.
    """
    if text.isascii() and text.isprintable():
        return text
    found = _UNWANTED.search(text) or (None if multiline else _LINE_BREAKS.search(text))
    if found:
        raise UnwantedCharacter(f"must not contain the character U+{ord(found.group()):04X}")
    if _TOO_MANY_MARKS.search(text):
        raise UnwantedCharacter(f"must not put more than {_MOST_MARKS} marks on one letter")
    return unicodedata.normalize("NFC", text)


def clean_json(value: Any) -> Any:
    """The same rule for every text inside a JSON value, keys included.

    Args:
        value: what a JSON parser returned; its depth is limited by the parser.

    Returns:
        The same value with its texts in normal form C.

    Raises:
        UnwantedCharacter: as `clean_text`.
    """
    match value:
        case str():
            return clean_text(value, multiline=True)
        case list():
            return [clean_json(item) for item in value]
        case dict():
            return {clean_text(key): clean_json(item) for key, item in value.items()}
        case _:
            return value


def counted(count: int, noun: str) -> str:
    """A number and what it counts, as people say it.

    Args:
        count: how many.
        noun: one of them, in English and regular.

    Returns:
        Such as `1 role` or `3 roles`.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
