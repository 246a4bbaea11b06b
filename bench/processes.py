"""The service under load as real processes on one core, and the CPU seconds that each part has used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

STARTUP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds, user and system together, since the processes began.

    Args:
        web: the web server and its workers.
        database: PostgreSQL and all its backends.
    """

    web: float
    database: float

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.web - earlier.web, self.database - earlier.database)


def _cpu_seconds(root: psutil.Process) -> float:
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def usage(web_pid: int, database_pid: int) -> Usage:
    """What the processes have used until now.

    Args:
        web_pid: of the web server's first process.
        database_pid: of PostgreSQL's first process.

    Returns:
        CPU seconds, those of ended children included.
    """
    return Usage(_cpu_seconds(psutil.Process(web_pid)), _cpu_seconds(psutil.Process(database_pid)))


def pin(pid: int, cores: set[int]) -> None:
    """Keep a process and all its threads and children on some cores.

    Args:
        pid: the process.
        cores: numbers of cores of this machine.
    """
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        for thread in process.threads():
            os.sched_setaffinity(thread.id, cores)


@contextmanager
def web_server(port: int, threads: int, environment: Mapping[str, str]) -> Iterator[int]:
    """Granian with one worker, as production runs it.

    Args:
        port: on the loopback address.
        threads: that answer requests.
        environment: the settings.

    Yields:
        The process id.

    Raises:
        RuntimeError: if it does not answer in time.
    """
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", str(threads), "--log-level", "warning"]
    server = subprocess.Popen([*command, "config.wsgi:application"], env=dict(environment))
    try:
        _wait_until_served(server, f"http://127.0.0.1:{port}/healthz")
        yield server.pid
    finally:
        server.terminate()
        server.wait()


def _wait_until_served(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The web server did not start.")
