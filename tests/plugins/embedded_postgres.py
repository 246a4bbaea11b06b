"""A throw-away PostgreSQL for each run of pytest, started before Django reads its settings.

TEST_DATABASE_URL uses that server instead; TEST_POSTGRES_BIN runs the programs of that folder
(Debian's PostgreSQL 15, for one) rather than the wheel's. Runs beside each other share nothing.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import pytest

from config.local.postgres import Cluster, embedded_binaries

PREFIX = "trellis-tests-"
# A crash of the machine may cost a test run its data; it never costs us more than the run.
FAST_AND_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Point DATABASE_URL at a server of this run's own; workers of xdist inherit it."""
    asked = early_config.known_args_namespace
    if "PYTEST_XDIST_WORKER" in os.environ or asked.help or asked.version:
        return
    folder, lock = _own_folder()
    # The secret, the mail and the jobs of tests never meet those of a service that runs beside.
    os.environ["TRELLIS_DATA"] = str(folder / "data")
    if "TEST_DATABASE_URL" in os.environ:
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
        cluster = None
    else:
        cluster = _start_cluster(folder)
        os.environ["DATABASE_URL"] = cluster.url("postgres")
        os.environ["TEST_POSTGRES_VERSION"] = str(cluster.major_version())

    def finish() -> None:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()

    # Called when the run is done, and by atexit when it ends before pytest has a configuration
    # to undo; twice does no harm. Killed outright, the kernel stops the server (processes.py).
    early_config.add_cleanup(finish)
    atexit.register(finish)


def pytest_report_header() -> str:
    """Which PostgreSQL the tests run on."""
    return f"PostgreSQL: {os.environ.get('TEST_POSTGRES_VERSION', 'that of TEST_DATABASE_URL')}"


def _start_cluster(folder: Path) -> Cluster:
    binaries = os.environ.get("TEST_POSTGRES_BIN")
    cluster = Cluster(
        data=folder / "postgres",
        sockets=folder / "socket",
        log=folder / "postgres.log",
        settings=FAST_AND_UNSAFE,
        binaries=Path(binaries) if binaries else embedded_binaries(),
    )
    cluster.create()
    cluster.start()
    return cluster


def _own_folder() -> tuple[Path, IO[str]]:
    """Make this run's folder, and remove those of runs that were killed."""
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > 60:  # the socket's path would not fit
        base = Path("/tmp")  # mkdtemp makes a folder of our own in it
    for left in base.glob(f"{PREFIX}*"):
        _remove_if_abandoned(left)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    lock = (folder / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _remove_if_abandoned(folder: Path) -> None:
    try:
        if folder.lstat().st_uid != os.geteuid():
            return
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # in use, just being made, or removed by another run at this moment
        return
