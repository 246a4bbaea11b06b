"""`make run` as a person starts it: a process of its own, a folder of its own, a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.local.processes import processes_in, wait_for

ROOT = Path(__file__).parents[2]
FIRST_START_SECONDS = 60
STOP_SECONDS = 40


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LocalService:
    """One service with its data.

    Args:
        data: its folder, absolute.
        port: where its web server listens.
        variables: further environment variables.
        command: what starts it.
        uid: whom it runs as; ourselves when None.
    """

    data: Path
    port: int = field(default_factory=free_port)
    variables: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = (sys.executable, "-m", "config.local")
    uid: int | None = None
    process: subprocess.Popen[str] | None = None
    said: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name it, for commands beside it; none of the tests' own database."""
        kept = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
        ours = {"PORT": str(self.port), "TRELLIS_DATA": str(self.data)}
        return {**kept, **ours, **self.variables}

    def start(self, *, until_ready: bool = True) -> float:
        """Start it; gives the seconds until its first page."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            user=self.uid,
            extra_groups=None if self.uid is None else [],
        )
        if until_ready:
            assert wait_for(
                lambda: self.answers() or not self.is_running(), seconds=FIRST_START_SECONDS
            ), "It does not answer."
        return time.monotonic() - began

    def is_running(self) -> bool:
        """Whether the supervisor lives."""
        return self.process is not None and self.process.poll() is None

    def answers(self, path: str = "/healthz") -> bool:
        """Whether a page of it is served."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as page:
                return int(page.status) == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal, as Ctrl-C does, and wait; gives its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        self.said, _ = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode

    def left(self) -> list[int]:
        """Processes of it that are still there."""
        return [*processes_in(self.data / "run"), *processes_in(self.data / "postgres")]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it, from the checkout."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, text=True, capture_output=True, check=False
        )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside it."""
        return self.run(sys.executable, "manage.py", *arguments)
