"""A child of the supervisor, and how it is started again when it dies."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from config.local.postgres import PostgresError
from config.local.processes import end_group, last_lines, spawn, stop

STOP_SECONDS = 15
# A child that ran this long has recovered; what came before does not count.
STEADY_SECONDS = 60
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30
# Without these nothing works, so a person is told sooner rather than later.
DEATHS_ALLOWED = 3


class Runnable(Protocol):
    """What the supervisor asks of a child; PostgreSQL's Cluster answers it too."""

    def start(self) -> None: ...
    def is_running(self) -> bool: ...
    def stop(self) -> bool: ...
    def log_tail(self) -> str: ...


@dataclass
class Service:
    """One process of ours.

    Args:
        command: program and arguments.
        environment: its whole environment.
        folder: its working folder.
        log: the file that takes what it prints.
        output: the file that takes its standard output instead, where that is an answer.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    output: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, without what an earlier one may have left of its group.

        Raises:
            OSError: the program cannot be started.
        """
        if self.process is not None:
            end_group(self.process)
        self.process = spawn(
            self.command,
            log=self.log,
            output=self.output,
            environment=self.environment,
            folder=self.folder,
        )

    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> bool:
        """Ask it to end, and end it by force when it takes too long.

        Returns:
            True when it ended by itself in time.
        """
        return self.process is None or stop(self.process, signal.SIGTERM, seconds=STOP_SECONDS)

    def exit_status(self) -> int:
        """What it ended with: 0 for success, negative for a signal.

        Raises:
            RuntimeError: it has not ended.
        """
        status = None if self.process is None else self.process.poll()
        if status is None:
            raise RuntimeError("The process has not ended.")
        return status

    def log_tail(self) -> str:
        """The end of its log."""
        return last_lines(self.log)


class DiedRepeatedly(Exception):
    """A child that nothing works without does not stay alive; the message carries its log's end."""


@dataclass
class Watch:
    """One child under supervision: dead, it is started again after a growing pause.

    Args:
        name: what people call it.
        child: the child.
        essential: whether the service is of no use without it.
    """

    name: str
    child: Runnable
    essential: bool
    deaths: int = field(default=0, init=False)
    _started_at: float = field(default=0.0, init=False)
    _due_at: float | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the child.

        Raises:
            OSError: its program cannot be started.
            PostgresError: PostgreSQL does not start.
        """
        self._due_at = None
        self._started_at = time.monotonic()
        self.child.start()

    def look(self) -> str:
        """See whether it lives; note a death once, and start it again when its pause is over.

        Returns:
            A sentence for the person who watches; empty when there is nothing to say.

        Raises:
            DiedRepeatedly: it is essential and died several times in a short while.
            OSError: its program cannot be started.
        """
        if self._due_at is not None:
            return self._start_again() if time.monotonic() >= self._due_at else ""
        return "" if self.child.is_running() else self._note_death()

    def _note_death(self) -> str:
        now = time.monotonic()
        self.deaths = 1 if now - self._started_at > STEADY_SECONDS else self.deaths + 1
        if self.essential and self.deaths >= DEATHS_ALLOWED:
            raise DiedRepeatedly(
                f"{self.name} ended {self.deaths} times in a row; the end of its log:\n"
                f"{self.child.log_tail()}"
            )
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1), LONGEST_PAUSE_SECONDS)
        self._due_at = now + pause
        return f"{self.name} ended unexpectedly; starting it again in {pause:g} s."

    def _start_again(self) -> str:
        try:
            self.start()
        except PostgresError:
            return self._note_death()
        return f"{self.name} was started again."
