"""Questions about beginning: may an account be opened, and what a fresh environment lacks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from assignments.models import Assignment, Permission, Role
from environments.models import ApiKey, Environment
from hierarchy.models import Node
from identities.models import Identity


class Opening(Enum):
    """Whether, and how, someone may open an account here."""

    OPEN = "open"
    WITH_CODE = "with_code"
    CLOSED = "closed"


def opening() -> Opening:
    """Whether someone may open an account now, by TRELLIS_SIGNUP.

    Returns:
        WITH_CODE while the first account of an installation waits for its operator.
    """
    if settings.SIGNUP == "first":
        return Opening.CLOSED if Account.objects.exists() else Opening.WITH_CODE
    return Opening(settings.SIGNUP)


@dataclass(frozen=True, slots=True)
class Example:
    """A question to the API that is answered with yes.

    Args:
        identity_id: someone with a role.
        permission: something it allows.
        node_id: where.
    """

    identity_id: str
    permission: str
    node_id: str


def example_question(environment: Environment) -> Example | None:
    """Someone of an environment who may do something, with real ids.

    Args:
        environment: whose.

    Returns:
        The newest active grant; None while there is none.
    """
    row = (
        Assignment.objects.with_state()
        .filter(
            Q(state=Assignment.State.ACTIVE),
            environment=environment,
            identity__status=Identity.Status.ACTIVE,
            role__is_active=True,
            role__role_permissions__isnull=False,
        )
        .order_by("-created_at", "id", "role__role_permissions__permission__key")
        .values_list("identity_id", "role__role_permissions__permission__key", "node_id")
        .first()
    )
    return Example(*map(str, row)) if row else None


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much an environment holds.

    Args:
        identities: those not removed.
        assignments: those scheduled or active.
        roles: those not deleted.
        permissions: all.
        nodes: those not deleted, the root among them.
        keys: API keys that are not disabled.
    """

    identities: int
    assignments: int
    roles: int
    permissions: int
    nodes: int
    keys: int


def holdings(environment: Environment) -> Holdings:
    """Count what an environment holds, in one statement.

    Args:
        environment: whose.

    Returns:
        The counts.
    """
    counted: dict[str, QuerySet[Any]] = {
        "identities": Identity.objects.in_environment(environment),
        "assignments": Assignment.objects.filter(environment=environment).live(),
        "roles": Role.objects.in_environment(environment),
        "permissions": Permission.objects.filter(environment=environment),
        "nodes": Node.objects.in_environment(environment),
        "keys": ApiKey.objects.live().filter(environment=environment, is_active=True),
    }
    columns = {name: _count(rows) for name, rows in counted.items()}
    row = Environment.objects.filter(pk=environment.pk).values_list(*columns.values()).get()
    return Holdings(**dict(zip(columns, row, strict=True)))


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("environment").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)
