"""The operations that are timed: each prepares its requests beforehand."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.load import request_bytes
from bench.world import SEED, Check, World


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a loaded world, by the world's indexes."""

    nodes: Sequence[str]
    identities: Sequence[str]
    roles: Sequence[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the report.

    Args:
        name: what the report calls it.
        requests: to send, in order.
        per_request: how many decisions or rows each does.
        connections: how many at once.
        expect: the status of success.
        target_cpu_ms: CPU milliseconds a request, web and database together, as the product aims for; none where there is no aim.
    """

    name: str
    requests: Sequence[bytes]
    per_request: int
    connections: int
    expect: bytes
    target_cpu_ms: float | None


class Preparation:
    """Makes operations for one key on one server.

    Args:
        key: the API key.
        host: for the Host header.
        ids: of the loaded world.
        world: what was loaded.
    """

    def __init__(self, key: str, host: str, ids: Ids, world: World) -> None:
        self.key = key
        self.host = host
        self.ids = ids
        self.permissions = world.permissions
        self.choose = random.Random(SEED + 2)
        self._taken = {(grant.identity, grant.role, grant.node) for grant in world.grants}

    def _post(self, path: str, body: Any) -> bytes:
        text = json.dumps(body, separators=(",", ":")).encode()
        return request_bytes("POST", f"/api/v1/{path}", text, key=self.key, host=self.host)

    def question(self, check: Check) -> dict[str, str]:
        """A check as the API takes it."""
        return {
            "identity_id": self.ids.identities[check.identity],
            "permission": self.permissions[check.permission],
            "scope": "node",
            "node_id": self.ids.nodes[check.node],
        }

    def evaluate(self, checks: Sequence[Check]) -> Operation:
        """One decision a request."""
        requests = [self._post("permissions/evaluate", self.question(check)) for check in checks]
        return Operation("evaluate", requests, 1, 16, b"200", 0.40)

    def evaluate_bulk(self, checks: Sequence[Check], count: int, size: int = 1_000) -> Operation:
        """Many decisions a request."""
        requests = []
        for _ in range(count):
            chosen = self.choose.choices(checks, k=size)
            body = {"checks": [self.question(check) for check in chosen]}
            requests.append(self._post("permissions/evaluate/bulk", body))
        # 80,000 decisions a second and core.
        return Operation(f"evaluate, bulk of {size:,}", requests, size, 2, b"200", size / 80)

    def _assignments(self, count: int) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = []
        while len(rows) < count:
            identity = self.choose.randrange(len(self.ids.identities))
            role = self.choose.randrange(len(self.ids.roles))
            node = self.choose.randrange(len(self.ids.nodes))
            if (identity, role, node) in self._taken:
                continue
            self._taken.add((identity, role, node))
            row = {
                "identity_id": self.ids.identities[identity],
                "role_id": self.ids.roles[role],
                "node_id": self.ids.nodes[node],
                "effective_from": "2026-05-01T00:00:00Z",
                "effective_to": "2090-12-31T23:59:59Z",
            }
            rows.append(row)
        return rows

    def assign(self, count: int) -> Operation:
        """One assignment a request, audit event included."""
        requests = [self._post("assignments", body) for body in self._assignments(count)]
        return Operation("one assignment", requests, 1, 4, b"201", 3.0)

    def bulk_create(self, count: int, size: int = 1_000) -> Operation:
        """Many assignments a request."""
        rows = self._assignments(count * size)
        requests = [
            self._post("assignments/bulk-create", {"assignments": rows[start : start + size]})
            for start in range(0, len(rows), size)
        ]
        # 10,000 in under four seconds.
        return Operation(f"bulk-create of {size:,}", requests, size, 1, b"200", size * 0.4)

    def move(self, node: int, size: int, targets: Sequence[int], count: int) -> Operation:
        """One subtree there and back again."""
        requests = [
            self._post(
                f"nodes/{self.ids.nodes[node]}/move",
                {"parent_node_id": self.ids.nodes[targets[turn % len(targets)]]},
            )
            for turn in range(count)
        ]
        return Operation(f"move a subtree of {size:,}", requests, 1, 1, b"200", None)
