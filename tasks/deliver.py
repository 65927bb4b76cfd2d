"""Sending: lanes of bulk mail, posts, notices."""

from celery import shared_task
from django.utils import timezone

from publisher.deliver import lane, notice, post, reconcile
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.schedule import TICK_EXPIRES_S


@shared_task
def tick() -> None:
    """Wake workers for what is due."""
    now = timezone.now()
    if lane.wanted(now):
        wake(run_lane, queue=Queue.BULK, expires_s=TICK_EXPIRES_S)
    for delivery_id in post.to_publish(now):
        wake(publish, delivery_id, queue=Queue.SOCIAL)
    for delivery_id in reconcile.to_reconcile(now):
        wake(reconcile_post, delivery_id, queue=Queue.SOCIAL)
    for notice_id in notice.due_notices(now):
        wake(send_notice, notice_id, queue=Queue.URGENT)


@shared_task
def run_lane() -> None:
    """One slice of bulk sending; while there was work the next one follows at once, not at the next tick."""
    if lane.run_lane():
        wake(run_lane, queue=Queue.BULK, expires_s=TICK_EXPIRES_S)


@shared_task
def publish(delivery_id: int) -> None:
    """Publish one post."""
    post.publish(delivery_id)


@shared_task
def reconcile_post(delivery_id: int) -> None:
    """Find out about one uncertain post."""
    reconcile.reconcile(delivery_id)


@shared_task
def send_notice(notice_id: int) -> None:
    """Send one notice."""
    notice.send_notice(notice_id)
