"""Sending: lanes of bulk mail, posts, notices."""

from celery import shared_task
from django.utils import timezone

from publisher.deliver import lane, notice, post, reconcile
from publisher.vocabulary import Queue


@shared_task
def tick() -> None:
    """Wake workers for what is due."""
    now = timezone.now()
    if lane.wanted(now):
        run_lane.apply_async(queue=str(Queue.BULK), expires=5)
    for delivery_id in post.to_publish(now):
        publish.apply_async((delivery_id,), queue=str(Queue.SOCIAL))
    for delivery_id in reconcile.to_reconcile(now):
        reconcile_post.apply_async((delivery_id,), queue=str(Queue.SOCIAL))
    for notice_id in notice.due_notices(now):
        send_notice.apply_async((notice_id,), queue=str(Queue.URGENT))


@shared_task
def run_lane() -> None:
    """One slice of bulk sending."""
    lane.run_lane()


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
