"""Who acts on people and teams: the first argument of every service of this app."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from accounts.models import ActorType, User


@dataclass(frozen=True, slots=True)
class TeamActor:
    """A caller; what it may do in a team is read there, at the moment of the act.

    Args:
        type: user or system; no key acts on a team.
        id: the user's id; none for the system.
        label: what the log calls it.
        correlation_id: ties together what one request did; the request's id.
        is_bound: whether it may only what its role in the team allows; not so an operator and the product.
    """

    type: ActorType
    id: UUID | None
    label: str
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    is_bound: bool = True

    @classmethod
    def of_user(cls, user: User, correlation_id: str) -> TeamActor:
        """A person, bound by their role in each team.

        Args:
            user: who is signed in.
            correlation_id: the request's id.

        Returns:
            An actor.
        """
        return cls(ActorType.USER, user.pk, user.email, correlation_id)

    @classmethod
    def of_operator(cls, user: User, correlation_id: str) -> TeamActor:
        """A person who runs this installation; the admin decides what of it they may.

        Args:
            user: who is signed in to the admin.
            correlation_id: the request's id.

        Returns:
            An actor that no team role binds.
        """
        return cls(ActorType.USER, user.pk, user.email, correlation_id, is_bound=False)

    @classmethod
    def system(cls, label: str = "system") -> TeamActor:
        """The product itself: a command, a task.

        Args:
            label: what the log calls it.

        Returns:
            An actor that no team role binds.
        """
        return cls(ActorType.SYSTEM, None, label, is_bound=False)
