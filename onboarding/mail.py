"""The mail of a local service, read back from the files it was written to."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path

MOST_LETTERS = 50
# Django's file backend writes a line after each message of a file; a message may hold the same line.
_END = re.compile(rb"\n-{79}\n(?=Content-Type: |\Z)")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that would have been sent.

    Args:
        subject: as written.
        to: the addresses.
        sent_at: when; None where the message does not say.
        text: its plain text.
    """

    subject: str
    to: str
    sent_at: datetime | None
    text: str


def read_letters(folder: Path) -> list[Letter]:
    """The newest messages of a folder.

    Args:
        folder: where the file backend writes; need not be there yet.

    Returns:
        At most 50, newest first.
    """
    if not folder.is_dir():
        return []
    # Their names begin with the time.
    files = heapq.nlargest(MOST_LETTERS, folder.glob("*.log"), key=lambda file: file.name)
    letters = [letter for file in files for letter in _letters_in(file)]
    oldest = datetime.min.replace(tzinfo=UTC)
    letters.sort(key=lambda letter: letter.sent_at or oldest, reverse=True)
    return letters[:MOST_LETTERS]


def _letters_in(file: Path) -> list[Letter]:
    try:
        parts = _END.split(file.read_bytes())
    except OSError:  # removed since it was listed
        return []
    # Newest first, for those of the same second.
    return [_letter(part) for part in reversed(parts) if part.strip()]


def _letter(raw: bytes) -> Letter:
    message = message_from_bytes(raw, policy=policy.default)
    body = message.get_body(("plain",))
    return Letter(
        subject=str(message["Subject"] or "(no subject)"),
        to=str(message["To"] or ""),
        sent_at=_moment(message["Date"]),
        text=body.get_content().strip() if body else "",
    )


def _moment(header: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(header)) if header else None
    except ValueError:
        return None
    # "-0000" says UTC and nothing about where the sender is.
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
