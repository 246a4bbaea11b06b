"""The addresses of pages that concern assignments."""

from django.urls import path

from assignments.web import views
from environments.web.urls import PLACE

urlpatterns = [
    path(f"{PLACE}api-keys/<uuid:key_id>/delete", views.api_key_delete, name="api-key-delete"),
]
