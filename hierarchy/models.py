from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from treebeard.mp_tree import MP_Node, MP_NodeManager, MP_NodeQuerySet

from common.refs import Ref
from environments.models import Environment

# The deepest place a node may stand, the root being at 0; treebeard counts it as 1.
DEEPEST = 32


class NodeQuerySet(MP_NodeQuerySet):
    def in_environment(self, environment: Environment) -> NodeQuerySet:
        """Live nodes of one environment, as far as whoever reads through it may see."""
        rows = self.filter(environment=environment, deleted_at=None)
        return rows if environment.bound_to is None else rows.below_or_at_id(environment.bound_to)

    def below_or_at_id(self, node_id: uuid.UUID) -> NodeQuerySet:
        """A live node and everything below it, wherever it stands when the statement runs."""
        top = Node.objects.filter(pk=node_id, deleted_at=None).order_by().values("path")
        path = models.Subquery(top, output_field=models.CharField(db_collation="C"))
        return self.filter(
            path__gte=path, path__lt=models.functions.Concat(path, models.Value("z"))
        )

    def named(self, ref: Ref) -> NodeQuerySet:
        """The node that a reference names, if there is one."""
        return self.filter(
            **({"pk": ref.value} if ref.kind == "id" else {"external_id": ref.value})
        )

    def in_tree_order(self) -> NodeQuerySet:
        """Parents before their children, siblings in the order in which they came."""
        return self.order_by("path")

    def below_or_at(self, node: Node) -> NodeQuerySet:
        """A node and everything below it; a range of the path's index, whatever the plan is made of."""
        # Steps are made of 0-9 and A-Z, which collate before any small letter.
        return self.filter(path__gte=node.path, path__lt=f"{node.path}z")

    def search(self, text: str) -> NodeQuerySet:
        """Nodes whose name, slug or external id contains the text, in any case."""
        return self.filter(
            models.Q(name__icontains=text)
            | models.Q(slug__icontains=text)
            | models.Q(external_id__icontains=text)
        )

    def with_child_count(self) -> NodeQuerySet:
        """Each node with `live_child_count`, the number of its children that are not deleted."""
        children = (
            Node.objects.filter(parent=models.OuterRef("pk"), deleted_at=None)
            .order_by()
            .values("parent")
            .annotate(count=models.Count("pk"))
            .values("count")
        )
        return self.annotate(
            live_child_count=models.functions.Coalesce(models.Subquery(children), 0)
        )


class NodeManager(MP_NodeManager.from_queryset(NodeQuerySet)):  # type: ignore[misc]  # made at run time
    """treebeard's acts on the tree, for hierarchy.services alone, and our filters."""

    def get_queryset(self) -> NodeQuerySet:
        """See `MP_NodeManager`, whose own queryset would not know our filters."""
        return NodeQuerySet(self.model, using=self._db).order_by("path")


class Node(MP_Node):
    """A place in the environment's one tree; what is granted here holds in the whole subtree.

    `parent` is the truth. treebeard's `path`, `depth` and `numchild` are its index: they change only in
    hierarchy.services, under the tree lock, together with `parent`; `check_tree` compares the two.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(
        Environment, models.RESTRICT, db_index=False, related_name="nodes"
    )
    # Tied by a composite foreign key with the environment, which Django's own would only repeat.
    parent = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="children",
    )
    path = models.CharField(max_length=255, unique=True, db_collation="C")
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=100)
    node_type = models.CharField(max_length=50)
    external_id = models.CharField(max_length=128, null=True)
    description = models.TextField(max_length=2000, blank=True)
    metadata = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True)
    # The batch that deleted it, so that undo brings back what went together.
    deletion_id = models.UUIDField(null=True)

    objects = NodeManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(parent=None),
                name="node_one_root",
                violation_error_message="The environment already has its root.",
            ),
            models.UniqueConstraint(
                fields=["parent", "slug"],
                condition=models.Q(deleted_at=None),
                name="node_slug_unique",
                violation_error_message="A sibling already has this slug.",
            ),
            models.UniqueConstraint(
                fields=["environment", "external_id"],
                condition=models.Q(deleted_at=None),
                name="node_external_id_unique",
                violation_error_message="A node already has this external_id.",
            ),
            models.CheckConstraint(
                condition=models.Q(parent=None, depth=1)
                | models.Q(parent__isnull=False, depth__gt=1, depth__lte=DEEPEST + 1),
                name="node_depth_fits_parent",
                violation_error_message="The tree would become too deep.",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "inactive"]), name="node_status_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["parent", "path"], name="node_children"),
            models.Index(fields=["environment", "path"], name="node_tree_order"),
            models.Index(
                fields=["deletion_id"],
                condition=models.Q(deletion_id__isnull=False),
                name="node_deletion",
            ),
            # What a decision reads of the way from the root, without a look into the table.
            models.Index(
                fields=["path"], include=["id", "status", "deleted_at"], name="node_lineage"
            ),
        ]

    def __str__(self) -> str:
        return self.name
