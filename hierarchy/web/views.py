"""Pages of API keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from environments.queries import keys_of
from environments.scopes import Scope
from environments.web.workspace import Workspace, open_workspace
from hierarchy.services.keys import create_api_key, set_api_key_active
from hierarchy.web.forms import ApiKeyForm


@never_cache
@require_GET
def api_key_list(request: HttpRequest, account: str, environment: str) -> HttpResponse:
    """The keys of an environment, newest first."""
    workspace = open_workspace(request, account, environment)
    workspace.actor.require(Scope.KEY_VIEW)
    context = {"keys": list(keys_of(workspace.environment)), **context_of(workspace)}
    return render(request, "hierarchy/api_key_list.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def api_key_new(request: HttpRequest, account: str, environment: str) -> HttpResponse:
    """The form for a new key; when it is made, the page that shows it for the only time."""
    workspace = open_workspace(request, account, environment)
    workspace.actor.require(Scope.KEY_MANAGE)
    form = ApiKeyForm(request.POST or None, scopes=workspace.actor.scopes)
    if form.is_valid():
        return _create(request, workspace, form)
    status = 422 if form.is_bound else 200
    context = {"form": form, **context_of(workspace)}
    return render(request, "hierarchy/api_key_new.html", context, status=status)


@sensitive_variables("text", "context")
def _create(request: HttpRequest, workspace: Workspace, form: ApiKeyForm) -> HttpResponse:
    # Shown in the answer itself: kept for a page to redirect to, it would stand in the session's row.
    key, text = create_api_key(
        actor=workspace.actor, environment=workspace.environment, **form.cleaned_data
    )
    context = {
        "key": key,
        "text": text,
        "base_url": settings.BASE_URL,
        "try_path": reverse("nodes"),
        **context_of(workspace),
    }
    return render(request, "hierarchy/api_key_created.html", context, status=201)


@never_cache
@require_POST
def api_key_switch(
    request: HttpRequest, account: str, environment: str, key_id: UUID, is_active: bool
) -> HttpResponse:
    """A key enabled or disabled."""
    workspace = open_workspace(request, account, environment)
    key = set_api_key_active(
        actor=workspace.actor,
        environment=workspace.environment,
        key_id=key_id,
        is_active=is_active,
    )
    messages.success(request, f"{key.name} is {'enabled' if is_active else 'disabled'}.")
    return redirect("api-key-list", account, environment)


def context_of(workspace: Workspace) -> dict[str, Any]:
    """What every page of API keys shows around its content.

    Args:
        workspace: where the page acts.

    Returns:
        For the template.
    """
    place = (workspace.environment.account.slug, workspace.environment.slug)
    return {
        "workspace": workspace,
        "nav": "api-keys",
        "list_url": reverse("api-key-list", args=place),
        "new_url": reverse("api-key-new", args=place),
    }
