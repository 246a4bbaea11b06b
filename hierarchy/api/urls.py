"""The addresses of the tree and of API keys; one node's own also deletes it, so it stands with assignments."""

from django.urls import path

from common.api.routing import row, rows
from hierarchy.api.keys import ApiKeyViewSet
from hierarchy.api.views import NodeViewSet

urlpatterns = [
    path("api-keys", ApiKeyViewSet.as_view(rows()), name="api-keys"),
    path("api-keys/<uuid:pk>", ApiKeyViewSet.as_view(row()), name="api-key"),
    path(
        "api-keys/<uuid:pk>/rotate-secret",
        ApiKeyViewSet.as_view({"post": "rotate"}),
        name="api-key-rotate",
    ),
    path("nodes", NodeViewSet.as_view(rows()), name="nodes"),
    path("nodes/parents", NodeViewSet.as_view({"get": "parents"}), name="node-parents"),
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
