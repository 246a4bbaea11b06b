"""A scenario as a client of the API lives it: everything is made, changed and asked over the API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework.test import APIClient

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
_GRANT = re.compile(
    r"(?P<who>\w+) is (?P<role>.+) at (?P<where>.+?)(?: from (?P<start>\S+))?(?: until (?P<end>\S+))?"
)


def instant(offset: str) -> str:
    """The moment so many hours or days from now, such as -1d, as the API takes it."""
    amount, unit = int(offset[:-1]), offset[-1]
    return (datetime.now(UTC) + amount * _UNITS[unit]).isoformat()


class ScenarioWorld:
    """The rows of one scenario by their names.

    Args:
        api: a client with full access to an empty environment.
        told: the scenario's tree, roles, people, grants and what is switched off.
    """

    def __init__(self, api: APIClient, told: Mapping[str, Any]) -> None:
        self.api = api
        self.nodes: dict[str, str] = {}
        self.parents: dict[str, str | None] = {}
        self.people: dict[str, str] = {}
        self.roles: dict[str, str] = {}
        self.permissions: dict[str, str] = {}
        self.grants: dict[str, str] = {}
        ((root, below),) = told["tree"].items()
        self.nodes[root] = self.send("get", "nodes/parents", 200)["items"][0]["id"]
        self.send("patch", f"nodes/{self.nodes[root]}", 200, name=root)
        self.parents[root] = None
        self._grow(root, below)
        keys = sorted({key for carried in told["roles"].values() for key in carried})
        made = self.send("post", "permissions", 201, permissions=[{"key": key} for key in keys])
        self.permissions = {row["key"]: row["id"] for row in made["items"]}
        for role, carried in told["roles"].items():
            self.roles[role] = self.send("post", "roles", 201, name=role, permission_keys=carried)[
                "id"
            ]
        for person, status in told["people"].items():
            names = {"first_name": person.title(), "last_name": "Example"}
            row = self.send("post", "identities", 201, email=f"{person}@example.org", **names)
            self.people[person] = row["id"]
            if status == "inactive":
                self.do(f"deactivate {person}")
        for grant in told["grants"]:
            self.do(f"grant {grant}")
        for kind, names in told.get("switched_off", {}).items():
            for name in names:
                self.do(f"switch off {kind.removesuffix('s')} {name}")

    def send(self, method: str, path: str, expected: int, /, **body: Any) -> Any:
        """Call the API and see that it answers as it should."""
        answer = getattr(self.api, method)(f"/api/v1/{path}", body or None, format="json")
        content = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code == expected, (method, path, content)
        return json.loads(content) if content else None

    def do(self, act: str) -> None:
        """Do what a line of a scenario says."""
        match act.split():
            case ["grant", *_]:
                self._grant(act.removeprefix("grant "))
            case ["revoke", who, *rest]:
                self.send("delete", f"assignments/{self.grants[' '.join([who, *rest])]}", 204)
            case ["move", *_]:
                moved, target = act.removeprefix("move ").split(" to ")
                path = f"nodes/{self.nodes[moved]}/move"
                self.send("post", path, 200, parent_node_id=self.nodes[target])
                # Behind the children that were there.
                del self.parents[moved]
                self.parents[moved] = target
            case ["activate" | "deactivate" as verb, who]:
                self.send("post", f"identities/{self.people[who]}/{verb}", 200)
            case ["switch", "on" | "off" as how, "node", *name]:
                status = "active" if how == "on" else "inactive"
                self.send("patch", f"nodes/{self.nodes[' '.join(name)]}", 200, status=status)
            case ["switch", "on" | "off" as how, "role", *name]:
                path = f"roles/{self.roles[' '.join(name)]}"
                self.send("patch", path, 200, is_active=how == "on")
            case ["role", *_]:
                role, keys = act.removeprefix("role ").split(" carries ")
                path = f"roles/{self.roles[role]}/permissions"
                self.send("put", path, 200, permission_keys=keys.split(", "))
            case ["delete", "node", *name]:
                self.send("delete", f"nodes/{self.nodes[' '.join(name)]}?cascade=true", 204)
            case ["delete", "role", *name]:
                self.send("delete", f"roles/{self.roles[' '.join(name)]}?cascade=true", 204)
            case ["delete", "permission", key]:
                self.send("delete", f"permissions/{self.permissions[key]}", 204)
            case ["remove", who]:
                self.send("delete", f"identities/{self.people[who]}", 204)
            case _:
                raise ValueError(f"A scenario cannot say: {act}")

    def tree(self, top: str | None = None) -> list[str]:
        """The names of all nodes, parents before their children."""
        children = [name for name, parent in self.parents.items() if parent == top]
        return [node for child in children for node in (child, *self.tree(child))]

    def way_to(self, node: str) -> list[str]:
        """The names from the root down to a node."""
        above = self.parents[node]
        return [*(self.way_to(above) if above is not None else []), node]

    def _grow(self, parent: str, below: Mapping[str, Any] | None) -> None:
        for name, further in (below or {}).items():
            body = {"parent_node_id": self.nodes[parent], "name": name}
            self.nodes[name] = self.send("post", "nodes", 201, **body)["id"]
            self.parents[name] = parent
            self._grow(name, further)

    def _grant(self, line: str) -> None:
        told = _GRANT.fullmatch(line)
        assert told is not None, line
        window = {
            field: instant(told[name])
            for field, name in (("effective_from", "start"), ("effective_to", "end"))
            if told[name]
        }
        row = self.send(
            "post",
            "assignments",
            201,
            identity_id=self.people[told["who"]],
            role_id=self.roles[told["role"]],
            node_id=self.nodes[told["where"]],
            **window,
        )
        self.grants[f"{told['who']} {told['role']} {told['where']}"] = row["id"]
