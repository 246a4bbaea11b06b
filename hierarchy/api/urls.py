"""The addresses of the tree and of API keys; one row's own also deletes it, so it stands with assignments."""

from django.urls import path

from common.api.routing import rows
from hierarchy.api.keys import ApiKeyViewSet
from hierarchy.api.schema import HierarchySchemaViewSet
from hierarchy.api.views import NodeViewSet

urlpatterns = [
    path("api-keys", ApiKeyViewSet.as_view(rows()), name="api-keys"),
    path(
        "api-keys/<uuid:pk>/rotate-secret",
        ApiKeyViewSet.as_view({"post": "rotate"}),
        name="api-key-rotate",
    ),
    path(
        "hierarchy-schema",
        HierarchySchemaViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="hierarchy-schema",
    ),
    path("nodes", NodeViewSet.as_view(rows()), name="nodes"),
    path("nodes/parents", NodeViewSet.as_view({"get": "parents"}), name="node-parents"),
    path(
        "nodes/bulk-create",
        NodeViewSet.as_view({"post": "bulk_create"}),
        name="nodes-bulk-create",
    ),
    path("nodes/<node:pk>/move", NodeViewSet.as_view({"post": "move"}), name="node-move"),
    path("nodes/<node:pk>/tree", NodeViewSet.as_view({"get": "tree"}), name="node-tree"),
    path(
        "nodes/<node:pk>/ancestors",
        NodeViewSet.as_view({"get": "ancestors"}),
        name="node-ancestors",
    ),
    path(
        "nodes/<node:pk>/children", NodeViewSet.as_view({"get": "children"}), name="node-children"
    ),
]
