from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from environments.models import ActorType, Environment


def name_of(first_name: str, last_name: str, email: str) -> str:
    """What people call someone.

    Args:
        first_name: may be empty.
        last_name: may be empty.
        email: the address.

    Returns:
        First and last name, or the address of someone without either.
    """
    return f"{first_name} {last_name}".strip() or email


class IdentityQuerySet(models.QuerySet["Identity"]):
    def in_environment(self, environment: Environment) -> IdentityQuerySet:
        """Identities of one environment that have not been removed."""
        return self.filter(environment=environment).exclude(status=Identity.Status.REMOVED)

    def search(self, text: str) -> IdentityQuerySet:
        """Identities whose address, name or external id contains the text, in any case."""
        return self.filter(
            models.Q(email__icontains=text)
            | models.Q(first_name__icontains=text)
            | models.Q(last_name__icontains=text)
            | models.Q(external_id__icontains=text)
        )


class Identity(models.Model):
    """An end user of the customer's own application, in one environment."""

    class Status(models.TextChoices):
        INVITED = "invited"
        ACTIVE = "active"
        INACTIVE = "inactive"
        REMOVED = "removed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(
        Environment, models.RESTRICT, db_index=False, related_name="identities"
    )
    email = models.EmailField(max_length=254)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    external_id = models.CharField(max_length=128, null=True)
    metadata = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["environment", "email"],
                condition=~models.Q(status="removed"),
                name="identity_email_unique",
                violation_error_message="An identity of this environment already has this e-mail address.",
            ),
            models.UniqueConstraint(
                fields=["environment", "external_id"],
                condition=~models.Q(status="removed"),
                name="identity_external_id_unique",
                violation_error_message="An identity of this environment already has this external_id.",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["invited", "active", "inactive", "removed"]),
                name="identity_status_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["environment", "-created_at", "id"], name="identity_newest"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def name(self) -> str:
        """First and last name, or the address of someone without either."""
        return name_of(self.first_name, self.last_name, self.email)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def in_environment(self, environment: Environment) -> InvitationQuerySet:
        """Invitations of one environment, ended ones among them."""
        return self.filter(environment=environment)

    def with_state(self) -> InvitationQuerySet:
        """Each invitation with `state`: its status, or expired once its time is over."""
        over = models.When(
            status=Invitation.Status.PENDING,
            expires_at__lte=Now(),
            then=models.Value(Invitation.Status.EXPIRED),
        )
        return self.annotate(state=models.Case(over, default=models.F("status")))

    def search(self, text: str) -> InvitationQuerySet:
        """Invitations whose address or name contains the text, in any case."""
        return self.filter(
            models.Q(identity__email__icontains=text)
            | models.Q(identity__first_name__icontains=text)
            | models.Q(identity__last_name__icontains=text)
        )


class Invitation(models.Model):
    """The single-use, expiring link that turns an invited identity active."""

    class Intent(models.TextChoices):
        ACTIVATE = "activate"
        ADD_TO_APP = "add_to_app"

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REVOKED = "revoked"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.RESTRICT, related_name="invitations")
    # Tied by a composite foreign key with the environment, which Django's own would only repeat.
    identity = models.ForeignKey(
        Identity, models.RESTRICT, db_constraint=False, related_name="invitations"
    )
    intent = models.CharField(max_length=12, choices=Intent, default=Intent.ACTIVATE)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # The link's token is computed from the server's secret, this row's id and this nonce; never stored.
    nonce = models.BinaryField(max_length=16)
    invited_by_type = models.CharField(max_length=10, choices=ActorType)
    invited_by_id = models.UUIDField(null=True)
    invited_by_label = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    # When the link was made or last renewed; the next renewal waits five minutes.
    renewed_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    # Read `with_state`: by the database's clock, whether or not the row was marked by then.
    state: str

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["identity"],
                condition=models.Q(status="pending"),
                name="invitation_pending_unique",
                violation_error_message="An invitation for this identity is pending.",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["environment", "-created_at", "id"], name="invitation_newest"),
        ]

    def __str__(self) -> str:
        return f"invitation of {self.identity_id}"
