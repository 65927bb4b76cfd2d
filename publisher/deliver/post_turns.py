"""Turns: what a worker does next about posts. It works for a slice, and what should be public by now comes first.

A server that answers slowly holds up what is for it, and nothing else (server_room). Nobody is woken for a single
post: while workers are behind, each look would wake others for the same ones again.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.db.models import Model
from django.utils import timezone

from publisher.deliver import operations, post, reconcile
from publisher.deliver.server_room import in_turn, room_at, server_of
from publisher.models import Delivery, Operation, PostPart
from publisher.schedule import dispatch

SLICE_S = 10.0
# For no longer does a worker go on with what it found: others have taken some of it, and more has fallen due.
FOUND_FOR_S = 0.5
# Each worker takes the first of these in an order of its own: all at once would ask for the same ones, and one gets it.
FIRST = 16


class Turn(NamedTuple):
    """A kind of work: the rows that wait for it, and what is done to one of them (nothing, if it is another's).

    `rows` and `account` lead to the channel whose server is called.
    """

    find: Callable[[datetime], list[int]]
    do: Callable[[int], object]
    rows: type[Model] = Delivery
    account: str = "account"


class TurnForAll(NamedTuple):
    """A kind of work that calls no server, and is done to all that waits for it together."""

    find: Callable[[datetime], list[int]]
    do_all: Callable[[list[int]], object]


TURNS = (
    Turn(post.to_publish, post.publish),
    TurnForAll(dispatch.posts_to_start, lambda messages: dispatch.start_posts(messages, timezone.now())),
    Turn(reconcile.to_reconcile, reconcile.reconcile),
    Turn(operations.to_carry_out, operations.carry_out, Operation, "part__delivery__account"),
    Turn(post.to_prepare, post.prepare),
    Turn(reconcile.to_confirm, reconcile.confirm, PostPart, "delivery__account"),
)


def work_on_posts() -> bool:
    """Work for one slice; whether more was waiting at its end, of which something can be done."""
    ends_s = time.monotonic() + SLICE_S
    # What waits again at once, whatever the reason, waits for the next slice: here nothing goes in circles.
    done: defaultdict[Turn | TurnForAll, set[int]] = defaultdict(set)
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


def _take_turn(done: defaultdict[Turn | TurnForAll, set[int]]) -> bool:
    """Do some of the most pressing kind of work that there is; false if there is none, or no room for it."""
    for turn in TURNS:
        found = [pk for pk in turn.find(timezone.now()) if pk not in done[turn]]
        if found and isinstance(turn, TurnForAll):
            done[turn].update(found)
            turn.do_all(found)
            return True
        if found and isinstance(turn, Turn) and _do(turn, found, done[turn]):
            return True
    return False


def _do(turn: Turn, found: list[int], done: set[int]) -> bool:
    """Whether there was room for any of them. Each server gets its turn, however many wait for another."""
    found_s, servers, full = time.monotonic(), _servers(turn, found), set[str]()
    first = in_turn(found, servers)
    # The first of each server stay at the front; among equals each worker has an order of its own.
    some = first[:FIRST]
    random.shuffle(some)
    tried = 0
    for pk in [*some, *first[FIRST:]]:
        server = servers.get(pk, "")
        if server in full:
            continue
        if tried and (time.monotonic() > found_s + FOUND_FOR_S or tried >= FIRST):
            break
        with room_at(server) as room:
            if room:
                tried += 1
                done.add(pk)
                turn.do(pk)
            else:
                full.add(server)
    return tried > 0


def _servers(turn: Turn, found: list[int]) -> dict[int, str]:
    """Which server each of them calls."""
    rows = turn.rows._default_manager.filter(pk__in=found)
    told = rows.values_list("pk", f"{turn.account}__kind", f"{turn.account}__config")
    return {pk: server_of(kind, config or {}) for pk, kind, config in told}
