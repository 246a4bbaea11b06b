"""Where a local service keeps things; shared by the supervisor and by every command beside it."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from config.local.postgres import database_url

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# A Unix socket's whole path may take 107 bytes on Linux; PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 90


def data_folder() -> Path:
    """The folder that keeps the service's data: TRELLIS_DATA, or var/ beside the code.

    Returns:
        An absolute path.
    """
    return Path(os.environ.get("TRELLIS_DATA") or BASE_DIR / "var").resolve()


def local_secret_key(data: Path) -> str:
    """The local service's own secret, made on first use and readable by its owner only.

    Args:
        data: the folder that keeps the service's data.

    Returns:
        The secret, 50 URL-safe characters.

    Raises:
        OSError: the folder can be neither made nor written.
    """
    path = data / "secret_key"
    if path.exists():
        return path.read_text().strip()
    data.mkdir(parents=True, exist_ok=True)
    # Written whole before it gets its name: web, worker and beat may all be first at once, and one
    # of them would otherwise read a file that another has made and not yet filled.
    descriptor, draft = tempfile.mkstemp(dir=data, prefix=".secret_key.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(38)[:50])
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    return path.read_text().strip()


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
    # Not the process's own TMPDIR: that may differ between us and a command beside us, or be long.
    return Path("/tmp") / f"trellis-{digest}"  # its owner is checked before use


def embedded_database_url(data: Path, name: str = "trellis") -> str:
    """The URL of a database in the embedded PostgreSQL.

    Args:
        data: the folder that keeps the service's data, absolute.
        name: the database.

    Returns:
        A URL whose host parameter is the socket's folder.
    """
    return database_url(socket_folder(data), name)
