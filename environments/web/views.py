"""Pages of environments."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import User
from environments.web.workspace import environments_of


@never_cache
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The environments of every account that the person is in."""
    environments = environments_of(cast(User, request.user))
    return render(request, "environments/home.html", {"environments": environments, "nav": "home"})
