"""Where a local service keeps things; shared by the supervisor and by every command beside it."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

# A Unix socket's whole path may take 107 bytes on Linux; PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 90


def local_secret_key(data: Path) -> str:
    """The local service's own secret, made on first use and readable by its owner only.

    Args:
        data: the folder that keeps the service's data.

    Returns:
        The secret, 50 URL-safe characters.
    """
    path = data / "secret_key"
    data.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secret := secrets.token_urlsafe(38)[:50])
    return secret


def socket_folder(data: Path) -> Path:
    """The folder of the embedded PostgreSQL's socket: in the data folder unless its path is too long.

    Args:
        data: the folder that keeps the service's data, absolute.

    Returns:
        The same folder for the same data, from every process.
    """
    folder = data / "socket"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"trellis-{digest}"


def embedded_database_url(data: Path, name: str = "trellis") -> str:
    """The URL of a database in the embedded PostgreSQL.

    Args:
        data: the folder that keeps the service's data, absolute.
        name: the database.

    Returns:
        A URL whose host parameter is the socket's folder.
    """
    return f"postgres://postgres@/{name}?host={quote(str(socket_folder(data)), safe='')}"
