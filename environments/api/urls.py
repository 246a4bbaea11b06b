"""The addresses of an environment's own API; hierarchy holds those of keys, whose guard knows nodes."""

from django.urls import path

from environments.api.audit import AuditEventViewSet

_event = AuditEventViewSet.as_view

urlpatterns = [
    path("audit-events", _event({"get": "list"}), name="audit-events"),
    path("audit-events/<uuid:pk>", _event({"get": "retrieve"}), name="audit-event"),
]
