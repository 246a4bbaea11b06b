"""What the README says is run as it stands there."""

import json
import re

from tests.local.service import ROOT, LocalService

README = (ROOT / "README.md").read_text()


def test_the_readmes_example_runs_as_written(service: LocalService) -> None:
    script = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))

    done = service.run("bash", "-euo", "pipefail", "-c", script)

    assert done.returncode == 0, done.stderr + done.stdout
    *_, assignment, decision = map(json.loads, done.stdout.splitlines())
    assert assignment["id"]
    assert assignment["state"] == "active"
    assert decision["allowed"] is True
    assert decision["granting_roles"] == ["Accountant"]
    assert decision["effective_node_id"] == assignment["node_id"]


def test_the_readme_names_two_commands_and_no_other_way_to_start() -> None:
    start = README.partition("## Start")[2].partition("\n## ")[0]

    assert re.findall(r"^    (\w+ \w+)", start, re.MULTILINE) == ["make run", "make test"]
