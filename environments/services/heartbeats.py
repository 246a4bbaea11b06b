"""Signs of life of recurring processes."""

from django.db.models.functions import Now

from environments.models import Heartbeat


def record_heartbeat(*, name: str) -> None:
    """Write that a process is alive, by the database's clock.

    Args:
        name: of the process.
    """
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=Now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at"],
    )
