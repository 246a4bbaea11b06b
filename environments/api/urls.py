"""The addresses of an environment's own API."""

from django.urls import path

from common.api.routing import row, rows
from environments.api.views import ApiKeyViewSet

urlpatterns = [
    path("api-keys", ApiKeyViewSet.as_view(rows()), name="api-keys"),
    path("api-keys/<uuid:pk>", ApiKeyViewSet.as_view(row()), name="api-key"),
]
