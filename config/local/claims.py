"""What one `make run` claims for itself before it starts anything: its data folder and its port."""

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import IO

from config.local.processes import processes_in, wait_for

HOST = "127.0.0.1"
LEFTOVER_SECONDS = 20


class CannotRun(Exception):
    """The service cannot run here; the message is a plain sentence for the person who started it."""


def claim_folder(data: Path) -> IO[str]:
    """Make the data folder and lock it against another `make run`.

    Args:
        data: the folder, absolute.

    Returns:
        The open lock file; the folder is ours until it is closed or the process ends.

    Raises:
        CannotRun: the folder can be neither made nor written, or is in use.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "lock").open("a+")
        # Mail, logs and jobs hold codes and addresses; PostgreSQL's account passes by them.
        for name in ("celery", "log", "mail", "run"):
            (data / name).mkdir(mode=0o700, exist_ok=True)
            if not os.access(data / name, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(data / name))
    except OSError as error:
        raise CannotRun(
            f"The data folder {data} cannot be used ({error.strerror}: {error.filename}); "
            "set TRELLIS_DATA to a folder that you may write."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CannotRun(
            f"The data folder {data} is in use by another `make run` (process {holder}); stop that "
            "one, or set TRELLIS_DATA to another folder."
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def await_leftovers(folder: Path) -> None:
    """Wait for the processes of a killed supervisor, which the kernel has told to end.

    Args:
        folder: the working folder of the children, absolute.

    Raises:
        CannotRun: some do not end.
    """
    if not wait_for(lambda: not processes_in(folder), seconds=LEFTOVER_SECONDS):
        pids = ", ".join(map(str, processes_in(folder)))
        raise CannotRun(f"Processes of an earlier run in {folder} do not end: {pids}.")


def check_port(port: int) -> None:
    """See that nothing listens where the web server will.

    Args:
        port: on the loopback address.

    Raises:
        CannotRun: the port is taken or may not be used.
    """
    with socket.socket() as probe:
        # Connections of the last run that fade away do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotRun(
                    f"Port {port} is taken by another program; choose another one, as in "
                    f"`PORT={port + 1 if port < 65535 else 8000} make run`."
                ) from error
            raise CannotRun(f"Port {port} cannot be used: {error.strerror}.") from error
