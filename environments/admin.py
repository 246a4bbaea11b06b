"""What operators see of what environments keep: the audit log, batches, work for later, limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from accounts.models import User
from common.admin import ReadOnlyAdmin, ServiceAdmin, confirmed, operators
from common.middleware import request_id_of
from environments.actors import Actor
from environments.models import (
    AuditEvent,
    Batch,
    Environment,
    Heartbeat,
    IdempotencyRecord,
    OutboxItem,
    RateWindow,
)
from environments.services.outbox import retry_dead_items


def actor_of(request: HttpRequest) -> Actor:
    """The operator who uses the admin.

    Args:
        request: of someone whom the admin let in.

    Returns:
        An actor with every scope.
    """
    assert isinstance(request.user, User)
    return Actor.of_operator(request.user, request_id_of(request))


def by_environment(rows: Iterable[Any]) -> Iterator[tuple[Environment, list[Any]]]:
    """Rows by the environment they belong to: an act is of one environment.

    Args:
        rows: of any environments, each with its own at hand.

    Returns:
        Each environment with its rows, in a fixed order.
    """
    ordered = sorted(rows, key=lambda row: (row.environment_id, row.pk))
    for _, found in groupby(ordered, key=lambda row: row.environment_id):
        same = list(found)
        yield same[0].environment, same


class ByEnvironment(admin.SimpleListFilter):
    """One environment's rows; it is chosen by its link in the list, for there may be ten thousand.

    Until one is chosen there is nothing to press, so nothing is shown.
    """

    title = "environment"
    parameter_name = "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """See `SimpleListFilter`; one statement where an environment is chosen, none otherwise."""
        value = self.used_parameters.get(self.parameter_name)
        if not value:
            return []
        try:
            chosen = Environment.objects.select_related("account").filter(pk=UUID(value)).first()
        except ValueError as error:
            raise IncorrectLookupParameters from error
        return [(value, named(chosen) if chosen else "there is no such environment")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """See `SimpleListFilter`."""
        return queryset.filter(environment=self.value()) if self.value() else queryset


def named(environment: Environment) -> str:
    """What operators call an environment, of which every account has a Development.

    Args:
        environment: with its account.

    Returns:
        Both names.
    """
    return f"{environment.account.name} / {environment.name}"


class WithinEnvironment(ReadOnlyAdmin):
    """Rows of environments: each list can be narrowed to one of them."""

    list_select_related = ["environment__account"]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """See `ModelAdmin`."""
        return [ByEnvironment, *self.list_filter]

    def told(self, row: Any) -> str:
        """See `ReadOnlyAdmin`; the same name may stand in many environments."""
        return f"{row} in {named(row.environment)}"

    @admin.display(description="environment", ordering="environment")
    def place(self, row: Any) -> str:
        """The environment, as a link to the list of its rows alone."""
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        query = urlencode({"environment": row.environment_id})
        return format_html('<a href="{}?{}">{}</a>', address, query, named(row.environment))


@admin.register(AuditEvent, site=operators)
class AuditEventAdmin(WithinEnvironment):
    """What was done in environments."""

    starts_with = ("actor_label", "resource_label", "action", "correlation_id")
    ids = ("pk", "environment", "actor_id", "resource_id", "batch_id")
    list_display = ("created_at", "outcome", "place", "actor_label", "action", "resource_label")
    list_filter = ("actor_type", "outcome")
    ordering = ("-created_at", "-pk")


@admin.register(Batch, site=operators)
class BatchAdmin(WithinEnvironment):
    """Acts on many rows."""

    starts_with = ("actor_label", "action")
    ids = ("pk", "environment", "actor_id")
    list_display = ("created_at", "place", "action", "actor_label", "counts")
    ordering = ("-created_at", "-pk")


@admin.register(IdempotencyRecord, site=operators)
class IdempotencyRecordAdmin(WithinEnvironment):
    """First answers that are replayed to who asks again; they hold no secrets."""

    starts_with = ("path", "idempotency_key")
    ids = ("pk", "environment", "api_key")
    list_display = ("created_at", "status_code", "place", "method", "path", "idempotency_key")
    ordering = ("-created_at", "-pk")


@admin.register(OutboxItem, site=operators)
class OutboxItemAdmin(WithinEnvironment, ServiceAdmin):
    """Work for later, and what became of it."""

    starts_with = ("kind",)
    ids = ("pk", "environment", "subject_id")
    list_display = ("created_at", "state", "kind", "place", "attempts", "next_attempt_at")
    list_filter = ("state",)
    ordering = ("-created_at", "-pk")
    actions = ("retry",)

    @confirmed(
        description="Try the chosen dead items again",
        warning="Dead items are tried again at once; mail that did arrive would arrive twice.",
    )
    def retry(self, request: HttpRequest, rows: list[OutboxItem]) -> None:
        """Let work that was given up be tried again."""
        actor = actor_of(request)
        count = sum(
            retry_dead_items(
                actor=actor, environment=environment, item_ids=[item.pk for item in items]
            )
            for environment, items in by_environment(rows)
        )
        self.message_user(request, f"{count} of {len(rows)} were dead and will be tried again.")


@admin.register(RateWindow, site=operators)
class RateWindowAdmin(ReadOnlyAdmin):
    """How far limits are used up."""

    starts_with = ("name",)
    ids = ()
    list_display = ("name", "started_at", "used")
    ordering = ("-started_at", "name")


@admin.register(Heartbeat, site=operators)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Which recurring processes are alive."""

    starts_with = ("name",)
    ids = ()
    list_display = ("name", "beat_at")
    ordering = ("name",)
