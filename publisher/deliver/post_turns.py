"""Turns: what a worker does next about posts. It works for a slice, and what should be public by now comes first.

Nobody is woken for a single post: while workers are behind, each look would wake others for the same ones again.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from publisher.deliver import operations, post, reconcile
from publisher.schedule import dispatch

SLICE_S = 10.0
# For no longer does a worker go on with what it found: others have taken some of it, and more has fallen due.
FOUND_FOR_S = 0.5
# Each worker takes the first of these in an order of its own: all at once would ask for the same ones, and one gets it.
FIRST = 16


class Turn(NamedTuple):
    """A kind of work: the rows that wait for it, and what is done to one of them (nothing, if it is another's)."""

    find: Callable[[datetime], list[int]]
    do: Callable[[int], object]


TURNS = (
    Turn(post.to_publish, post.publish),
    Turn(dispatch.posts_to_start, lambda message_id: dispatch.start(message_id, timezone.now())),
    Turn(reconcile.to_reconcile, reconcile.reconcile),
    Turn(operations.to_carry_out, operations.carry_out),
    Turn(post.to_prepare, post.prepare),
    Turn(reconcile.to_confirm, reconcile.confirm),
)


def work_on_posts() -> bool:
    """Work for one slice; whether more was waiting at its end."""
    ends_s = time.monotonic() + SLICE_S
    # What waits again at once, whatever the reason, waits for the next slice: here nothing goes in circles.
    done: defaultdict[Turn, set[int]] = defaultdict(set)
    while time.monotonic() < ends_s:
        if not _take_turn(done) and not _wait_for_the_next():
            return False
    return True


def _wait_for_the_next() -> bool:
    """Until the instant of a post that begins very soon; false if there is none."""
    now = timezone.now()
    begins = dispatch.next_post_at(now)
    if begins is None:
        return False
    time.sleep((begins - now).total_seconds())
    return True


def _take_turn(done: defaultdict[Turn, set[int]]) -> bool:
    """Do some of the most pressing kind of work that there is; false if there is none."""
    for turn in TURNS:
        found = [pk for pk in turn.find(timezone.now()) if pk not in done[turn]][:FIRST]
        if found:
            random.shuffle(found)
            _do(turn, found, done[turn])
            return True
    return False


def _do(turn: Turn, found: list[int], done: set[int]) -> None:
    found_s = time.monotonic()
    for pk in found:
        if time.monotonic() > found_s + FOUND_FOR_S:
            return
        done.add(pk)
        turn.do(pk)
