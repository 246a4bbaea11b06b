"""A crew: processes whose hands, each with a database connection of its own, act at the same moment."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.test.utils import setup_test_environment

Act = Callable[..., Any]
# A hand that has not come back by then never will.
PATIENCE_SECONDS = 900
PROCESSES = 4
HANDS_AT_MOST = 16


@dataclass(frozen=True)
class Fault:
    """An exception that no act expected.

    Args:
        text: its traceback.
    """

    text: str


class Crew:
    """Processes that wait to be told what to do.

    Args:
        database: the name of the test database.
        processes: how many there are.
    """

    def __init__(self, database: str, processes: int) -> None:
        # Spawned: a forked process would share the connections of the one that runs the tests.
        context = get_context("spawn")
        self._lines: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, database), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)
        for line in self._lines:
            _receive(line)

    def run(self, act: Act, *calls: Sequence[Any]) -> list[Any]:
        """Let as many hands as there are calls do an act at the same moment.

        Args:
            act: a function of a module, which the processes import.
            calls: the arguments for each hand; neighbours go to different processes.

        Returns:
            What each hand returned, in the order of the calls; a `Fault` where it raised.
        """
        shares: list[list[int]] = [[] for _ in self._lines]
        for index in range(len(calls)):
            shares[index % len(shares)].append(index)
        busy = [(line, share) for line, share in zip(self._lines, shares, strict=True) if share]
        for line, share in busy:
            line.send(("act", (act, [calls[index] for index in share])))
        for line, _ in busy:
            _receive(line)
        for line, _ in busy:
            line.send(("go", None))
        results: dict[int, Any] = {}
        for line, share in busy:
            results |= zip(share, _receive(line), strict=True)
        return [results[index] for index in range(len(calls))]

    def ask(self, process: int, act: Act, *arguments: Any) -> Any:
        """Let one process do an act.

        Args:
            process: which, from 0.
            act: a function of a module.
            arguments: what it takes.

        Returns:
            What it returned.
        """
        line = self._lines[process]
        line.send(("act", (act, [arguments])))
        _receive(line)
        line.send(("go", None))
        [result] = _receive(line)
        assert not isinstance(result, Fault), result.text
        return result

    @contextmanager
    def without(self, *protections: str) -> Iterator[None]:
        """Take functions away: in every process they do nothing until the block ends.

        Args:
            protections: dotted, by the module that calls them.
        """
        self._tell(("without", protections))
        try:
            yield
        finally:
            self._tell(("without", ()))

    def _tell(self, message: tuple[str, Any]) -> None:
        for line in self._lines:
            line.send(message)
        for line in self._lines:
            _receive(line)

    def leave(self) -> None:
        """Let every process end."""
        for line in self._lines:
            line.close()
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.kill()


def _receive(line: Connection) -> Any:
    if not line.poll(PATIENCE_SECONDS):
        raise TimeoutError("A process of the crew does not answer.")
    return line.recv()


def _serve(line: Connection, database: str) -> None:
    """What a process of the crew does until its line is closed."""
    django.setup()
    # Refusals are what these tests are made of; they need not be logged.
    logging.disable(logging.CRITICAL)
    setup_test_environment()
    settings.DATABASES["default"]["NAME"] = database
    line.send("here")
    taken_away: list[tuple[Any, str, Any]] = []
    with ThreadPoolExecutor(HANDS_AT_MOST) as hands:
        while True:
            try:
                kind, content = line.recv()
            except EOFError:
                return
            if kind == "act":
                _act(line, hands, *content)
                continue
            for module, name, original in taken_away:
                setattr(module, name, original)
            taken_away = [_take_away(protection) for protection in content]
            line.send("done")


def _act(
    line: Connection, hands: ThreadPoolExecutor, act: Act, calls: Sequence[Sequence[Any]]
) -> None:
    ready, go = threading.Barrier(len(calls) + 1), threading.Event()

    def one(arguments: Sequence[Any]) -> Any:
        try:
            connection.ensure_connection()
        finally:
            ready.wait()
        go.wait()
        try:
            return act(*arguments)
        except Exception:
            return Fault(traceback.format_exc())

    futures = [hands.submit(one, arguments) for arguments in calls]
    ready.wait()
    line.send("ready")
    line.recv()
    go.set()
    line.send([future.result() for future in futures])


def _take_away(protection: str) -> tuple[Any, str, Any]:
    path, _, name = protection.rpartition(".")
    module = import_module(path)
    original = getattr(module, name)
    setattr(module, name, _nothing)
    return module, name, original


def _nothing(*arguments: Any, **named: Any) -> None:
    """Stands where a protection stood."""
