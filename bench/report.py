"""What was measured, as a table that people read and documents quote."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from bench.load import Result
from bench.operations import Operation
from bench.processes import Usage
from bench.world import Size

PACKAGES = ("django", "djangorestframework", "psycopg", "granian")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One operation under load.

    Args:
        operation: what was asked.
        result: what came back, and when.
        usage: CPU seconds that it took.
    """

    operation: Operation
    result: Result
    usage: Usage

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds a request, web and database together."""
        return (self.usage.web + self.usage.database) * 1_000 / self.result.requests

    def row(self) -> str:
        """Its line of the table."""
        operation, result = self.operation, self.result
        target = operation.target_cpu_ms
        return " | ".join(
            [
                f"| {operation.name}",
                f"{result.requests:,}",
                f"{result.requests / result.seconds:,.1f}",
                f"{self.usage.web * 1_000 / result.requests:,.3f}",
                f"{self.usage.database * 1_000 / result.requests:,.3f}",
                f"{self.cpu_ms:,.3f}",
                f"{target:,.2f}" if target else "-",
                f"{self.cpu_ms / target:.2f}" if target else "-",
                f"{self.cpu_ms * 1_000 / operation.per_request:,.1f}",
                f"{result.percentile(0.5) * 1_000:,.1f}",
                f"{result.percentile(0.99) * 1_000:,.1f} |",
            ]
        )


def report(
    size: Size,
    *,
    settings: Mapping[str, str],
    database: str,
    loading: Mapping[str, float],
    compared: int,
    measurements: Sequence[Measurement],
) -> str:
    """The whole report.

    Args:
        size: of the world.
        settings: the environment variables that the server ran with, and how it was started.
        database: PostgreSQL's version.
        loading: seconds that each kind of row took to load.
        compared: how many answers agreed with the oracle.
        measurements: what was timed.

    Returns:
        Markdown.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    loaded = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in loading.items())
    lines = [
        f"# World {size.name}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{size.nodes:,} nodes to depth {size.depth}, {size.identities:,} identities, {size.roles} roles"
        f" of {size.permissions_per_role} permissions, {size.assignments:,} assignments, a third of"
        " them with a window; half of the questions are denied.",
        "",
        f"- Versions: Python {platform.python_version()}, {versions}, {database}.",
        "- Settings: " + ", ".join(f"{name}={value}" for name, value in settings.items()) + ".",
        "- Every request carries an API key, which is looked up, and passes the scope check.",
        f"- Loaded by the product's own bulk acts: {loaded}.",
        f"- {compared:,} answers were compared with the oracle before anything was timed: 0 differ.",
        "",
        "CPU in milliseconds a request, of the web server and of PostgreSQL; the ratio is to the target.",
        "",
        "| operation | requests | requests/s | web | PostgreSQL | CPU | target | ratio | µs a row"
        " | median ms | p99 ms |",
        "| --- " + "| ---: " * 10 + "|",
        *(measurement.row() for measurement in measurements),
    ]
    return "\n".join(lines) + "\n"
