"""Removing what assignments refer to, together with the assignments."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count

from assignments.models import Assignment
from assignments.services.revoke import revoke_rows
from common.errors import Conflict, require_version
from common.refs import Ref
from common.text import counted
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services.batches import open_batch
from hierarchy.locks import lock_tree
from hierarchy.models import Node
from hierarchy.services.nodes import lock_node, mark_subtree_deleted, refuse_root
from identities.locks import lock_identities
from identities.queries import get_identity
from identities.services.statuses import mark_identity_removed


@transaction.atomic
def delete_node(
    *,
    actor: Actor,
    environment: Environment,
    node: Ref,
    cascade: bool = False,
    expected_version: int | None = None,
) -> None:
    """Delete a node and everything below it; the rows stay as history.

    Args:
        actor: who deletes it.
        environment: whose tree.
        node: the top of what goes.
        cascade: whether live assignments in the subtree are revoked with it.
        expected_version: the version that the caller read, if it must still be that.

    Raises:
        NotFound: `nodes.not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `nodes.root_cannot_go`.
        Conflict: `nodes.in_use` with the counts, unless cascade.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    lock_tree(environment.pk)
    top = lock_node(environment, node)
    require_version(top, expected_version)
    refuse_root(top)
    subtree = Node.objects.in_environment(environment).below_or_at(top)
    live = Assignment.objects.filter(node__in=subtree).live()
    counts = live.aggregate(
        assignment_count=Count("pk"), identity_count=Count("identity", distinct=True)
    )
    if counts["assignment_count"] and not cascade:
        raise Conflict(
            "nodes.in_use",
            f"This subtree holds {counted(counts['assignment_count'], 'live assignment')};"
            " cascade=true revokes them.",
            data={**counts, "node_count": subtree.count()},
        )
    batch = open_batch(actor=actor, environment=environment, action="node.deleted")
    revoked = revoke_rows(actor=actor, environment=environment, rows=live, batch_id=batch.pk)
    deleted = mark_subtree_deleted(actor=actor, environment=environment, top=top, batch_id=batch.pk)
    batch.counts = {"nodes": deleted, "assignments": revoked}
    batch.save(update_fields=["counts"])


@transaction.atomic
def remove_identity(
    *,
    actor: Actor,
    environment: Environment,
    identity: Ref,
    expected_version: int | None = None,
) -> None:
    """Remove an identity with its pending invitation and its assignments; the rows stay as history.

    Args:
        actor: who removes it.
        environment: whose identity.
        identity: which.
        expected_version: the version that the caller read, if it must still be that.

    Raises:
        NotFound: `identities.not_found`.
        VersionConflict: if it changed since.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    lock_identities(environment, [identity])
    row = get_identity(environment, identity)
    require_version(row, expected_version)
    live = Assignment.objects.filter(identity=row).live()
    revoked = revoke_rows(actor=actor, environment=environment, rows=live)
    mark_identity_removed(
        actor=actor, environment=environment, row=row, revoked_assignments=revoked
    )
