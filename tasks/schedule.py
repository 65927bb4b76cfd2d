"""Celery's settings, its queues, and what beat sends when; everything in UTC."""

from __future__ import annotations

from django.conf import settings
from kombu import Queue as KombuQueue

from publisher.vocabulary import Queue

TICK_EXPIRES_S = 5.0


def _tick(task: str, every_s: float, queue: Queue = Queue.TICK) -> dict[str, object]:
    return {"task": task, "schedule": every_s, "options": {"queue": str(queue), "expires": TICK_EXPIRES_S}}


def _heartbeat(queue: Queue) -> dict[str, object]:
    # It may wait behind a lane's slice, so it lives longer than a tick.
    return {
        "task": "tasks.track.heartbeat",
        "schedule": 15.0,
        "args": (str(queue),),
        "options": {"queue": str(queue), "expires": 60},
    }


BEAT_SCHEDULE = {
    "every-second": _tick("tasks.tick.every_second", 1.0),
    "counts": _tick("tasks.track.check_counts", 3600.0, Queue.TRACK),
    "channels": _tick("tasks.track.look_after_channels", 600.0, Queue.TRACK),
    "figures": _tick("tasks.track.look_for_figures", 30.0, Queue.TRACK),
    "comments": _tick("tasks.track.tell_of_comments", 600.0, Queue.TRACK),
    "consents": _tick("tasks.track.tell_of_consents", 3600.0, Queue.TRACK),
    **{f"heartbeat-{queue}": _heartbeat(queue) for queue in Queue},
}

BROKER: str = settings.REDIS_URL
LOG_LEVEL: str = settings.OPSLAG_LOG_LEVEL

CONFIGURATION: dict[str, object] = {
    "timezone": "UTC",
    "enable_utc": True,
    "task_queues": [KombuQueue(str(queue)) for queue in Queue],
    "task_default_queue": str(Queue.TICK),
    "task_create_missing_queues": False,
    # No results, late acknowledgement, one at a time: a task lost or delivered twice harms nothing, the rows decide.
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": False,
    "worker_prefetch_multiplier": 1,
    "task_soft_time_limit": 600,
    "task_time_limit": 660,
    "worker_soft_shutdown_timeout": 15.0,
    "worker_enable_soft_shutdown_on_idle": True,
    "worker_max_tasks_per_child": 20_000,
    "worker_max_memory_per_child": 400_000,
    "worker_hijack_root_logger": False,
    # Celery's own support for Django would close it after each; see tasks.celery.
    "CELERY_DB_REUSE_MAX": 2**62,
    "worker_send_task_events": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
    "broker_transport_options": {
        "visibility_timeout": 3600,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "health_check_interval": 25,
    },
    "beat_schedule": BEAT_SCHEDULE,
}
