"""`make bench`: load a generated world, compare answers with the oracle, then time each operation."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.load import send_all
from bench.operations import Operation, Preparation
from bench.processes import pin, usage, web_server
from bench.report import Measurement, report
from bench.server import THREADS, database, free_port, production_settings, shown, start_django
from bench.world import MEDIUM, SMALL, Check, Size, World, generate, questions

SIZES = {size.name: size for size in (SMALL, MEDIUM)}
COMPARED = 2_000


def main() -> int:
    """Run the benchmark.

    Returns:
        The exit status: 1 if an answer was wrong or a request failed.
    """
    options = _options()
    size: Size = SIZES[options.size]
    _say(f"Making world {size.name}.")
    world = generate(size)
    checks = questions(world, 20_000)
    with database() as (cluster, data):
        settings = production_settings(cluster, data)
        version = start_django(settings)
        # Django must be set up before anything that holds models is imported.
        from django.db import connection

        from bench.loading import load

        _say("Loading it.")
        loaded = load(world)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        connection.close()
        assert cluster.process is not None
        port = free_port()
        with web_server(port, THREADS, {**os.environ, **settings}) as web_pid:
            cores = sorted(os.sched_getaffinity(0))
            pin(web_pid, {cores[0]})
            pin(cluster.process.pid, {cores[0]})
            os.sched_setaffinity(0, {cores[-1]})
            prepare = Preparation(loaded.key, f"127.0.0.1:{port}", loaded.ids, world)
            compared = _compare(("127.0.0.1", port), prepare, checks[:COMPARED])
            measurements = [
                _measure(operation, port, web_pid, cluster.process.pid)
                for operation in _operations(prepare, world, checks)
            ]
    text = report(
        size,
        settings=shown(settings),
        database=version,
        loading=loaded.seconds,
        compared=compared,
        measurements=measurements,
    )
    sys.stdout.write(text)
    if options.output:
        options.output.write_text(text)
    failures = [text for measurement in measurements for text in measurement.result.failures]
    for failure in failures:
        _say(f"An unexpected answer:\n{failure}")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default=MEDIUM.name)
    parser.add_argument("--output", type=Path, help="a file that takes the report too")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _operations(prepare: Preparation, world: World, checks: Sequence[Check]) -> Iterator[Operation]:
    yield prepare.evaluate(checks)
    yield prepare.evaluate_bulk(checks, 40)
    yield prepare.assign(2_000)
    yield prepare.bulk_create(10)
    yield prepare.bulk_create(2, 10_000)
    yield prepare.move(*_branch(world), 40)


def _branch(world: World) -> tuple[int, int, tuple[int, int]]:
    """The largest branch of at most a tenth of the tree, its size, and two places to move it between."""
    sizes = [1] * len(world.parents)
    for node in range(len(world.parents) - 1, 0, -1):
        parent = world.parents[node]
        assert parent is not None
        sizes[parent] += sizes[node]
    branch = max(
        (node for node in range(1, len(sizes)) if sizes[node] <= len(sizes) // 10),
        key=lambda node: sizes[node],
    )
    home = world.parents[branch]
    assert home is not None
    away = 0 if home else next(node for node in range(1, len(sizes)) if node != branch)
    return branch, sizes[branch], (away, home)


def _compare(address: tuple[str, int], prepare: Preparation, checks: Sequence[Check]) -> int:
    """Ask everything once, alone and in bulk, and stop at the first answer that is not the oracle's."""
    import urllib.request

    def post(path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"http://{address[0]}:{address[1]}/api/v1/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-API-Key": prepare.key},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    asked = [prepare.question(check) for check in checks]
    together = post("permissions/evaluate/bulk", {"checks": asked})["items"]
    for check, body, answer in zip(checks, asked, together, strict=True):
        alone = post("permissions/evaluate", body)
        if not alone["allowed"] == answer["allowed"] == check.allowed:
            raise SystemExit(f"Wrong: {body} is {check.allowed}, answered {alone} and {answer}")
    return len(checks)


def _measure(operation: Operation, port: int, web_pid: int, database_pid: int) -> Measurement:
    _say(f"Timing {operation.name}.")
    warm_up = operation.requests[: len(operation.requests) // 20]
    timed = operation.requests[len(warm_up) :]
    send_all(
        ("127.0.0.1", port), warm_up, connections=operation.connections, expect=operation.expect
    )
    time.sleep(0.2)
    before = usage(web_pid, database_pid)
    result = send_all(
        ("127.0.0.1", port), timed, connections=operation.connections, expect=operation.expect
    )
    return Measurement(operation, result, usage(web_pid, database_pid) - before)


if __name__ == "__main__":
    sys.exit(main())
