"""HTTP load from one process: keep-alive connections in one event loop, requests prepared beforehand."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of requests took.

    Args:
        requests: how many were answered.
        seconds: wall time of the whole run.
        latencies: of each request, in seconds, sorted.
        failures: answers with an unexpected status, the first few.
    """

    requests: int
    seconds: float
    latencies: Sequence[float]
    failures: Sequence[str]

    def percentile(self, share: float) -> float:
        """The latency in seconds that this share of the requests did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def request_bytes(method: str, path: str, body: bytes, *, key: str, host: str) -> bytes:
    """A whole HTTP/1.1 request.

    Args:
        method: such as POST.
        path: with its query.
        body: JSON.
        key: the API key.
        host: for the Host header.

    Returns:
        What goes over the wire.
    """
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"X-API-Key: {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class _Connection:
    """One keep-alive connection that has at most one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.needed = 0
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received, self.needed = b"", 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what has come; whether the answer is whole."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("The server closed the connection.")
        self.received += part
        if not self.needed:
            head, found, _ = self.received.partition(_END_OF_HEAD)
            if not found:
                return False
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            self.needed = len(head) + len(_END_OF_HEAD) + length
        return len(self.received) >= self.needed


def send_all(
    address: tuple[str, int], requests: Sequence[bytes], *, connections: int, expect: bytes
) -> Result:
    """Send every request once, each connection sending its next as soon as it has its answer.

    Args:
        address: host and port, on this machine.
        requests: what `request_bytes` made.
        connections: how many at once.
        expect: the status of success, such as b"200".

    Returns:
        What it took.

    Raises:
        ConnectionError: if the server closes a connection.
    """
    waiting: Iterator[bytes] = iter(requests)
    latencies: list[float] = []
    failures: list[str] = []
    with selectors.DefaultSelector() as selector:
        open_connections = [_Connection(address) for _ in range(min(connections, len(requests)))]
        started = time.perf_counter()
        for connection in open_connections:
            connection.send(next(waiting))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        under_way = len(open_connections)
        while under_way:
            for event, _ in selector.select():
                connection = event.data
                if not connection.receive():
                    continue
                latencies.append(time.perf_counter() - connection.sent_at)
                if connection.received[9:12] != expect and len(failures) < 5:
                    failures.append(connection.received[:600].decode(errors="replace"))
                following = next(waiting, None)
                if following is None:
                    under_way -= 1
                    selector.unregister(connection.socket)
                else:
                    connection.send(following)
        seconds = time.perf_counter() - started
        for connection in open_connections:
            connection.socket.close()
    return Result(len(latencies), seconds, sorted(latencies), failures)
