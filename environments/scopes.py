"""What a caller may do in an environment, by the names the API shows; one table for keys and team roles."""

from django.db import models

from accounts.models import TeamRole


class Scope(models.TextChoices):
    """A right within one environment; an API key carries some, a full-access key and an owner carry all."""

    HIERARCHY_VIEW = "hierarchy.view"
    HIERARCHY_MANAGE = "hierarchy.manage"
    ROLES_VIEW = "rbac.view_roles"
    ROLES_MANAGE = "rbac.manage_roles"
    ASSIGNMENTS_VIEW = "rbac.view_assignments"
    ASSIGNMENTS_MANAGE = "rbac.manage_assignments"
    EVALUATE = "permissions.evaluate"
    IDENTITY_VIEW = "identity.view"
    IDENTITY_MANAGE = "identity.manage"
    KEY_VIEW = "api_key.view"
    KEY_MANAGE = "api_key.manage"
    AUDIT_VIEW = "audit.view"
    WEBHOOK_VIEW = "webhook.view"
    WEBHOOK_MANAGE = "webhook.manage"


ALL_SCOPES = frozenset(Scope)

# What a key that is bound to a node may carry: the rest holds for the whole environment.
BOUND_SCOPES = frozenset(
    {
        Scope.HIERARCHY_VIEW,
        Scope.HIERARCHY_MANAGE,
        Scope.ROLES_VIEW,
        Scope.ASSIGNMENTS_VIEW,
        Scope.ASSIGNMENTS_MANAGE,
        Scope.EVALUATE,
        Scope.IDENTITY_VIEW,
    }
)

_VIEW = frozenset(scope for scope in Scope if scope.value.rpartition(".")[2].startswith("view"))
_MEMBER = _VIEW | {Scope.EVALUATE, Scope.IDENTITY_MANAGE, Scope.ASSIGNMENTS_MANAGE}

SCOPES_OF_TEAM_ROLE: dict[str, frozenset[Scope]] = {
    TeamRole.OWNER: ALL_SCOPES,
    TeamRole.ADMIN: ALL_SCOPES,
    TeamRole.MEMBER: _MEMBER,
    TeamRole.VIEWER: _VIEW | {Scope.EVALUATE},
}
