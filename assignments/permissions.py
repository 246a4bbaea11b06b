"""What a permission's key looks like, and what is made of it."""

import re

from common.errors import NotFound

# Lowercase dotted words, at least two: the resource, then the action.
PERMISSION_KEY = r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+"
LONGEST_KEY = 150
LONGEST_CATEGORY = 100
_is_key = re.compile(PERMISSION_KEY).fullmatch


def is_permission_key(text: str) -> bool:
    """Whether a text may be a permission's key.

    Args:
        text: what was given.

    Returns:
        True if it may.
    """
    return len(text) <= LONGEST_KEY and _is_key(text) is not None


def readable(key: str) -> str:
    """The name that a key suggests: `billing.invoice.approve` becomes `Approve billing invoice`.

    Args:
        key: a permission's key.

    Returns:
        Words that begin with a capital.
    """
    *resource, action = key.split(".")
    words = " ".join([action, *resource]).replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def category_of(key: str) -> str:
    """The category that a key suggests: its first word, or as much of it as a category holds.

    Args:
        key: a permission's key.

    Returns:
        The word.
    """
    return key.partition(".")[0][:LONGEST_CATEGORY]


def permission_not_found(key: str) -> NotFound:
    """The refusal of a permission that the environment does not have.

    Args:
        key: the key that was given.

    Returns:
        `permissions.not_found`.
    """
    return NotFound("permissions.not_found", f"There is no permission {key}.")
