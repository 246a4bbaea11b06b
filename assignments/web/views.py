"""Pages of what reaches up to invitations and assignments."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from assignments.services.keys import delete_key, invitations_sent_by
from common.text import counted
from environments.queries import get_key
from environments.scopes import Scope
from environments.web.workspace import open_workspace
from hierarchy.web.views import context_of


@never_cache
@require_http_methods(["GET", "POST"])
def api_key_delete(
    request: HttpRequest, account: str, environment: str, key_id: UUID
) -> HttpResponse:
    """What deleting a key means; when confirmed, the key deleted with the invitations that it has sent."""
    workspace = open_workspace(request, account, environment)
    workspace.actor.require(Scope.KEY_MANAGE)
    key = get_key(workspace.environment, key_id)
    if request.method == "GET":
        context = {
            "key": key,
            "invitation_count": invitations_sent_by(key).count(),
            **context_of(workspace),
        }
        return render(request, "assignments/api_key_delete.html", context)
    revoked = delete_key(actor=workspace.actor, environment=workspace.environment, key_id=key_id)
    ended = f", and {counted(revoked, 'pending invitation')} revoked" if revoked else ""
    messages.success(request, f"{key.name} is deleted from {workspace.environment.name}{ended}.")
    return redirect("api-key-list", account, environment)
