"""A service that the tests of this folder share; starting one takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.service import LocalService


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalService]:
    """A service that has never been started."""
    service = LocalService(tmp_path / "data")
    yield service
    if service.is_running():
        service.end()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A running service."""
    shared = LocalService(tmp_path_factory.mktemp("service") / "data")
    shared.start()
    yield shared
    shared.end()
