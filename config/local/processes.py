"""The processes of the service: how each is started, watched and ended."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.local.children import start_child

# Celery finishes the task at hand before it ends, which took it 3 to 6 seconds.
STOP_SECONDS = 15
_LONGEST_PAUSE_SECONDS = 30


@dataclass(slots=True)
class Service:
    """One process that is started again when it dies.

    Args:
        name: what people read.
        command: what to run.
        environment: its variables.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    start_again_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it."""
        self.started_at = time.monotonic()
        self.process = start_child(
            self.command, environment=self.environment, stdin=subprocess.DEVNULL
        )

    def look_after(self) -> str | None:
        """Start it again if it has died, ever more slowly when it dies at once.

        Returns:
            What there is to tell, if anything.
        """
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            self.failures = self.failures + 1 if now - self.started_at < 60 else 1
            pause = min(2 ** (self.failures - 1), _LONGEST_PAUSE_SECONDS)
            self.start_again_at = now + pause
            return f"{self.name} ended with status {code}; it starts again in {pause} s."
        if self.process is None and now >= self.start_again_at:
            self.start()
        return None

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def web(port: int, threads: int, environment: Mapping[str, str]) -> Service:
    """The web server: granian, which serves WSGI at a third of the CPU of others.

    Args:
        port: on the loopback address.
        threads: that answer requests; each may hold one database connection.
        environment: its variables.

    Returns:
        The service, not yet started.
    """
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", str(threads), "--log-level", "warning"]
    command += ["--workers-kill-timeout", "5", "config.wsgi:application"]
    return Service("web", command, {**environment, "DATABASE_POOL_SIZE": str(threads)})


def worker(environment: Mapping[str, str]) -> Service:
    """Celery's worker.

    Args:
        environment: its variables.

    Returns:
        The service, not yet started.
    """
    options = [
        "--concurrency",
        "1",
        "--loglevel",
        "WARNING",
        "--without-gossip",
        "--without-mingle",
    ]
    return Service("worker", [*_celery(), "worker", *options], environment)


def beat(schedule: str, environment: Mapping[str, str]) -> Service:
    """Celery's beat.

    Args:
        schedule: the file in which it notes what it has woken.
        environment: its variables.

    Returns:
        The service, not yet started.
    """
    options = ["--schedule", schedule, "--pidfile", "", "--loglevel", "WARNING"]
    return Service("beat", [*_celery(), "beat", *options], environment)


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
