"""Who runs beside whom: what is started again, what ends with whom, and as which account."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.local.processes import processes_in, wait_for
from tests.local.service import ROOT, LocalService

SOON = 20


@pytest.mark.parametrize("words", ["celery worker", "celery beat", "bin/postgres -D"])
def test_a_killed_process_is_started_again(service: LocalService, words: str) -> None:
    assert wait_for(lambda: _child(service, words) is not None, seconds=SOON)
    killed = _child(service, words)
    assert killed is not None

    killed.kill()

    assert wait_for(lambda: _child(service, words) not in (None, killed), seconds=SOON)
    assert wait_for(lambda: service.answers("/readyz"), seconds=SOON)


def test_nothing_listens_beyond_this_machine(service: LocalService) -> None:
    assert service.process is not None

    listening = {
        (place.laddr.ip, place.laddr.port)
        for process in psutil.Process(service.process.pid).children(recursive=True)
        for place in process.net_connections(kind="inet")
        if place.status == psutil.CONN_LISTEN
    }

    assert listening == {("127.0.0.1", service.port)}


def test_what_it_keeps_is_readable_by_its_owner_only(service: LocalService) -> None:
    kept = ("celery", "log", "mail", "postgres", "run", "secret_key", "socket")

    open_to_others = [name for name in kept if (service.data / name).stat().st_mode & 0o077]

    assert open_to_others == []


def test_make_killed_outright_takes_it_along(tmp_path: Path) -> None:
    recipe = next(
        line.strip("\t@").replace("$$", "$").replace("$(BIN)/python", sys.executable)
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.endswith("-m config.local")
    )
    # This shell stands for make: it runs the recipe in a shell of its own, and stays.
    own = LocalService(tmp_path / "data", command=("sh", "-c", 'sh -c "$0"; exit $?', recipe))
    own.start()
    assert own.process is not None
    family = psutil.Process(own.process.pid).children(recursive=True)

    own.process.kill()

    _, alive = psutil.wait_procs(family, timeout=SOON)
    for process in alive:
        process.terminate()
    assert len(family) >= 4
    assert alive == []


@pytest.fixture
def ordinary() -> Iterator[LocalService]:
    """A service of an ordinary account, in an empty home that is closed to everyone else."""
    if os.geteuid() != 0:
        pytest.skip("we are not root, so every other test here runs as an ordinary account")
    account = pwd.getpwnam("nobody")
    # Not pytest's own folder, which only we may pass.
    home = Path(tempfile.mkdtemp(prefix="trellis-home-", dir="/tmp"))
    os.chown(home, account.pw_uid, account.pw_gid)
    own = LocalService(
        home / "data",
        variables={"HOME": str(home), "PYTHONPATH": _libraries()},
        command=(_python_of(account), "-m", "config.local"),
        uid=account.pw_uid,
    )
    yield own
    if own.is_running():
        own.end()
    shutil.rmtree(home, ignore_errors=True)


def test_an_ordinary_account_runs_it_beside_root(
    service: LocalService, ordinary: LocalService
) -> None:
    ordinary.start()
    working = processes_in(ordinary.data / "run")
    accounts = {psutil.Process(pid).uids().real for pid in working}
    status = ordinary.end()

    assert len(working) >= 2
    assert accounts == {ordinary.uid}
    assert (status, ordinary.left()) == (0, [])
    assert service.answers()


def _child(service: LocalService, words: str) -> psutil.Process | None:
    assert service.process is not None
    for child in psutil.Process(service.process.pid).children():
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:  # gone meanwhile
            continue
        if words in line.replace("-A config.celery ", ""):
            return child
    return None


def _python_of(account: pwd.struct_passwd) -> str:
    """A Python of our version that the account may start, with our libraries."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        try:
            subprocess.run(
                [python or version, "-c", "import psycopg, config.local.supervisor"],
                cwd="/",
                env={"PYTHONPATH": _libraries()},
                user=account.pw_uid,
                extra_groups=[],
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python or version
    pytest.skip(f"{account.pw_name} may not read this checkout, or has no {version} of its own")


def _libraries() -> str:
    return os.pathsep.join([str(ROOT), *(path for path in sys.path if "site-packages" in path)])
