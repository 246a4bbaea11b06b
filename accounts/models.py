from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        """Make a person who may sign in.

        Args:
            email: the address that is the login; kept in lower case.
            password: none for someone who will set it by a reset code.
            fields: further fields of the user.

        Returns:
            The saved user.
        """
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, **fields: object) -> User:
        """Make an operator: a person who may enter the admin.

        Args:
            email: the address that is the login.
            password: the password.
            fields: further fields of the user.

        Returns:
            The saved user.
        """
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in to the dashboard; the e-mail address is the login."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        max_length=254,
        unique=True,
        error_messages={"unique": "Someone already signs in with this address."},
    )
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_in_lower_case",
                violation_error_message="An address is kept in lower case.",
            )
        ]

    def __str__(self) -> str:
        return self.email


class Account(models.Model):
    """A customer: owns environments and has team members."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class ActorType(models.TextChoices):
    """Who did something: a person, a program, or the product itself."""

    USER = "user"
    API_KEY = "api_key"
    SYSTEM = "system"


class TeamRole(models.TextChoices):
    """What a team member may do; environments/scopes.py holds the table."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class TeamMember(models.Model):
    """A user's place in an account's team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=TeamRole)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "user"],
                name="team_member_unique",
                violation_error_message="This person is already on the team.",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=TeamRole.values), name="team_member_role_known"
            ),
        ]

    def __str__(self) -> str:
        # By name where the rows are at hand; never by a query.
        user = self.user if TeamMember.user.is_cached(self) else self.user_id
        account = self.account if TeamMember.account.is_cached(self) else self.account_id
        return f"{user}, {self.role} of {account}"


class TeamInvitation(models.Model):
    """The single-use, expiring link that makes someone a team member."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REVOKED = "revoked"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="team_invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10, choices=TeamRole)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # The link's token is computed from the server's secret, this row's id and this nonce; never stored.
    nonce = models.BinaryField(max_length=16)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "account",
                Lower("email"),
                condition=models.Q(status="pending"),
                name="team_invitation_pending_unique",
                violation_error_message="This person is already invited to the team.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account_id}"


class AccountEvent(models.Model):
    """One thing that was done to a person, an account or its team, written in the transaction of the change.

    What is done inside an environment is in that environment's own audit log, which its keys may read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # None where it was done to a person, who may be in many accounts or in none.
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="events")
    actor_type = models.CharField(max_length=10, choices=ActorType)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    resource_type = models.CharField(max_length=30)
    resource_id = models.UUIDField()
    resource_label = models.CharField(max_length=300)
    metadata = models.JSONField(default=dict)
    correlation_id = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at", "-id"], name="account_event_newest"),
            models.Index(fields=["resource_id", "-created_at"], name="account_event_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.resource_label}"
