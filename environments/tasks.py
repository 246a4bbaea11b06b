"""What the worker does for environments."""

from celery import shared_task

from environments.services.heartbeats import record_heartbeat


@shared_task
def beat_heart() -> None:
    """Show that beat schedules and a worker works."""
    record_heartbeat(name="worker")
