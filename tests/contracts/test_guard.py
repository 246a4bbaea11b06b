"""Every act is listed: it asks the one guard before power moves, or it says why it moves none."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from common.errors import Forbidden
from hierarchy import guard
from identities.models import Identity, Invitation
from tests.contracts.operations import OPERATIONS, body_for, make_rows
from tests.contracts.test_isolation import fingerprint
from tests.rituals import error_of

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "environments", "hierarchy", "identities", "assignments", "onboarding")

# The acts that confer or move power, by the operation through which a program reaches them.
CONFERRING = {
    "POST /api/v1/api-keys": "hierarchy.services.keys.create_api_key",
    "POST /api/v1/api-keys/<uuid:pk>/rotate-secret": "hierarchy.services.keys.rotate_api_key",
    "PATCH /api/v1/api-keys/<uuid:pk>": "hierarchy.services.keys.set_api_key_active",
    "DELETE /api/v1/api-keys/<uuid:pk>": "assignments.services.keys.delete_key",
    "POST /api/v1/assignments": "assignments.services.assign.assign_role",
    "POST /api/v1/assignments/bulk-create": "assignments.services.assign.assign_roles",
    "PATCH /api/v1/assignments/<uuid:pk>": "assignments.services.change.change_assignment",
    "POST /api/v1/assignments/bulk-change-role": "assignments.services.bulk.change_roles",
    "POST /api/v1/batches/<uuid:pk>/undo": "assignments.services.undo.undo_batch",
    "POST /api/v1/identities": "assignments.services.people.create_assigned_identity",
    "POST /api/v1/identities/<identity:pk>/activate": "identities.services.change.update_identity",
    "POST /api/v1/identity-invites": "assignments.services.invite.invite_identity",
    "POST /api/v1/identity-invites/bulk-create": "assignments.services.invite.invite_identities",
    "POST /api/v1/identity-invites/<uuid:pk>/resend": "assignments.services.invitations.resend_invitation",
    "PATCH /api/v1/nodes/<node:pk>": "hierarchy.services.nodes.update_node",
    "POST /api/v1/nodes/<node:pk>/move": "hierarchy.services.nodes.move_node",
    "POST /api/v1/roles": "assignments.services.roles.create_role",
    "PATCH /api/v1/roles/<uuid:pk>": "assignments.services.roles.update_role",
    "PUT /api/v1/roles/<uuid:pk>/permissions": "assignments.services.role_permissions.set_role_permissions",
    "POST /api/v1/roles/<uuid:pk>/permissions": "assignments.services.role_permissions.set_role_permissions",
}
# Acts after which nobody may do more than before; each by its scope, and by what it can see.
MOVE_NO_POWER = {
    "assignments.services.bulk.revoke_assignments": "takes away",
    "assignments.services.invitations.revoke_invitation": "takes away",
    "assignments.services.permissions.create_permissions": "no role carries a new permission",
    "assignments.services.permissions.update_permission": "its name says nothing to a decision",
    "assignments.services.permissions.delete_permission": "takes away",
    "assignments.services.removal.delete_node": "takes away",
    "assignments.services.removal.remove_identity": "takes away",
    "assignments.services.revoke.revoke_assignment": "takes away",
    "assignments.services.role_deletion.delete_role": "takes away",
    "environments.services.outbox.retry_dead_items": "sends what was decided before; operators only",
    "hierarchy.services.bulk.create_nodes": "a place where nothing is yet",
    "hierarchy.services.environments.create_environment": "an environment where nobody is yet",
    "hierarchy.services.nodes.create_node": "a place where nothing is yet",
    "hierarchy.services.schema.change_schema": "says how nodes nest, grants nothing",
    "identities.services.identities.create_identity": "someone who holds nothing",
    "identities.services.identities.create_identities": "people who hold nothing",
}
# Acts on the places in a team: they ask the guard of teams, which tests/accounts puts to the test.
IN_A_TEAM = {
    "accounts.services.team.add_team_member",
    "accounts.services.team.change_team_role",
    "accounts.services.team.remove_team_member",
    "assignments.services.team.change_place",
}
# What only an operator may do, and what opens an account for someone new; no program reaches them.
FROM_OUTSIDE = {
    "accounts.services.accounts.rename_account",
    "accounts.services.events.record_account_event",
    "accounts.services.users.set_staff",
    "accounts.services.users.set_user_active",
    "onboarding.services.accounts.open_account",
    "onboarding.services.demo.make_demo_link",
    "onboarding.services.provisioning.provision_account",
    "onboarding.services.sample.load_sample",
    "onboarding.services.sign_up.open_account_by_sign_up",
}
# What an act above does inside, under its locks and after its guard; and what only the product itself calls.
PARTS = {
    "assignments.services.invitations.revoke_sent",
    "hierarchy.services.keys.delete_api_key",
    "assignments.services.assign.write_assignments",
    "assignments.services.change.write_changes",
    "assignments.services.revoke.revoke_rows",
    "assignments.services.roles.lock_role",
    "assignments.services.roles.require_power_over_roles",
    "environments.services.audit.record",
    "environments.services.audit.record_many",
    "environments.services.batches.open_batch",
    "hierarchy.services.deletion.mark_subtree_deleted",
    "hierarchy.services.restore.restore_nodes",
    "hierarchy.services.taking_back.mark_nodes_deleted",
    "identities.services.identities.write_identity",
    "identities.services.statuses.end_invitations",
    "identities.services.statuses.end_pending",
    "identities.services.statuses.mark_identities_removed",
}
BY_NAME = {str(operation): operation for operation in OPERATIONS}


def acts() -> Iterator[str]:
    """The public functions of services that take an actor and are no plans."""
    for app in APPS:
        for file in sorted((ROOT / app).rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            if ".services" not in module:
                continue
            for node in ast.parse(file.read_text()).body:
                if not isinstance(node, ast.FunctionDef) or node.name.startswith(("_", "plan_")):
                    continue
                if any(a.arg == "actor" for a in (*node.args.args, *node.args.kwonlyargs)):
                    yield f"{module}.{node.name}"


def test_every_act_is_listed_once() -> None:
    listed = [*set(CONFERRING.values()), *MOVE_NO_POWER, *IN_A_TEAM, *FROM_OUTSIDE, *PARTS]

    assert len(listed) == len(set(listed))
    assert set(acts()) == set(listed), "Say whether the new act moves power, and how it is guarded."


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard refuses everything, wherever it was imported."""

    def refuse(*arguments: Any, **named: Any) -> NoReturn:
        raise Forbidden("guarded", "The guard was asked.")

    # Kept aside: the guard's own module is among those that are patched on the way.
    asked = guard.require_power
    for module in list(sys.modules.values()):
        if getattr(module, "require_power", None) is asked:
            monkeypatch.setattr(module, "require_power", refuse)


@pytest.fixture
def prepared(api: APIClient) -> Any:
    """Rows about which each act is more than no change."""
    rows = make_rows(api)
    Invitation.objects.update(renewed_at=F("renewed_at") - timedelta(hours=1))
    Identity.objects.filter(pk=rows["identities"]).update(status="inactive")
    return rows


@pytest.mark.django_db
@pytest.mark.parametrize("name", CONFERRING)
def test_a_shut_guard_stops_it(name: str, api: APIClient, prepared: Any, shut: None) -> None:
    operation = BY_NAME[name]
    if operation.resource != "identities" or "activate" not in name:
        Identity.objects.filter(pk=prepared["identities"]).update(status="active")
    body = body_for(operation, prepared)
    if name == "PATCH /api/v1/roles/<uuid:pk>":
        body = {"is_active": False}
    if operation.address.endswith("/permissions"):
        body = {"permission_keys": ["thing.read", "thing.write"]}
        api.post("/api/v1/permissions", {"permissions": [{"key": "thing.write"}]}, format="json")
    before = fingerprint()
    pk = prepared[operation.resource] if operation.names_a_row else None

    error_of(operation.send(api, pk, body), 403, "guarded")

    assert fingerprint() == before
