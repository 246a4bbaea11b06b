"""Child processes that cannot outlive their parent, run as root or as an ordinary user."""

import ctypes
import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# From Linux's <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1
# Whom root hands PostgreSQL to, which refuses to run as root.
UNPRIVILEGED = "nobody"

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        # The parent may have died before the arrangement stood.
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def start_child(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    unprivileged: bool = False,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which the kernel signals when this thread's process ends.

    The session keeps the terminal's Ctrl-C from it, so that the supervisor alone decides the order.

    Args:
        command: what to run.
        death_signal: what it gets when its parent ends in any way.
        unprivileged: whether root runs it as `nobody`; an ordinary user runs it as themselves.
        environment: its variables; none for this process's own.
        options: further ones of `subprocess.Popen`.

    Returns:
        The process.
    """
    if unprivileged and os.geteuid() == 0:
        person = pwd.getpwnam(UNPRIVILEGED)
        options |= {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    # The kernel forgets the arrangement when the user changes; Popen changes it before preexec_fn.
    return subprocess.Popen(
        [str(part) for part in command],
        env=None if environment is None else dict(environment),
        start_new_session=True,
        preexec_fn=_die_with(os.getpid(), death_signal),
        **options,
    )


def hand_over(folder: Path) -> None:
    """Make a folder private to the user that `unprivileged` processes run as.

    Args:
        folder: made if it is not there.

    Raises:
        OSError: if it cannot be made or given away.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        person = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, person.pw_uid, person.pw_gid)
        open_for_passing(folder.parent)
    folder.chmod(0o700)


def open_for_passing(folder: Path) -> None:
    """Let others pass through a folder and those above it to what they own below, but not look into it.

    Only root needs this: a folder that only its owner may enter stays closed for reading and writing.

    Args:
        folder: the lowest one.

    Raises:
        OSError: if the mode of one of them cannot be changed.
    """
    if os.geteuid() != 0:
        return
    for each in (folder, *folder.parents):
        mode = stat.S_IMODE(each.stat().st_mode)
        if not mode & stat.S_IXOTH:
            each.chmod(mode | stat.S_IXOTH)
