"""What comes after: recovery, finishing, reading back, heartbeats."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from celery import shared_task
from django.utils import timezone

from publisher.deliver import finish, notice, post, reconcile, recover
from publisher.operate.heartbeat import beat
from publisher.review.settling import resend_by_policy
from publisher.review.withdraw import cancel_leftovers
from publisher.track import breaker
from publisher.track.counters import check_recent
from publisher.track.events import anything_waits, apply_waiting
from publisher.track.inbound import forwarding, mailbox
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.isolation import do_all
from tasks.schedule import TICK_EXPIRES_S


@shared_task
def tick() -> None:
    """Give dead claims their outcome, finish what is done, read back what was published."""
    now = timezone.now()
    steps = (
        post.give_up_dead_claims,
        notice.give_up_dead_notices,
        _cancel,
        finish.reopen_leftovers,
        _finish,
        breaker.look_again,
        _confirm,
        recover.give_up_lost_claims,
        _apply,
        resend_by_policy,
        _look_into_mailbox,
        _forward,
    )
    do_all(partial(step, now) for step in steps)


def _cancel(_now: datetime) -> None:
    cancel_leftovers()


def _finish(now: datetime) -> None:
    do_all(partial(_finish_one, message_id, now) for message_id in finish.to_finish())


def _finish_one(message_id: int, now: datetime) -> None:
    if finish.finish(message_id, now):
        # It may have been too short to be judged while it went out.
        breaker.look_at([message_id], now)


def _confirm(now: datetime) -> None:
    for part_id in reconcile.to_confirm(now):
        wake(confirm_post, part_id, queue=Queue.SOCIAL)


def _apply(_now: datetime) -> None:
    if anything_waits():
        _wake_apply_reports()


def _wake_apply_reports() -> None:
    # The next tick asks again: those that a busy worker did not take soon would only stand before other work.
    wake(apply_reports, queue=Queue.TRACK, expires_s=TICK_EXPIRES_S)


def _look_into_mailbox(now: datetime) -> None:
    if mailbox.is_due(now):
        wake(look_into_mailbox, queue=Queue.TRACK)


def _forward(now: datetime) -> None:
    for mail_id in forwarding.due_forwards(now):
        wake(forward_reply, mail_id, queue=Queue.TRACK)


@shared_task
def apply_reports() -> None:
    """Apply what came back, for a moment; what is left then is for the next, so that other work gets its turn."""
    # Without any applied, what waits is being handed over at this moment, or another worker has it.
    if apply_waiting(timezone.now()) and anything_waits():
        _wake_apply_reports()


@shared_task
def look_into_mailbox() -> None:
    """Fetch what came back."""
    mailbox.look_into(timezone.now())


@shared_task
def forward_reply(mail_id: int) -> None:
    """Send one reply on to its newsletter's office."""
    forwarding.forward(mail_id)


@shared_task
def check_counts() -> None:
    """Compare the live figures with the rows."""
    check_recent(timezone.now())


@shared_task
def confirm_post(part_id: int) -> None:
    """Read one published part back."""
    reconcile.confirm(part_id)


@shared_task
def heartbeat(queue: str) -> None:
    """Note that a worker listens to this queue."""
    beat(f"queue:{queue}")
