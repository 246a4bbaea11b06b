"""One process that starts the local service, watches over it and stops it in order."""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

import environ

from config.local.claims import HOST, CannotRun, await_leftovers, check_port, claim_folder
from config.local.paths import BASE_DIR, data_folder, socket_folder
from config.local.postgres import Cluster, PostgresError
from config.local.processes import end_with_parent, last_lines
from config.local.services import DiedRepeatedly, Service, Watch

WEB_THREADS = 4
ANSWER_SECONDS = 60
LOOK_SECONDS = 0.1
DATABASE = "trellis"
# A shell may carry settings of another project for the same programs.
FOREIGN = ("CELERY_", "GRANIAN_", "DJANGO_")


class StopAsked(Exception):
    """Someone asked us to stop while we were starting or watching."""


def say(text: str = "") -> None:
    """Tell the person who started us something; it does not matter if nobody listens any more.

    Args:
        text: whole lines.
    """
    try:
        print(text, flush=True)  # noqa: T201  # a program for the terminal
    except OSError:
        # The terminal is gone; what is still to be said goes nowhere, and so does the last flush.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # until we end


def run() -> int:
    """Start everything, watch until asked to stop, and stop everything.

    Returns:
        The exit status: 0 when asked to stop, 1 when something is wrong and was said.
    """
    supervisor: Supervisor | None = None
    try:
        supervisor = Supervisor(read_choices())
        supervisor.start()
        supervisor.watch()
    except StopAsked:
        return 0
    except (CannotRun, DiedRepeatedly, PostgresError) as error:
        say(f"Trellis cannot run: {error}")
        return 1
    except OSError as error:
        say(f"Trellis cannot run: {error.strerror} ({error.filename or 'no file'}).")
        return 1
    finally:
        if supervisor is not None:
            supervisor.stop()


@dataclass(frozen=True)
class Choices:
    """What the environment decides.

    Args:
        data: the data folder, absolute.
        port: of the web server.
        pool: connections to the database that the web server may hold.
        own_database: whether PostgreSQL is ours to start.
        address: where people find the service, without a slash at its end.
    """

    data: Path
    port: int
    pool: int
    own_database: bool
    address: str


def read_choices() -> Choices:
    """Read what the environment decides.

    Returns:
        The choices.

    Raises:
        CannotRun: it asks for production, or a number is none.
    """
    env = environ.Env()
    if env.bool("TRELLIS_PRODUCTION", default=False):
        raise CannotRun(
            "`make run` is for one machine and its own people, not for production; "
            "unset TRELLIS_PRODUCTION, or start web, worker and beat by a supervisor of your own."
        )
    port = _whole_number(env, "PORT", default=8000)
    if not 1 <= port <= 65535:
        raise CannotRun(f"PORT is {port}, which is not between 1 and 65535.")
    return Choices(
        data=data_folder(),
        port=port,
        pool=max(WEB_THREADS, _whole_number(env, "DATABASE_POOL_SIZE", default=0)),
        own_database=not os.environ.get("DATABASE_URL"),
        address=(env.str("TRELLIS_BASE_URL", default="") or f"http://{HOST}:{port}").rstrip("/"),
    )


def _whole_number(env: environ.Env, name: str, *, default: int) -> int:
    try:
        return int(env.str(name, default="") or default)
    except ValueError as error:
        raise CannotRun(f"{name} is {env.str(name)!r}, which is not a whole number.") from error


