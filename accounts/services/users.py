"""Acts of operators on people: whether they may sign in, and enter the admin."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import Permission
from django.db import transaction

from accounts.actors import TeamActor
from accounts.locks import lock_user
from accounts.models import User
from accounts.queries import get_user
from accounts.services.events import record_account_event
from common.errors import Conflict, Forbidden


def _require_operator(actor: TeamActor) -> None:
    if actor.is_bound:
        raise Forbidden("users.not_an_operator", "Only operators of this installation may do this.")


def _lock(actor: TeamActor, user_id: UUID) -> User:
    _require_operator(actor)
    lock_user(user_id)
    return get_user(user_id)


@transaction.atomic
def set_user_active(*, actor: TeamActor, user_id: UUID, is_active: bool) -> User:
    """Let someone sign in, or not; whoever may not is out with their next request.

    Args:
        actor: an operator.
        user_id: who.
        is_active: what they shall be.

    Returns:
        The user as they are now.

    Raises:
        NotFound: `users.not_found`.
        Forbidden: `users.not_an_operator`.
        Conflict: `users.own_access`, for an operator's own.
    """
    user = _lock(actor, user_id)
    if user.is_active == is_active:
        return user
    _require_another(actor, user)
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    record_account_event(
        actor=actor,
        account=None,
        action="user.activated" if is_active else "user.deactivated",
        resource=user,
        label=user.email,
        before={"is_active": not is_active},
        after={"is_active": is_active},
    )
    return user


@transaction.atomic
def set_staff(
    *, actor: TeamActor, user_id: UUID, is_staff: bool, rights: Collection[Permission]
) -> User:
    """Let someone enter the admin, and say what they see and do there.

    Args:
        actor: an operator.
        user_id: who.
        is_staff: whether they may enter.
        rights: what they see and do; nothing for someone who may not enter.

    Returns:
        The user as they are now.

    Raises:
        NotFound: `users.not_found`.
        Forbidden: `users.not_an_operator`.
        Conflict: `users.own_access`, for an operator's own.
    """
    user = _lock(actor, user_id)
    wanted = {right.pk: right.codename for right in rights} if is_staff else {}
    held = dict(user.user_permissions.values_list("pk", "codename"))
    if user.is_staff == is_staff and held.keys() == wanted.keys():
        return user
    _require_another(actor, user)
    before = {"is_staff": user.is_staff, "rights": sorted(held.values())}
    user.is_staff = is_staff
    user.save(update_fields=["is_staff"])
    user.user_permissions.set(wanted)
    record_account_event(
        actor=actor,
        account=None,
        action="user.staff_changed",
        resource=user,
        label=user.email,
        before=before,
        after={"is_staff": is_staff, "rights": sorted(wanted.values())},
    )
    return user


def _require_another(actor: TeamActor, user: User) -> None:
    if actor.id == user.pk:
        raise Conflict("users.own_access", "Nobody changes their own access; ask another operator.")
