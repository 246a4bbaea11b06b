"""The code that proves who opens the first account of an installation to be its operator.

Computed from the server's secret, so that every process knows it and nothing keeps it; it is worth
nothing any more as soon as an account exists.
"""

import base64
import hmac
import logging
from functools import lru_cache

from django.conf import settings

logger = logging.getLogger(__name__)

_LETTERS = 20  # 100 bits


def setup_code() -> str:
    """The code of this installation.

    Returns:
        Groups of five capital letters and digits.
    """
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"trellis setup code", "sha256")
    letters = base64.b32encode(digest).decode()[:_LETTERS]
    return "-".join(letters[start : start + 5] for start in range(0, _LETTERS, 5))


def is_setup_code(text: str) -> bool:
    """Whether a text is the code, however it is spaced and cased.

    Args:
        text: what someone typed.

    Returns:
        True if it is.
    """
    given = "".join(letter for letter in text.upper() if letter.isalnum())
    return hmac.compare_digest(given.encode(), setup_code().replace("-", "").encode())


@lru_cache(maxsize=1)
def announce_setup_code() -> None:
    """Write the code to the log, once a process: who may read that runs this installation."""
    logger.warning("The setup code for the first account is %s", setup_code())
