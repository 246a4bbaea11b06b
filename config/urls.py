"""Every address of the service."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

# Registers the <node:…> and <identity:…> converters before any address uses them.
import common.api.routing  # noqa: F401  # imported for what it registers
from config.admin import operators
from config.health import healthz, readyz
from config.openapi import openapi

docs = login_not_required(TemplateView.as_view(template_name="api/docs.html"))

api: list[URLPattern | URLResolver] = [
    # The decision's addresses first: they are asked for most, and an address is looked for in order.
    path("", include("assignments.api.urls")),
    path("", include("identities.api.urls")),
    path("", include("hierarchy.api.urls")),
    path("", include("environments.api.urls")),
    path("openapi.json", openapi, name="openapi"),
    path("docs", docs, name="api-docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(api)),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("admin/", operators.urls),
    path("", include("environments.web.urls")),
    path("", include("hierarchy.web.urls")),
    path("", include("assignments.web.urls")),
    path("", include("identities.web.urls")),
    path("", include("onboarding.web.urls")),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
# Asked for by allauth's rate limits.
handler429 = "config.errors.too_many_requests"
