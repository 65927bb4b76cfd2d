"""The tick: what beat sends each second. It looks for work of all stages at once, so an idle system costs little."""

from __future__ import annotations

import time

from celery import shared_task
from django.utils import timezone

from tasks import collect, deliver, prepare, track
from tasks.steps import Look

# What was promised to the second: mails and posts.
PROMPT = Look(*prepare.STEPS, *deliver.STEPS)
# The same, with what may wait a little: sources, rules, recovery, finishing.
ALL = Look(*PROMPT.steps, *prepare.PATIENT_STEPS, *collect.STEPS, *track.STEPS)
# A tick that finds them looked at less than so many seconds ago, by its own process, leaves them to the next one.
PATIENCE_S = 1.5


class _Clock:
    """When this process last looked at all, in seconds (monotonic). Another one's looks only add to its own."""

    looked_s = float("-inf")


@shared_task
def every_second() -> None:
    """Do what is due: all of it each other time. What a tick leaves is the next one's, so a lost one loses nothing."""
    now_s = time.monotonic()
    if now_s - _Clock.looked_s < PATIENCE_S:
        PROMPT(timezone.now())
        return
    _Clock.looked_s = now_s
    ALL(timezone.now())
