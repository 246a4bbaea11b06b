from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Account
from accounts.models import ActorType as ActorType  # one word for both logs
from environments.scopes import ALL_SCOPES, BOUND_SCOPES, Scope


class Environment(models.Model):  # type: ignore[django-manager-missing]  # treebeard's, without types
    """A sealed workspace: nothing in it is ever joined with another's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    # Node types and how they may nest; hierarchy/schema.py reads it. None until it is set.
    hierarchy_schema = models.JSONField(null=True)
    # Counts the changes of the tree's shape, so that a cursor knows when it has gone stale.
    tree_version = models.PositiveBigIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    # The node that the caller's key is bound to: whoever reads through this object sees its subtree
    # only. Set where a key opens a request; None sees the whole environment.
    bound_to: uuid.UUID | None = None

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "slug"],
                name="environment_slug_unique",
                violation_error_message="The account already has an environment of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> ApiKeyQuerySet:
        """Keys that have not been deleted, usable or not."""
        return self.filter(deleted_at=None)


class ApiKey(models.Model):
    """A program's key to one environment; only its hash is kept."""

    class AccessMode(models.TextChoices):
        FULL_ACCESS = "full_access"
        SCOPED = "scoped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    description = models.TextField(max_length=500, blank=True)
    key_hash = models.BinaryField(max_length=32)
    key_preview = models.CharField(max_length=24)
    # The text before the last rotation, which opens until then.
    former_hash = models.BinaryField(max_length=32, null=True)
    former_until = models.DateTimeField(null=True, blank=True)
    access_mode = models.CharField(max_length=12, choices=AccessMode)
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope), default=list, blank=True)
    # The subtree the key is bound to; hierarchy's migration adds the constraint.
    node_id = models.UUIDField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    # Set where a key opens a request: whether last_used_at is due to be written.
    use_is_stale = False
    # Set there as well: whether it opened with the text before its last rotation.
    opened_formerly = False

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key_hash"], name="api_key_hash_unique"),
            models.UniqueConstraint(fields=["former_hash"], name="api_key_former_hash_unique"),
            models.CheckConstraint(
                condition=models.Q(former_hash=None, former_until=None)
                | models.Q(former_hash__isnull=False, former_until__isnull=False),
                name="api_key_former_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(access_mode="full_access", scopes=[])
                | (models.Q(access_mode="scoped") & ~models.Q(scopes=[])),
                name="api_key_scopes_fit_mode",
                violation_error_message="A scoped key carries at least one scope, a full-access key none.",
            ),
            models.CheckConstraint(
                condition=models.Q(node_id=None)
                | models.Q(access_mode="scoped", scopes__contained_by=sorted(BOUND_SCOPES)),
                name="api_key_bound_scopes",
                violation_error_message="A key that is bound to a node carries no scope of the whole environment.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scopes_in_effect(self) -> frozenset[Scope]:
        """What it may do: all of it with full access, else its scopes."""
        if self.access_mode == self.AccessMode.FULL_ACCESS:
            return ALL_SCOPES
        return frozenset(Scope(scope) for scope in self.scopes)

    @property
    def opens_until(self) -> datetime | None:
        """When what opened the request stops opening anything, None for never."""
        ends = (self.expires_at, self.former_until if self.opened_formerly else None)
        return min((end for end in ends if end is not None), default=None)


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def search(self, text: str) -> AuditEventQuerySet:
        """Events with the text in who did it, what it was done to or what was done, in any case."""
        return self.filter(
            models.Q(actor_label__icontains=text)
            | models.Q(resource_label__icontains=text)
            | models.Q(action__icontains=text)
        )

    def newest_first(self) -> AuditEventQuerySet:
        """In the order of the feed."""
        return self.order_by("-created_at", "-id")

    def after(self, created_at: datetime, event_id: uuid.UUID) -> AuditEventQuerySet:
        """Those that follow an event in the order of the feed."""
        # The first condition is one that an index can begin at; a disjunction alone is not.
        return self.filter(created_at__lte=created_at).filter(
            models.Q(created_at__lt=created_at) | models.Q(id__lt=event_id)
        )


class AuditEvent(models.Model):
    """One thing that was done, or refused, written in the same transaction as the change."""

    class Outcome(models.TextChoices):
        SUCCESS = "success"
        DENIED = "denied"
        FAILURE = "failure"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(
        Environment, models.CASCADE, db_index=False, related_name="audit_events"
    )
    actor_type = models.CharField(max_length=10, choices=ActorType)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    resource_type = models.CharField(max_length=30)
    resource_id = models.UUIDField(null=True)
    resource_label = models.CharField(max_length=300, blank=True)
    metadata = models.JSONField(default=dict)
    correlation_id = models.CharField(max_length=128)
    # The act on many rows that this was part of; undo goes by it.
    batch_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.SUCCESS)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Given later by a sealing task, so that writers never queue for the end of the chain.
    sequence = models.BigIntegerField(null=True)
    hash = models.BinaryField(max_length=32, null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["environment", "sequence"], name="audit_event_sequence_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(sequence=None, hash=None)
                | models.Q(sequence__isnull=False, hash__isnull=False),
                name="audit_event_sealed_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["environment", "-created_at", "-id"], name="audit_event_newest"),
            models.Index(
                fields=["environment", "resource_id", "-created_at"], name="audit_event_resource"
            ),
            models.Index(
                fields=["environment", "actor_id", "-created_at"], name="audit_event_actor"
            ),
            models.Index(
                fields=["environment", "action", "-created_at"], name="audit_event_action"
            ),
            models.Index(fields=["environment", "correlation_id"], name="audit_event_correlation"),
            models.Index(
                fields=["batch_id"],
                condition=models.Q(batch_id__isnull=False),
                name="audit_event_batch",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.resource_label}"


class Batch(models.Model):
    """One act on many rows; its rows, audit events and undo go by its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="batches")
    action = models.CharField(max_length=60)
    actor_type = models.CharField(max_length=10, choices=ActorType)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    counts = models.JSONField(default=dict)
    undo_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="undos"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label}"


class IdempotencyRecord(models.Model):
    """The first answer to a POST that carried an Idempotency-Key, kept 24 hours, without secrets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="idempotency_records")
    api_key = models.ForeignKey(
        ApiKey, models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    idempotency_key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    status_code = models.PositiveSmallIntegerField()
    # JSON as a text: what a row was refused for may hold what jsonb does not, and order is kept.
    response = models.TextField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["api_key", "method", "path", "idempotency_key"],
                name="idempotency_record_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.idempotency_key}"


class RateWindow(models.Model):
    """How much of a limit all processes together have leased in the current minute."""

    name = models.CharField(primary_key=True, max_length=120)
    started_at = models.DateTimeField()
    used = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name


class OutboxItem(models.Model):
    """Work for later, written with the change that asks for it; tasks look at rows, never the reverse."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="outbox_items")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state="pending"),
                name="outbox_item_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class Heartbeat(models.Model):
    """When a recurring process last showed that it is alive."""

    name = models.CharField(primary_key=True, max_length=40)
    beat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
