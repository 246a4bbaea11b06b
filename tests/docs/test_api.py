"""What the page about the API lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from identities.models import Invitation

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
APPS = ("environments", "hierarchy", "identities", "assignments")
KINDS = re.findall(r"^\| `(\w+)` \| (`.+) \|$", PAGE, re.MULTILINE)


def test_every_action_of_the_audit_log_is_listed() -> None:
    listed = {f"{kind}.{act}" for kind, acts in KINDS for act in re.findall(r"`(\w+)`", acts)}
    kinds = "|".join(kind for kind, _ in KINDS)
    # A batch has an action too, such as `node.bulk_created`, which is no event's.
    action = re.compile(rf'"((?:{kinds})\.(?!bulk_)\w+(?:ed|sent))"')
    services = [file for app in APPS for file in (ROOT / app / "services").rglob("*.py")]
    written = {name for file in services for name in action.findall(file.read_text())}

    assert listed == written | {f"invite.{Invitation.Status.ACCEPTED}"}
