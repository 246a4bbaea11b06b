"""Places that change in one commit, and checkers who ask while they do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from assignments.decision.evaluate import evaluate
from assignments.decision.question import Question
from assignments.models import Assignment
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.services.nodes import create_node, move_node
from tests.assignments.cast import Cast

ME = Actor.system("mover")
PERMISSION = "invoice.read"


@dataclass(frozen=True)
class Stage:
    """The rows of the play, by id; picklable.

    `granted`, where the person may, and `outside` change places below the root in one commit: whoever is
    below the root comes last there. `inside` stays below `granted`. So at no instant the person may at
    `outside`, and at every instant at `inside`.
    """

    environment: UUID
    person: UUID
    root: UUID
    rest: UUID
    granted: UUID
    outside: UUID
    inside: UUID


def make_stage(cast: Cast) -> Stage:
    """Set the stage in the cast's environment; `outside` stands below the root."""

    def add(name: str, parent: UUID) -> UUID:
        node = create_node(actor=ME, environment=cast.environment, parent=Ref.of(parent), name=name)
        return node.pk

    rest = add("Rest", cast.root.pk)
    granted = add("Granted", rest)
    inside = add("Inside", granted)
    outside = add("Outside", cast.root.pk)
    cast.give(node=Node.objects.get(pk=granted))
    return Stage(cast.environment.pk, cast.ada.pk, cast.root.pk, rest, granted, outside, inside)


def exchange(stage: Stage, seconds: float) -> int:
    """Let the two nodes change places again and again.

    Args:
        stage: where.
        seconds: for how long.

    Returns:
        How often they did; even, so that all is as it was.
    """
    environment = Environment.objects.get(pk=stage.environment)
    until = time.monotonic() + seconds
    turns = 0
    while turns % 2 or time.monotonic() < until:
        leaving, coming = (stage.outside, stage.granted)[:: -1 if turns % 2 else 1]
        with transaction.atomic():
            for node, parent in ((leaving, stage.rest), (coming, stage.root)):
                move_node(
                    actor=ME, environment=environment, node=Ref.of(node), parent=Ref.of(parent)
                )
        turns += 1
    return turns


@dataclass(frozen=True)
class Checked:
    """What a checker saw.

    Args:
        count: how many questions it asked.
        false_allows: how often it was told yes where it is always no.
        false_denials: how often it was told no where it is always yes.
    """

    count: int
    false_allows: int
    false_denials: int

    def __add__(self, other: Checked) -> Checked:
        return Checked(
            self.count + other.count,
            self.false_allows + other.false_allows,
            self.false_denials + other.false_denials,
        )


def check(stage: Stage, seconds: float) -> Checked:
    """Ask the product, which decides in one statement."""
    environment = Environment.objects.get(pk=stage.environment)

    def is_allowed(node: UUID) -> bool:
        question = Question(Ref.of(stage.person), PERMISSION, Ref.of(node))
        return evaluate(environment, question).allowed

    return _check(is_allowed, stage, seconds)


def check_in_two(stage: Stage, seconds: float) -> Checked:
    """Decide in two statements: first where the node is, then who holds what there."""

    def is_allowed(node: UUID) -> bool:
        path = Node.objects.values_list("path", flat=True).get(pk=node)
        above = [path[:end] for end in range(Node.steplen, len(path) + 1, Node.steplen)]
        grants = Assignment.objects.live().filter(
            identity=stage.person, node__path__in=above, role__permissions__key=PERMISSION
        )
        return grants.exists()

    return _check(is_allowed, stage, seconds)


def _check(is_allowed: Callable[[UUID], bool], stage: Stage, seconds: float) -> Checked:
    until = time.monotonic() + seconds
    seen = Checked(0, 0, 0)
    while time.monotonic() < until:
        seen += Checked(2, is_allowed(stage.outside), not is_allowed(stage.inside))
    return seen


def act_as(part: str, stage: Stage, seconds: float) -> int | Checked:
    """One hand of the play: `exchange`, `check` or `check in two`."""
    parts: dict[str, Callable[[Stage, float], int | Checked]] = {
        "exchange": exchange,
        "check": check,
        "check in two": check_in_two,
    }
    return parts[part](stage, seconds)
