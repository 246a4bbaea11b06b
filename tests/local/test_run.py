"""`make run`: what a person who starts, stops, kills and starts it again may rely on."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from config.local.processes import processes_in, wait_for
from tests.local.service import LocalService

LATER_START_SECONDS = 8
# A machine that runs other tests beside this one is slower than a person's.
PATIENCE = 2


def test_it_starts_stops_and_starts_again_with_its_data(fresh: LocalService) -> None:
    fresh.start()
    made = fresh.manage(
        "provision_account", "--account", "Kept", "--email", "kept@example.org", "--json"
    )
    key = json.loads(made.stdout)["environments"][0]["api_key"]

    status = fresh.end(signal.SIGINT)

    assert status == 0
    assert fresh.left() == []
    assert "Stopped." in fresh.said
    assert "Traceback" not in fresh.said

    seconds = fresh.start()

    assert seconds < LATER_START_SECONDS * PATIENCE
    asked = urllib.request.Request(
        f"http://127.0.0.1:{fresh.port}/api/v1/roles", headers={"X-API-Key": key}
    )
    with urllib.request.urlopen(asked) as answer:
        assert answer.status == 200
    assert fresh.end(signal.SIGTERM) == 0
    assert fresh.left() == []


def test_killed_outright_it_leaves_no_process_behind(fresh: LocalService) -> None:
    fresh.start()
    assert len(fresh.left()) >= 4

    fresh.end(signal.SIGKILL)

    assert wait_for(lambda: not fresh.left(), seconds=30), fresh.left()
    fresh.start()
    assert fresh.end() == 0


def test_a_folder_in_use_is_said_in_plain_words(service: LocalService) -> None:
    second = LocalService(service.data)
    second.start(until_ready=False)
    assert second.process is not None

    said, _ = second.process.communicate(timeout=30)

    assert second.process.returncode == 1
    assert "in use by another `make run`" in said
    assert "Traceback" not in said
    assert service.answers()


def test_a_port_in_use_is_said_in_plain_words(fresh: LocalService) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", fresh.port))
        taken.listen()
        fresh.start(until_ready=False)
        assert fresh.process is not None
        said, _ = fresh.process.communicate(timeout=30)

    assert fresh.process.returncode == 1
    assert f"Port {fresh.port} is taken" in said
    assert "Traceback" not in said


def test_the_worker_shows_itself_through_beat(service: LocalService) -> None:
    def heartbeat() -> float | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/readyz") as answer:
            return json.load(answer)["heartbeat_seconds"].get("worker")

    assert wait_for(lambda: heartbeat() is not None, seconds=60)
    age = heartbeat()
    assert age is not None
    assert age < 30


def test_what_dies_is_started_again(service: LocalService) -> None:
    names = {}
    for pid in processes_in(service.data / "run"):
        with open(f"/proc/{pid}/cmdline") as line:
            names[pid] = line.read()
    web = [pid for pid, line in names.items() if "granian" in line]

    for pid in web:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

    time.sleep(0.5)
    assert wait_for(service.answers, seconds=30)
    assert service.is_running()


def test_a_command_beside_it_says_when_no_service_runs(fresh: LocalService) -> None:
    done = fresh.manage("provision_account", "--account", "A", "--email", "a@example.org")

    assert done.returncode == 1
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_runs_on_a_database_of_ones_own(tmp_path: Path) -> None:
    server = urlsplit(os.environ["DATABASE_URL"])
    name = f"own_{uuid4().hex}"
    with psycopg.connect(server.geturl(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = server._replace(path=f"/{name}").geturl()
    own = LocalService(tmp_path / "data", variables={"DATABASE_URL": url})

    own.start()
    made = own.manage("provision_account", "--account", "A", "--email", "a@example.org")
    status = own.end()

    assert made.returncode == 0, made.stderr
    assert status == 0
    assert not (own.data / "postgres").exists()
    assert "Stopping PostgreSQL" not in own.said
    assert own.left() == []
    with psycopg.connect(url) as kept:
        assert kept.execute("SELECT count(*) FROM accounts_account").fetchone() == (2,)


def test_a_database_that_is_away_is_said_in_plain_words(tmp_path: Path) -> None:
    url = "postgres://nobody:secret@127.0.0.1:1/nothing"
    own = LocalService(tmp_path / "data", variables={"DATABASE_URL": url})
    own.start(until_ready=False)
    assert own.process is not None

    said, _ = own.process.communicate(timeout=60)

    assert own.process.returncode == 1
    assert "could not be brought up to date" in said
    assert "Traceback" not in said
    assert "secret" not in said
