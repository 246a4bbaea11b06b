from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Coalesce, Lower, Now

from assignments.grants import live_column, state_column
from environments.models import Batch, Environment
from hierarchy.models import Node
from identities.models import Identity, Invitation


class Permission(models.Model):
    """A key such as `invoice.read`, defined by the customer and never renamed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(
        Environment, models.RESTRICT, db_index=False, related_name="permissions"
    )
    key = models.CharField(max_length=150)
    name = models.CharField(max_length=150)
    description = models.TextField(max_length=500, blank=True)
    category = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["environment", "key"],
                name="permission_key_unique",
                violation_error_message="The environment already has this permission.",
            )
        ]

    def __str__(self) -> str:
        return self.key


def _counted(rows: models.QuerySet[Any], group: str, column: str) -> Coalesce:
    counted = rows.order_by().values(group).annotate(n=models.Count(column, distinct=True))
    return Coalesce(models.Subquery(counted.values("n")), 0)


class RoleQuerySet(models.QuerySet["Role"]):
    def in_environment(self, environment: Environment) -> RoleQuerySet:
        """Live roles of one environment, active or not."""
        return self.filter(environment=environment, deleted_at=None)

    def with_counts(self, environment: Environment) -> RoleQuerySet:
        """Each role with `permission_count`, and `member_count`: identities with a live assignment in sight."""
        carried = _counted(RolePermission.objects.filter(role=models.OuterRef("pk")), "role", "pk")
        held = Assignment.objects.seen_in(environment).filter(role=models.OuterRef("pk")).live()
        return self.annotate(
            permission_count=carried, member_count=_counted(held, "role", "identity")
        )


class Role(models.Model):
    """A named bundle of permissions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.RESTRICT, related_name="roles")
    name = models.CharField(max_length=100)
    description = models.TextField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True)
    permissions = models.ManyToManyField(Permission, through="RolePermission", related_name="roles")

    # Read `with_counts`.
    permission_count: int
    member_count: int

    objects = RoleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "environment",
                Lower("name"),
                condition=models.Q(deleted_at=None),
                name="role_name_unique",
                violation_error_message="The environment already has a role of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class RolePermission(models.Model):
    """That a role carries a permission."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.RESTRICT, db_index=False, related_name="+")
    # Both tied by composite foreign keys with the environment, which Django's own would only repeat.
    role = models.ForeignKey(
        Role,
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="role_permissions",
    )
    permission = models.ForeignKey(
        Permission, models.RESTRICT, db_constraint=False, related_name="role_permissions"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["role", "permission"], name="role_permission_unique")
        ]

    def __str__(self) -> str:
        return f"{self.role_id} carries {self.permission_id}"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def seen_in(self, environment: Environment) -> AssignmentQuerySet:
        """Those of an environment, as far as whoever reads through it may see."""
        rows = self.filter(environment=environment)
        if environment.bound_to is None:
            return rows
        places = Node.objects.in_environment(environment).order_by().values("pk")
        return rows.filter(node__in=places)

    def unrevoked(self) -> AssignmentQuerySet:
        """Those that a list shows when no state is asked for: scheduled, active and expired ones."""
        return self.filter(revoked_at=None)

    def live(self) -> AssignmentQuerySet:
        """Assignments that are scheduled or active."""
        return self.alias(is_live=live_column()).filter(is_live=True)

    def with_state(self) -> AssignmentQuerySet:
        """Each assignment with `state`, computed from the database's clock."""
        return self.annotate(state=state_column())

    def search(self, text: str) -> AssignmentQuerySet:
        """Those whose identity, role or node has the text in its name or address, in any case."""
        names = (
            "identity__email", "identity__first_name", "identity__last_name", "role__name",
            "node__name",
        )  # fmt: skip
        found = models.Q()
        for name in names:
            found |= models.Q(**{f"{name}__icontains": text})
        return self.filter(found)

    def with_access_type(self, node: Node) -> AssignmentQuerySet:
        """Each assignment with `access_type`: direct at this node, inherited from another."""
        direct = models.When(node=node, then=models.Value("direct"))
        return self.annotate(access_type=models.Case(direct, default=models.Value("inherited")))

    def all_direct(self) -> AssignmentQuerySet:
        """Each assignment with `access_type`, in a list that is not about one node."""
        return self.annotate(access_type=models.Value("direct"))

    def with_names(self) -> AssignmentQuerySet:
        """With the identity, role and node that a list shows."""
        return self.select_related("identity", "role", "node")


class Assignment(models.Model):
    """An identity's role at a node and in its whole subtree, within an optional window."""

    class State(models.TextChoices):
        """Always computed from the clock, never stored; assignments/grants.py holds the definition."""

        SCHEDULED = "scheduled"
        ACTIVE = "active"
        EXPIRED = "expired"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(
        Environment, models.RESTRICT, db_index=False, related_name="assignments"
    )
    # All tied by composite foreign keys with the environment, which Django's own would only repeat.
    identity = models.ForeignKey(
        Identity,
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
    )
    node = models.ForeignKey(
        Node,
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
    )
    role = models.ForeignKey(
        Role,
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
    )
    batch = models.ForeignKey(
        Batch, models.RESTRICT, null=True, db_constraint=False, related_name="assignments"
    )
    # The invitation that it was made with: revoking the one revokes the other.
    invitation = models.ForeignKey(
        Invitation,
        models.RESTRICT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
    )
    effective_from = models.DateTimeField(null=True)
    effective_to = models.DateTimeField(null=True)
    # From when it counts in questions about the past: its creation, or the last edit of what it grants.
    counts_from = models.DateTimeField(db_default=Now())
    created_by_id = models.UUIDField(null=True)
    created_by_label = models.CharField(max_length=254)
    revoked_at = models.DateTimeField(null=True)
    revoked_by_id = models.UUIDField(null=True)
    revoked_by_label = models.CharField(max_length=254, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    # Read `with_state`.
    state: str

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(effective_from=None)
                | models.Q(effective_to=None)
                | models.Q(effective_to__gt=models.F("effective_from")),
                name="assignment_window_has_length",
                violation_error_message="effective_to must lie after effective_from.",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["identity", "node"], name="assignment_identity"),
            # Who may do something here is listed in the order of the identities; apart, so that a
            # decision, which knows the identity, is not tempted away from the index above.
            models.Index(
                fields=["node", "identity"],
                condition=models.Q(revoked_at=None),
                name="assignment_node",
            ),
            models.Index(
                fields=["node", "identity"],
                condition=models.Q(revoked_at__isnull=False),
                name="assignment_node_revoked",
            ),
            models.Index(
                fields=["role"],
                condition=models.Q(revoked_at=None),
                name="assignment_role",
            ),
            models.Index(
                fields=["invitation"],
                condition=models.Q(invitation__isnull=False),
                name="assignment_invitation",
            ),
            models.Index(fields=["environment", "-created_at", "id"], name="assignment_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.identity_id} has {self.role_id} at {self.node_id}"
