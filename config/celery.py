"""The alarm clock: Celery wakes tasks that look at rows, and the rows are the truth.

A lost or repeated task changes nothing: messages are acknowledged late, one at a time, and every task
is harmless when it runs twice.
"""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

HEARTBEAT_SECONDS = 15

app = Celery("trellis")
app.conf.update(
    broker_url=settings.REDIS_URL or "filesystem://",
    broker_connection_retry_on_startup=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    enable_utc=True,
    timezone="UTC",
    beat_schedule={
        "heartbeat": {
            "task": "environments.tasks.beat_heart",
            "schedule": HEARTBEAT_SECONDS,
            # A heartbeat that waited tells nothing; the next one does.
            "options": {"expires": HEARTBEAT_SECONDS},
        },
    },
)
if not settings.REDIS_URL:
    # One folder is both ends of the wire; the transport does not make its folders itself.
    folders = {
        "data_folder_in": settings.CELERY_DIR / "queue",
        "data_folder_out": settings.CELERY_DIR / "queue",
        "control_folder": settings.CELERY_DIR / "control",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    app.conf.broker_transport_options = {name: str(path) for name, path in folders.items()}
app.autodiscover_tasks()