@dataclass
class Supervisor:
    """The processes of one data folder.

    Args:
        choices: what the environment decides.
    """

    choices: Choices
    _watches: list[Watch] = field(default_factory=list, init=False)
    _asked_to_stop: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start all, in order, and say where to go.

        Raises:
            CannotRun: something is wrong that the person can mend.
            DiedRepeatedly: the web server ends before it answers.
            OSError: a file or program cannot be used.
            PostgresError: PostgreSQL does not start.
            StopAsked: someone asked us to stop meanwhile.
        """
        self._listen_for_signals()
        # Held until we end.
        self._lock = claim_folder(self.choices.data)
        await_leftovers(self._work)
        check_port(self.choices.port)
        if self.choices.own_database:
            self._start_database()
        self._prepare()
        say("Starting web, worker and beat.")
        # Web first and alone: a page is there two seconds sooner than with all at once.
        for watch in self._services():
            self._watches.append(watch)
            watch.start()
            if watch.name == "web":
                self._await_answer(watch)
        self._welcome()

    def watch(self) -> NoReturn:
        """Start again what dies, until asked to stop.

        Raises:
            DiedRepeatedly: web or PostgreSQL do not stay alive.
            OSError: a program cannot be started.
            StopAsked: someone asked us to stop.
        """
        while True:
            self._look()
            self._pause()

    def stop(self) -> None:
        """Stop what runs: web, beat, worker, then PostgreSQL."""
        order = {"web": 0, "beat": 1, "worker": 2, "PostgreSQL": 3}
        running = [watch for watch in self._watches if watch.child.is_running()]
        for watch in sorted(self._watches, key=lambda watch: order[watch.name]):
            if watch in running:
                say(f"Stopping {watch.name}.")
            if not watch.child.stop():
                say(f"{watch.name} did not stop in time and was ended by force.")
        if running:
            say("Stopped.")

    # Starting ---------------------------------------------------------------------------------

    @property
    def _work(self) -> Path:
        """The working folder of our children, by which what is left of them is found."""
        return self.choices.data / "run"

    def _log(self, name: str) -> Path:
        return self.choices.data / "log" / f"{name}.log"

    def _start_database(self) -> None:
        data = self.choices.data / "postgres"
        cluster = Cluster(
            data=data,
            sockets=socket_folder(self.choices.data),
            log=self._log("postgres"),
            give_up=lambda: self._asked_to_stop,
        )
        say("Starting PostgreSQL." if data.exists() else f"Making a database in {data}.")
        watch = Watch("PostgreSQL", cluster, essential=True)
        try:
            cluster.create()
            for folder in cluster.opened:
                if folder != self.choices.data:
                    say(f"Opened {folder} for passing through: PostgreSQL does not run as root.")
            self._check_for_stop()
            self._watches.append(watch)
            watch.start()
            cluster.create_database(DATABASE)
        except PostgresError:
            # A Ctrl-C reaches PostgreSQL's short-lived programs too, and they fail of it.
            self._check_for_stop()
            raise

    def _prepare(self) -> None:
        say("Bringing the database up to date.")
        if self._run_to_end("prepare", [sys.executable, "-m", "config.local.prepare"]):
            log = self._log("prepare")
            raise CannotRun(
                f"the database could not be brought up to date: {last_lines(log, 1)}\n"
                f"All that was said is in {log}."
            )

    def _services(self) -> list[Watch]:
        python = sys.executable
        web = [python, "-m", "granian", "--interface", "wsgi", "--no-ws", "--workers", "1"]
        web += ["--host", HOST, "--port", str(self.choices.port)]
        web += ["--blocking-threads", str(WEB_THREADS), "--workers-kill-timeout", "10"]
        celery = [python, "-m", "celery", "-A", "config.celery"]
        # Threads: one process, so that nothing is left when it is killed.
        worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2", "-l", "INFO"]
        # There are no other workers to talk to.
        worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        schedule = self.choices.data / "celery" / "schedule"
        beat = [*celery, "beat", "--schedule", str(schedule), "-l", "INFO"]
        pool = str(self.choices.pool)
        return [
            self._watch_over("web", [*web, "config.wsgi:application"], DATABASE_POOL_SIZE=pool),
            self._watch_over("worker", worker),
            self._watch_over("beat", beat),
        ]

    def _watch_over(self, name: str, command: Sequence[str], **more: str) -> Watch:
        environment = {**self._environment(), **more}
        service = Service(command, environment, folder=self._work, log=self._log(name))
        return Watch(name, service, essential=name == "web")

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            # An empty value means the default, as a shell's `DATABASE_URL= make run` does.
            if value and not name.startswith(FOREIGN)
        }
        path = os.pathsep.join(filter(None, [str(BASE_DIR), os.environ.get("PYTHONPATH")]))
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PORT": str(self.choices.port),
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "TRELLIS_DATA": str(self.choices.data),
        }

    def _run_to_end(self, name: str, command: Sequence[str], *, output: Path | None = None) -> int:
        log = self._log(name)
        log.unlink(missing_ok=True)
        child = Service(command, self._environment(), self._work, log, output)
        child.start()
        try:
            while child.is_running():
                self._look()
                self._pause()
        finally:
            child.stop()
        return child.exit_status()

    def _await_answer(self, web: Watch) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not _answers(f"http://{HOST}:{self.choices.port}/healthz"):
            self._look()
            if time.monotonic() > deadline:
                tail = web.child.log_tail()
                raise CannotRun(f"web does not answer; the end of its log:\n{tail}")
            self._pause()

    def _welcome(self) -> None:
        address, data = self.choices.address, self.choices.data
        say(f"\nTrellis runs at {address}\n")
        say("Open an account:")
        say(f"    {address}/accounts/signup/")
        if not os.environ.get("EMAIL_URL"):
            say(f"    The code that it mails to you is at {address}/mail")
        self._offer_demo()
        say(f"\nData is kept in {data}, logs in {data / 'log'}. Ctrl-C stops it.")

    def _offer_demo(self) -> None:
        # It prints a one-time link, which belongs on the terminal and in no log.
        answer = self._work / "demo_link"
        answer.unlink(missing_ok=True)
        command = [sys.executable, str(BASE_DIR / "manage.py"), "demo_link"]
        try:
            status = self._run_to_end("demo_link", command, output=answer)
            link = answer.read_text().strip()
        finally:
            answer.unlink(missing_ok=True)
        log = self._log("demo_link")
        if status == 0 and link:
            say("Or look around a demo account, signed in at once:")
            say("\n".join(f"    {line}" for line in link.splitlines()))
        elif "Unknown command" not in last_lines(log):
            say(f"The demo account could not be made; the reason is in {log}.")

    # Watching ---------------------------------------------------------------------------------

    def _look(self) -> None:
        for watch in self._watches:
            sentence = watch.look()
            if sentence:
                say(sentence)

    def _pause(self) -> None:
        self._check_for_stop()
        time.sleep(LOOK_SECONDS)
        self._check_for_stop()

    def _check_for_stop(self) -> None:
        if self._asked_to_stop:
            raise StopAsked

    def _listen_for_signals(self) -> None:
        def note(number: int, frame: FrameType | None) -> None:
            self._asked_to_stop = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
        # `make run` names itself: killed outright, it must not leave us behind.
        if os.environ.pop("TRELLIS_MAKE", "") == str(os.getppid()):
            end_with_parent(signal.SIGTERM)
        # Left alone under nohup, whose point it is.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, note)


def _answers(url: str) -> bool:
    # A proxy of the person's environment is not asked about our own machine.
    ask: Callable[..., object] = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        ask(url, timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
