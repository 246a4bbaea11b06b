"""The addresses of identities; what also touches assignments stands with them."""

from django.urls import path

from identities.api.views import IdentityViewSet

urlpatterns = [
    path(
        "identities/bulk-create",
        IdentityViewSet.as_view({"post": "bulk_create"}),
        name="identities-bulk-create",
    ),
    path(
        "identities/<identity:pk>/activate",
        IdentityViewSet.as_view({"post": "activate"}),
        name="identity-activate",
    ),
    path(
        "identities/<identity:pk>/deactivate",
        IdentityViewSet.as_view({"post": "deactivate"}),
        name="identity-deactivate",
    ),
]
