"""Accepting an invitation."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from common.errors import NotFound
from common.middleware import request_id_of
from environments.api.limits import address_of
from environments.limits import WINDOW_SECONDS, limiter
from identities.links import open_link
from identities.models import Invitation
from identities.services.invitations import accept_invitation
from identities.web.forms import NamesForm

GONE: Final = 410


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: looking shows a button, which uses the link up."""
    guesses = f"invitation {address_of(request)}"[:120]
    if limiter.is_spent(guesses):
        wait = _page(request, "invitation_wait", status=429)
        wait["Retry-After"] = str(WINDOW_SECONDS)
        return wait
    try:
        row = open_link(token)
        return _accept(request, token, row) if request.method == "POST" else _show(request, row)
    except NotFound:
        limiter.take(guesses, settings.RATE_LIMIT_GUESSES)
        return _page(request, "invitation_dead", status=GONE)


@login_not_required
@require_GET
def accepted(request: HttpRequest) -> HttpResponse:
    """What is shown after an invitation was accepted."""
    return _page(request, "invitation_accepted")


def _show(request: HttpRequest, row: Invitation, form: NamesForm | None = None) -> HttpResponse:
    names = {"first_name": row.identity.first_name, "last_name": row.identity.last_name}
    context = {"invitation": row, "form": form or NamesForm(initial=names)}
    page = _page(request, "invitation", context, status=422 if form else 200)
    # A form that is sent with no-referrer carries `Origin: null`, which the check of forms refuses; so
    # the page tells no one its address, but itself where it came from.
    page["Referrer-Policy"] = "strict-origin"
    return page


def _accept(request: HttpRequest, token: str, row: Invitation) -> HttpResponse:
    form = NamesForm(request.POST)
    if not form.is_valid():
        return _show(request, row, form)
    # A name that was not sent is not changed; one that was emptied is.
    names = {
        name: form.cleaned_data[name] if name in request.POST else getattr(row.identity, name)
        for name in form.fields
    }
    accept_invitation(token=token, correlation_id=request_id_of(request), **names)
    return _private(redirect("invitation-accepted"))


def _page(
    request: HttpRequest, name: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    return _private(render(request, f"identities/{name}.html", context, status=status))


def _private(response: HttpResponse) -> HttpResponse:
    """Nobody keeps the page, or learns its address from a link on it."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
