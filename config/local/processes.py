"""Child processes that end with us, whatever ends us, and how a folder is found to be in use."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """The operating system's account that a child runs as."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Whom PostgreSQL runs as, since it refuses to run as root.

    Returns:
        The account `nobody` when we are root, None when we are not and the child stays ourselves.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def end_with_parent(death_signal: signal.Signals) -> None:
    """Ask the kernel to send us a signal when our parent dies.

    Args:
        death_signal: the signal.
    """
    if sys.platform == "linux":
        _prctl()(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)


def _prctl() -> Callable[..., int]:
    return ctypes.CDLL(None, use_errno=True).prctl


def _ending_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    # Loaded before the fork: between fork and exec a child must not take the loader's locks.
    prctl = _prctl()

    def ask_the_kernel() -> None:
        # Popen changes the user before it calls us; a change of user would forget the request.
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and request
            os._exit(1)

    return ask_the_kernel


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path("/"),
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that the kernel ends when we end.

    A session of its own keeps the terminal's Ctrl-C from it: the supervisor stops its children in
    order. Call it from the main thread, since the kernel watches the thread that forked.

    Args:
        command: program and arguments.
        log: the file that takes what it prints, appended to.
        output: the file that takes its standard output instead; then the log has its errors only.
        environment: its whole environment; ours when None.
        folder: its working folder.
        account: whom it runs as; ourselves when None.
        death_signal: what the kernel sends it when we die.

    Returns:
        The running child, whose process id is also its group's and its session's.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as errors, (output or log).open("ab") as answers:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=answers,
            stderr=errors,
            env=environment,
            cwd=folder,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            preexec_fn=_ending_with_parent(death_signal),  # we have one thread
        )


def stop(child: subprocess.Popen[bytes], how: signal.Signals, *, seconds: float) -> bool:
    """Ask a child to end, wait, and end by force what is left of its group.

    Args:
        child: a child made by `spawn`.
        how: the signal that asks.
        seconds: how long to wait before force.

    Returns:
        True when it ended by itself in time.
    """
    in_time = True
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            in_time = False
    end_group(child)
    return in_time


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a child's process group, the child included, and reap it.

    Args:
        child: a child made by `spawn`, running or not.
    """
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:  # macOS answers so for a group of zombies
        pass
    child.wait()


def last_lines(log: Path, lines: int = 15) -> str:
    """The end of a log.

    Args:
        log: the file; it need not exist.
        lines: how many at most.

    Returns:
        The lines, without a final line break.
    """
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def processes_in(folder: Path) -> list[int]:
    """Processes whose working folder is this one.

    A process id in a file says little once the machine was restarted or the number was given to
    another; a working folder cannot lie. PostgreSQL's processes all work in their data folder.

    Args:
        folder: the folder, absolute.

    Returns:
        Their ids; empty where /proc does not exist.
    """
    return [pid for pid, working in _working_folders() if working == str(folder)]


def _working_folders() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            yield int(entry.name), os.readlink(entry / "cwd")
        except OSError:  # gone meanwhile, or another user's
            continue


def wait_for(condition: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Wait until something holds.

    Args:
        condition: what to wait for.
        seconds: how long at most.
        pause: seconds between two looks.

    Returns:
        True when it held in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
