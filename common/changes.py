"""What a change really changes."""

import json
from typing import Any


def differs(before: Any, after: Any) -> bool:
    """Whether a value that JSON holds would be another one; Python takes 1 for True.

    Args:
        before: as it is.
        after: as it shall be.

    Returns:
        True if the two are written differently.
    """
    return _text(before) != _text(after)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
