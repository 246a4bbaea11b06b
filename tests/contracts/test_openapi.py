"""The committed OpenAPI file is what the code says, and says it well."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from openapi_spec_validator import validate

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("openapi") / "openapi.json"
    call_command("spectacular", file=str(file), format="openapi-json", fail_on_warn=True)
    return file


def test_the_committed_file_is_up_to_date(generated: Path) -> None:
    assert json.loads(COMMITTED.read_text()) == json.loads(generated.read_text()), (
        "Run `make openapi` and commit docs/openapi.json."
    )


def test_the_file_is_valid_openapi_3_1() -> None:
    content = json.loads(COMMITTED.read_text())

    validate(content)
    assert content["openapi"].startswith("3.1")


def test_every_operation_tells_its_scope_and_its_refusal() -> None:
    content = json.loads(COMMITTED.read_text())

    for address, methods in content["paths"].items():
        for method, operation in methods.items():
            assert operation["description"].startswith("Scope: `"), (method, address)
            assert operation["summary"], (method, address)
            assert "default" in operation["responses"], (method, address)
            assert operation["security"] == [{"apiKey": []}, {"bearer": []}], (method, address)
