"""Acts on an account itself."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.actors import TeamActor
from accounts.guard import require_team_power
from accounts.locks import lock_team
from accounts.models import Account, TeamRole
from accounts.queries import get_account
from accounts.services.events import record_account_event


@transaction.atomic
def rename_account(*, actor: TeamActor, account_id: UUID, name: str) -> Account:
    """Change what people call an account; its addresses stay.

    Args:
        actor: who does it: an owner.
        account_id: which.
        name: the new name, cleaned by the door.

    Returns:
        The account as it is now.

    Raises:
        NotFound: `accounts.not_found`.
        Forbidden: `team.beyond_own_role`.
    """
    lock_team(account_id)
    account = get_account(account_id)
    require_team_power(actor, account, [TeamRole.OWNER])
    former = account.name
    if former == name:
        return account
    account.name = name
    account.save(update_fields=["name"])
    record_account_event(
        actor=actor,
        account=account,
        action="account.renamed",
        resource=account,
        label=name,
        before={"name": former},
        after={"name": name},
    )
    return account
