"""What happens before the due instant: rules, compiling, freezing, uploads; and the start itself."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from publisher.deliver import post, post_trouble
from publisher.review import corrections, renewal
from publisher.rules import matching, wanted
from publisher.schedule import dispatch, healed, withdrawn
from publisher.vocabulary import Queue
from tasks.celery import wake
from tasks.deliver import tick as look_for_deliveries
from tasks.deliver import wake_for_posts
from tasks.schedule import TICK_EXPIRES_S
from tasks.steps import Look, Step


def _start(now: datetime) -> None:
    for message_id in dispatch.to_start(now):
        wake(start, message_id, queue=Queue.TICK)


def _freeze(now: datetime) -> None:
    for message_id in dispatch.to_freeze(now):
        wake(prepare, message_id, queue=Queue.PREPARE)


def _wake_rules(_now: datetime) -> None:
    # They take their time, and the next tick asks again.
    wake(rules, queue=Queue.PREPARE, expires_s=TICK_EXPIRES_S)


def _wake_corrections(_now: datetime) -> None:
    wake(correct, queue=Queue.PREPARE, expires_s=TICK_EXPIRES_S)


STEPS = (
    Step("start", dispatch.due, _start),
    Step("start_posts", dispatch.posts_soon, wake_for_posts),
    Step("freeze", dispatch.unfrozen, _freeze),
    Step("prepare_posts", post.unprepared, wake_for_posts),
)
PATIENT_STEPS = (
    Step("withdrawn", withdrawn.with_withdrawn_news, dispatch.hold_withdrawn),
    Step("healed", healed.held_for_account, healed.release_held),
    Step("delays", post_trouble.delayed, post_trouble.tell_of_delays),
    Step("changed", renewal.untold, renewal.tell_of_changes),
    Step("rules", wanted.with_work, _wake_rules),
    Step("corrections", corrections.changed, _wake_corrections),
)
_look = Look(*STEPS)


@shared_task
def tick() -> None:
    """Wake workers for what is to be frozen, uploaded or started."""
    _look(timezone.now())


@shared_task
def start(message_id: int) -> None:
    """Let one mail begin, and have its deliveries looked for now instead of at the next tick."""
    if dispatch.start(message_id, timezone.now()):
        wake(look_for_deliveries, queue=Queue.TICK, expires_s=TICK_EXPIRES_S)


@shared_task
def prepare(message_id: int) -> None:
    """Compile and freeze one mail; one that is due already is started now instead of at the next tick."""
    if dispatch.prepare(message_id, timezone.now()):
        wake(tick, queue=Queue.TICK, expires_s=TICK_EXPIRES_S)


@shared_task
def rules() -> None:
    """Let the rules look at new items."""
    matching.apply_rules(timezone.now())


@shared_task
def correct() -> None:
    """Make ready what corrects events that have changed."""
    corrections.prepare_corrections(timezone.now())
