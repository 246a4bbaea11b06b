"""What load balancers and operators ask: is the process alive, and is it ready to work?"""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from environments.queries import heartbeat_ages


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and is of this version; how long ago the worker showed itself, in seconds."""
    try:
        checks: dict[str, Any] = {
            "database": True,
            "migrated": not _pending_migrations(),
            "heartbeat_seconds": heartbeat_ages(),
        }
    except DatabaseError:
        checks = {"database": False}
    ready = checks["database"] and checks["migrated"]
    response = JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)
    response["Cache-Control"] = "no-store"
    if not ready:
        response["Retry-After"] = "5"
    return response


def _pending_migrations() -> list[Any]:
    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())
