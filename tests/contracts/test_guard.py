"""Every service that acts is listed: it asks the one guard, or it says why it moves no power."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "environments", "hierarchy", "identities", "assignments", "onboarding")
GUARDS = {"require_power", "require_team_power"}


def functions() -> dict[str, ast.FunctionDef]:
    """Every function of a service module, and of what services call, by its dotted name."""
    found: dict[str, ast.FunctionDef] = {}
    for app in APPS:
        for file in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in file.parts or "web" in file.parts or "api" in file.parts:
                continue
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.FunctionDef):
                    found[f"{module}.{node.name}"] = node
    return found


def acts() -> Iterator[str]:
    """The public functions of services that take an actor: the doors to every change."""
    for name, node in functions().items():
        arguments = [*node.args.args, *node.args.kwonlyargs]
        takes_actor = any(argument.arg in ("actor", "operator") for argument in arguments)
        if ".services" in name and not node.name.startswith("_") and takes_actor:
            yield name
