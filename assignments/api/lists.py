"""How lists of assignments are narrowed and ordered, wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q

from assignments.api.serializers import holder_row
from assignments.models import AssignmentQuerySet
from common.api.pagination import ordered, paged
from environments.models import Environment
from hierarchy.queries import get_node

_COLUMNS: Final = {
    "name": ("identity__first_name", "identity__last_name", "identity__email"),
    "role": ("role__name",),
    "access_type": ("access_type",),
    "created_at": ("created_at",),
}


def holders_page(
    environment: Environment, rows: AssignmentQuerySet, params: Mapping[str, Any]
) -> dict[str, Any]:
    """A page of assignments with the names around them.

    Args:
        environment: whose assignments.
        rows: with their state and `access_type`; revoked ones are shown only when asked for.
        params: validated `HolderQuery` parameters.

    Returns:
        The page as the API promises it.

    Raises:
        NotFound: `nodes.not_found`, for a source node that is not there.
    """
    state = params.get("status")
    rows = rows.filter(Q(state=state)) if state else rows.unrevoked()
    if "role_id" in params:
        rows = rows.filter(role=params["role_id"])
    if "source_node_id" in params:
        rows = rows.filter(node=get_node(environment, params["source_node_id"]))
    if "access_type" in params:
        rows = rows.filter(Q(access_type=params["access_type"]))
    if "q" in params:
        rows = rows.search(params["q"])
    return paged(ordered(rows.with_names(), params, _COLUMNS), params, holder_row)
