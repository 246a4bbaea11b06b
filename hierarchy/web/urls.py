"""The addresses of the pages of API keys; the one that deletes stands with invitations."""

from django.urls import path

from environments.web.urls import PLACE
from hierarchy.web import views

urlpatterns = [
    path(f"{PLACE}api-keys", views.api_key_list, name="api-key-list"),
    path(f"{PLACE}api-keys/new", views.api_key_new, name="api-key-new"),
    path(
        f"{PLACE}api-keys/<uuid:key_id>/enable",
        views.api_key_switch,
        {"is_active": True},
        name="api-key-enable",
    ),
    path(
        f"{PLACE}api-keys/<uuid:key_id>/disable",
        views.api_key_switch,
        {"is_active": False},
        name="api-key-disable",
    ),
]
