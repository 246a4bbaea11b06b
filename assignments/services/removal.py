"""Removing what assignments refer to, together with the assignments."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from assignments.models import Assignment, AssignmentQuerySet
from assignments.services.revoke import revoke_rows
from common.errors import Conflict, require_version
from common.refs import Ref
from common.text import counted
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services.batches import open_batch
from hierarchy.locks import lock_tree
from hierarchy.models import Node, NodeQuerySet
from hierarchy.services.deletion import mark_subtree_deleted, plan_subtree_deletion
from hierarchy.services.nodes import lock_node
from identities.locks import lock_identities
from identities.models import Identity
from identities.queries import get_identity
from identities.services.statuses import mark_identities_removed, pending_of


@dataclass(frozen=True, slots=True)
class NodeDeletion:
    """What deleting a node would take with it.

    Args:
        top: the node as it is.
        node_count: how many nodes would go, with those below.
        assignment_count: how many live assignments would be revoked.
    """

    top: Node
    node_count: int
    assignment_count: int


@transaction.atomic
def delete_node(
    *,
    actor: Actor,
    environment: Environment,
    node: Ref,
    cascade: bool = False,
    expected_version: int | None = None,
) -> UUID:
    """Delete a node and everything below it; the rows stay as history.

    Args:
        actor: who deletes it.
        environment: whose tree.
        node: the top of what goes.
        cascade: whether live assignments in the subtree are revoked with it.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The batch's id, by which undo brings all of it back.

    Raises:
        NotFound: `nodes.not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `nodes.root_cannot_go`.
        Conflict: `nodes.in_use` with the counts, unless cascade.
        Forbidden: `scope_missing`, also where assignments would be revoked by one who may not, or
            `beyond_own_node`.
    """
    lock_tree(environment.pk)
    lock_node(environment, node)
    plan = plan_delete_node(
        actor, environment, node, cascade=cascade, expected_version=expected_version
    )
    batch = open_batch(actor=actor, environment=environment, action="node.deleted")
    revoked = revoke_rows(
        actor=actor,
        environment=environment,
        rows=_live_below(environment, plan.top),
        batch_id=batch.pk,
    )
    deleted = mark_subtree_deleted(
        actor=actor, environment=environment, top=plan.top, batch_id=batch.pk
    )
    batch.counts = {"nodes": deleted, "assignments": revoked}
    batch.save(update_fields=["counts"])
    return batch.pk


def plan_delete_node(
    actor: Actor,
    environment: Environment,
    node: Ref,
    *,
    cascade: bool = False,
    expected_version: int | None = None,
) -> NodeDeletion:
    """What `delete_node` would do, by reading only.

    Args:
        actor: who would delete it.
        environment: whose tree.
        node: as `delete_node`, and so are the others.
        cascade: as there.
        expected_version: as there.

    Returns:
        The node, with what would go with it.

    Raises:
        DomainError: as `delete_node`.
    """
    top = plan_subtree_deletion(actor, environment, node, expected_version)
    counts = _live_below(environment, top).aggregate(
        assignment_count=Count("pk"), identity_count=Count("identity", distinct=True)
    )
    node_count = _subtree(environment, top).count()
    if counts["assignment_count"] and not cascade:
        raise Conflict(
            "nodes.in_use",
            f"This subtree holds {counted(counts['assignment_count'], 'live assignment')};"
            " cascade=true revokes them.",
            data={**counts, "node_count": node_count},
        )
    if counts["assignment_count"]:
        actor.require(Scope.ASSIGNMENTS_MANAGE)
    return NodeDeletion(top, node_count, counts["assignment_count"])


@dataclass(frozen=True, slots=True)
class IdentityRemoval:
    """What removing an identity would take with it.

    Args:
        row: the identity as it is.
        assignments: how many live assignments would be revoked.
        invitations: how many pending invitations would be revoked; one or none.
    """

    row: Identity
    assignments: int
    invitations: int


@transaction.atomic
def remove_identity(
    *,
    actor: Actor,
    environment: Environment,
    identity: Ref,
    expected_version: int | None = None,
) -> UUID:
    """Remove an identity with its pending invitation and its assignments; the rows stay as history.

    Args:
        actor: who removes it.
        environment: whose identity.
        identity: which.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The batch's id, by which undo brings all of it back.

    Raises:
        NotFound: `identities.not_found`.
        VersionConflict: if it changed since.
        Forbidden: `scope_missing`.
    """
    lock_identities(environment, [identity])
    row = plan_identity_removal(actor, environment, identity, expected_version).row
    batch = open_batch(actor=actor, environment=environment, action="identity.removed")
    revoked = revoke_rows(
        actor=actor, environment=environment, rows=_live_of(row), batch_id=batch.pk
    )
    mark_identities_removed(
        actor=actor,
        environment=environment,
        rows=[row],
        batch_id=batch.pk,
        revoked={row.pk: revoked},
    )
    batch.counts = {"identities": 1, "assignments": revoked}
    batch.save(update_fields=["counts"])
    return batch.pk


def plan_identity_removal(
    actor: Actor, environment: Environment, identity: Ref, expected_version: int | None = None
) -> IdentityRemoval:
    """What removing an identity would do, by reading only.

    Args:
        actor: who would remove it.
        environment: whose identity.
        identity: which.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The identity, with what would go with it.

    Raises:
        DomainError: why it cannot, as `remove_identity`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    row = get_identity(environment, identity)
    require_version(row, expected_version)
    return IdentityRemoval(row, _live_of(row).count(), pending_of(row).count())


def _live_of(row: Identity) -> AssignmentQuerySet:
    return Assignment.objects.filter(identity=row).live()


def _subtree(environment: Environment, top: Node) -> NodeQuerySet:
    return Node.objects.in_environment(environment).below_or_at(top)


def _live_below(environment: Environment, top: Node) -> AssignmentQuerySet:
    return Assignment.objects.filter(node__in=_subtree(environment, top)).live()
