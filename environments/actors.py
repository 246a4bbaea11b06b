"""Who acts: the first argument of every service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from accounts.models import User
from common.errors import Forbidden
from environments.models import ActorType, ApiKey
from environments.scopes import ALL_SCOPES, SCOPES_OF_TEAM_ROLE, Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller with what it may do in the environment it acts in.

    Args:
        type: user, api_key or system.
        id: the user's or key's id; none for the system.
        label: what the audit log calls it: an address, or a key's name.
        scopes: its rights in the environment.
        correlation_id: ties together what one request did; the request's id.
        expires_at: when a key ends, or the former text of a rotated one, so that it makes none that
            outlives it; none for no end.
        node_id: the node that a key is bound to, so that it acts only there and below; none for no bound.
    """

    type: ActorType
    id: UUID | None
    label: str
    scopes: frozenset[Scope]
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    expires_at: datetime | None = None
    node_id: UUID | None = None

    @classmethod
    def of_key(cls, key: ApiKey, correlation_id: str) -> Actor:
        """A program, by the key it called with.

        Args:
            key: the key.
            correlation_id: the request's id.

        Returns:
            An actor with the key's scopes.
        """
        return cls(
            ActorType.API_KEY,
            key.pk,
            key.name,
            key.scopes_in_effect,
            correlation_id,
            key.opens_until,
            key.node_id,
        )

    @classmethod
    def of_user(cls, user: User, team_role: str, correlation_id: str) -> Actor:
        """A person, by their role in the team of the environment's account.

        Args:
            user: who is signed in.
            team_role: their `TeamRole` in that account.
            correlation_id: the request's id.

        Returns:
            An actor with the role's scopes.
        """
        scopes = SCOPES_OF_TEAM_ROLE[team_role]
        return cls(ActorType.USER, user.pk, user.email, scopes, correlation_id)

    @classmethod
    def of_operator(cls, user: User, correlation_id: str) -> Actor:
        """A person who runs this installation; the admin decides what of it they may.

        Args:
            user: who is signed in to the admin.
            correlation_id: the request's id.

        Returns:
            An actor with every scope.
        """
        return cls(ActorType.USER, user.pk, user.email, ALL_SCOPES, correlation_id)

    @classmethod
    def system(cls, label: str = "system") -> Actor:
        """The product itself: a task, a command, the seeding of a new account.

        Args:
            label: what the audit log calls it.

        Returns:
            An actor with every scope.
        """
        return cls(ActorType.SYSTEM, None, label, ALL_SCOPES)

    def require(self, scope: str) -> None:
        """Refuse an act that needs a scope this actor lacks.

        Args:
            scope: the right the act needs.

        Raises:
            Forbidden: `scope_missing`, naming the scope and nothing else.
        """
        if scope not in self.scopes:
            raise Forbidden("scope_missing", f"This needs the scope {scope}.")
