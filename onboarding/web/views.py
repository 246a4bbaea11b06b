"""Pages of beginning."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import TeamRole, User
from common.errors import NotFound
from common.middleware import request_id_of
from environments.actors import Actor
from environments.web.workspace import open_workspace
from onboarding.mail import read_letters
from onboarding.queries import Opening, example_question, holdings, opening
from onboarding.services.demo import is_demo_link, use_demo_link
from onboarding.services.sign_up import OpeningClosed, open_account_by_sign_up
from onboarding.web.forms import AccountForm


@never_cache
@require_GET
def overview(request: HttpRequest, account: str, environment: str) -> HttpResponse:
    """What an environment holds, and how a program begins with it."""
    workspace = open_workspace(request, account, environment)
    context = {
        "workspace": workspace,
        "nav": "overview",
        "holdings": holdings(workspace.environment),
        "example": example_question(workspace.environment),
        "base_url": settings.BASE_URL,
        "keys_url": reverse("api-key-list", args=[account, environment]),
        "new_key_url": reverse("api-key-new", args=[account, environment]),
    }
    return render(request, "onboarding/overview.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def account_new(request: HttpRequest) -> HttpResponse:
    """Opening an account for someone who is signed in; one of their own when sign-up made none."""
    if opening() is Opening.CLOSED:
        raise OpeningClosed
    form = AccountForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        context = {"form": form, "nav": "home"}
        return render(request, "onboarding/account_new.html", context, status=status)
    user = cast(User, request.user)
    open_account_by_sign_up(
        actor=Actor.of_user(user, TeamRole.OWNER, request_id_of(request)),
        user=user,
        name=form.cleaned_data["account_name"],
    )
    return redirect("home")


@login_not_required
@never_cache
@require_GET
def mail(request: HttpRequest) -> HttpResponse:
    """The mail of a local service; open to whoever sits at this machine, for the codes of signing up."""
    if not settings.MAIL_PAGE:
        raise Http404
    return render(request, "onboarding/mail.html", {"letters": read_letters(settings.MAIL_DIR)})


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def demo(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time link into the demo account: looking shows a button, which uses the link up."""
    if settings.PRODUCTION:
        raise Http404
    if request.method == "GET":
        usable = is_demo_link(token)
        template = "onboarding/demo.html" if usable else "onboarding/demo_gone.html"
        return render(request, template, status=200 if usable else 404)
    try:
        user = use_demo_link(token=token)
    except NotFound:
        return render(request, "onboarding/demo_gone.html", status=404)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("home")
