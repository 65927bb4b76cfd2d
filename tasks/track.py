"""What comes after: recovery, finishing, reading back, heartbeats."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from publisher.accounts import alerts, health, renewal, signing_in
from publisher.deliver import finish, notice, operations, post, reconcile, recover
from publisher.operate.heartbeat import beat
from publisher.review import asking, photo_consent, settling, withdraw
from publisher.track import breaker, comments, events, figures
from publisher.track.counters import check_recent
from publisher.track.inbound import forwarding, mailbox
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.deliver import wake_for_posts
from tasks.schedule import TICK_EXPIRES_S
from tasks.steps import Step, do_all


def _finish(now: datetime) -> None:
    finish.finish_posts(now)
    do_all(partial(_finish_one, message_id, now) for message_id in finish.to_finish())


def _finish_one(message_id: int, now: datetime) -> None:
    # In one transaction: nobody would look at it again if this process died in between.
    with transaction.atomic():
        if finish.finish(message_id, now):
            # It may have been too short to be judged while it went out.
            breaker.look_at([message_id], now)


def _renew(now: datetime) -> None:
    for account_id in renewal.to_renew(now):
        wake(renew_account, account_id, queue=Queue.TRACK)


def _apply(_now: datetime) -> None:
    # The next tick asks again: those that a busy worker did not take soon would only stand before other work.
    wake(apply_reports, queue=Queue.TRACK, expires_s=TICK_EXPIRES_S)


def _look_into_mailbox(now: datetime) -> None:
    if mailbox.is_due(now):
        wake(look_into_mailbox, queue=Queue.TRACK)


def _forward(now: datetime) -> None:
    for mail_id in forwarding.due_forwards(now):
        wake(forward_reply, mail_id, queue=Queue.TRACK)


STEPS = (
    Step("dead_posts", post.dead_claims, post.give_up_dead_claims),
    Step("dead_notices", notice.dead, notice.give_up_dead_notices),
    Step("cancel", withdraw.leftovers, withdraw.cancel_leftovers),
    Step("reopen", finish.leftovers, finish.reopen_leftovers),
    Step("finish", lambda _now: finish.done(), _finish),
    Step("breaker", lambda _now: breaker.being_sent(), breaker.look_again),
    Step("confirm", reconcile.unconfirmed, wake_for_posts),
    # Before the step that has carried out what it asks for.
    Step("late", asking.appeared_late, asking.take_down_late),
    Step("operations", operations.due, wake_for_posts),
    Step("lost_claims", recover.expired, recover.give_up_lost_claims),
    Step("apply", events.not_applied, _apply),
    Step("by_policy", settling.by_policy, settling.resend_by_policy),
    # A mailbox that was never looked into has no row.
    Step("mailbox", None, _look_into_mailbox),
    Step("forward", forwarding.due, _forward),
    Step("renew", renewal.due, _renew),
)


@shared_task
def apply_reports() -> None:
    """Apply what came back, for a moment; what is left then is for the next, so that other work gets its turn."""
    # Without any applied, what waits is being handed over at this moment, or another worker has it.
    now = timezone.now()
    if events.apply_waiting(now) and events.anything_waits(now):
        _apply(now)


@shared_task
def look_into_mailbox() -> None:
    """Fetch what came back."""
    mailbox.look_into(timezone.now())


@shared_task
def forward_reply(mail_id: int) -> None:
    """Send one reply on to its newsletter's office."""
    forwarding.forward(mail_id)


@shared_task
def renew_account(account_id: int) -> None:
    """Renew one channel's access before it ends."""
    renewal.renew_ahead(account_id)


@shared_task
def look_after_channels() -> None:
    """Have channels asked that were not for a day, tell of those that end soon, forget sign-ins nobody finished."""
    now = timezone.now()
    do_all((partial(alerts.tell_of_ending, now), partial(signing_in.forget_old, now)))
    for account_id in health.to_check(now):
        wake(check_account, account_id, queue=Queue.TRACK)


@shared_task
def check_account(account_id: int) -> None:
    """Ask one channel's platform whether it still knows us."""
    health.check_one(account_id)


@shared_task
def look_for_figures() -> None:
    """Have platforms asked about the posts whose time it is."""
    now = timezone.now()
    do_all((partial(figures.begin, now), partial(figures.settle, now)))
    for account_id in figures.to_ask(now):
        wake(ask_for_figures, account_id, queue=Queue.TRACK)


@shared_task
def ask_for_figures(account_id: int) -> None:
    """Ask one channel's platform what it counts about some posts."""
    figures.ask(account_id)


@shared_task
def tell_of_comments() -> None:
    """Write the day's mails about new comments."""
    comments.tell_of_comments(timezone.now())


@shared_task
def check_counts() -> None:
    """Compare the live figures with the rows."""
    check_recent(timezone.now())


@shared_task
def heartbeat(queue: str) -> None:
    """Note that a worker listens to this queue."""
    beat(f"queue:{queue}")


@shared_task
def tell_of_consents() -> None:
    """Tell staff of photo consents that end soon."""
    photo_consent.tell_of_ending(timezone.now())
