"""Sending: lanes of bulk mail, posts, notices."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from publisher.deliver import lane, notice, post, post_turns, reconcile, recover, turns
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.schedule import TICK_EXPIRES_S
from tasks.steps import Look, Step

# So many begin to work on posts each second that there is work, until all workers do.
POST_WORKERS = 2


def _wake_to_recover(now: datetime) -> None:
    if recover.anything_to_recover(now):
        wake(run_lane, queue=Queue.BULK, expires_s=TICK_EXPIRES_S)


def _wake_lane(now: datetime) -> None:
    if lane.wanted(now):
        wake(run_lane, queue=Queue.BULK, expires_s=TICK_EXPIRES_S)


def wake_for_posts(_now: datetime) -> None:
    """Have posts worked on; workers that are at it already need no more of these, which then expire."""
    for _ in range(POST_WORKERS):
        wake(work_on_posts, queue=Queue.SOCIAL, expires_s=TICK_EXPIRES_S)


def _send_notices(now: datetime) -> None:
    for notice_id in notice.due_notices(now):
        wake(send_notice, notice_id, queue=Queue.URGENT)


STEPS = (
    # A lane begins by looking at the journals of dead ones, also where it finds no slot.
    Step("recover", recover.stale, _wake_to_recover),
    Step("lane", turns.due, _wake_lane),
    Step("publish", post.due, wake_for_posts),
    Step("reconcile", reconcile.uncertain, wake_for_posts),
    Step("notices", notice.due, _send_notices),
)
_look = Look(*STEPS)


@shared_task
def tick() -> None:
    """Wake workers for what is due."""
    _look(timezone.now())


@shared_task
def run_lane() -> None:
    """One slice of bulk sending; while there was work the next one follows at once, not at the next tick."""
    if lane.run_lane():
        wake(run_lane, queue=Queue.BULK, expires_s=TICK_EXPIRES_S)


@shared_task
def work_on_posts() -> None:
    """One slice of work on posts; while there was more the next one follows at once, not at the next tick."""
    if post_turns.work_on_posts():
        wake(work_on_posts, queue=Queue.SOCIAL, expires_s=TICK_EXPIRES_S)


@shared_task
def send_notice(notice_id: int) -> None:
    """Send one notice."""
    notice.send_notice(notice_id)
