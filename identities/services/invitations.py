"""Accepting an invitation; the acts that make and end one also touch assignments and live with those."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from common.inserts import insert_rows
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment, OutboxItem
from environments.services import audit
from hierarchy.locks import lock_tree_shape
from identities.links import open_link
from identities.locks import lock_identities
from identities.models import Identity, Invitation
from identities.services.statuses import end_invitations

MAIL = "invitation.mail"


@transaction.atomic
def accept_invitation(
    *, token: str, first_name: str, last_name: str, correlation_id: str
) -> Invitation:
    """Use up a link: its identity is active from then on. Of many who try at once one succeeds.

    Nobody is signed in for this; the audit log knows the actor by the invited address.

    Args:
        token: what the link ended in.
        first_name: as the person wrote it; may be empty.
        last_name: as the person wrote it; may be empty.
        correlation_id: the request's id.

    Returns:
        The invitation with its identity, environment and account.

    Raises:
        NotFound: `invites.link_dead`, as `open_link`.
    """
    seen = open_link(token)
    environment = seen.environment
    # Becoming active puts in force what the identity was assigned.
    lock_tree_shape(environment.pk)
    lock_identities(environment, [Ref.of(seen.identity_id)])
    invitation = open_link(token)
    row = invitation.identity
    after = {"first_name": first_name, "last_name": last_name, "status": Identity.Status.ACTIVE}
    changed = [name for name, value in after.items() if getattr(row, name) != value]
    before = {name: getattr(row, name) for name in changed}
    for name in changed:
        setattr(row, name, after[name])
    row.version += 1
    row.updated_at = Now()
    row.save(update_fields=[*changed, "version", "updated_at"])
    actor = replace(Actor.system(row.email), correlation_id=correlation_id)
    end_invitations(actor=actor, environment=environment, rows=[row])
    audit.record(
        actor=actor,
        environment=environment,
        action="identity.activated",
        resource=row,
        before=before,
        after={name: after[name] for name in changed},
        version=row.version,
    )
    return invitation


def queue_mail(*, environment: Environment, invitation_ids: Collection[UUID]) -> None:
    """Ask for the mails of invitations, in the transaction that makes or renews them; one statement.

    The link is computed when a mail is written, so nothing secret is kept with the request.

    Args:
        environment: whose invitations.
        invitation_ids: which.
    """
    if not invitation_ids:
        return
    insert_rows(
        OutboxItem,
        each={"id": [uuid4() for _ in invitation_ids], "subject_id": list(invitation_ids)},
        all_alike={
            "environment": environment,
            "kind": MAIL,
            "payload": {},
            "state": OutboxItem.State.PENDING,
            "attempts": 0,
            "last_error": "",
        },
    )
