"""Pace: how many may leave now, by GCRA in Redis. One call reserves for a whole batch; Redis keeps the time.

The generic cell rate algorithm (ITU-T I.371) keeps one number for each line: the instant at which the next one would
be due if all came evenly. A line is the transport, or one destination. Redis may forget it (FLUSHALL, a restart): then
once more as many leave as may at one instant, and nothing else is lost.

Where Redis does not answer, nothing is granted: workers are woken through it, so waiting costs nothing more, and no
other answer keeps a promise to a mail server that several machines share. Who has no pace never asks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings

from publisher.paces import Pace

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
# When to ask again if Redis does not answer.
AWAY_S = 1.0

# For each line: interval and most at once, and how many are wanted (negative: given back). Times in microseconds.
# Answers for each line: how many are granted, and how long until the next one may leave.
_SCRIPT = """
local now = tonumber(ARGV[1])
if not now then
    local clock = redis.call('TIME')
    now = clock[1] * 1000000 + clock[2]
end
local answers = {}
for number, key in ipairs(KEYS) do
    local interval = tonumber(ARGV[3 * number - 1])
    local burst = tonumber(ARGV[3 * number])
    local wanted = tonumber(ARGV[3 * number + 1])
    local due = math.max(tonumber(redis.call('GET', key) or 0), now)
    local granted = math.min(wanted, math.floor((now + burst * interval - due) / interval + 1e-6))
    if wanted > 0 then granted = math.max(granted, 0) else granted = wanted end
    if granted ~= 0 then
        due = math.max(due + granted * interval, now)
        redis.call('SET', key, string.format('%.3f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
    end
    answers[2 * number - 1] = granted
    answers[2 * number] = math.ceil(math.max(due + interval - burst * interval - now, 0))
end
return answers
"""


@dataclass(frozen=True)
class Want:
    """So many of one line; `key` names the line, `number` below zero gives back."""

    key: str
    interval_s: float
    burst: int
    number: int


@dataclass(frozen=True)
class Grant:
    """So many may leave now; `wait_s`: seconds until one more may."""

    number: int
    wait_s: float


def reserve(wants: Sequence[Want], *, now_s: float | None = None) -> list[Grant]:
    """What is granted of each want, in one round trip; nothing where Redis does not answer.

    `now_s` is for tests, which have their own clock.
    """
    if not wants:
        return []
    values: list[str] = ["" if now_s is None else repr(round(now_s * 1e6))]
    for want in wants:
        values += [repr(want.interval_s * 1e6), str(want.burst), str(want.number)]
    try:
        answers = _client(settings.REDIS_URL).eval(_SCRIPT, len(wants), *(want.key for want in wants), *values)
    except (redis.RedisError, ValueError) as error:
        log.warning("Redis does not answer, so nothing leaves at a pace: %s", type(error).__name__)
        return [Grant(0, AWAY_S) for _ in wants]
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return [Grant(int(number), int(wait) / 1e6) for number, wait in pairs]


def transport_line(pace: Pace, number: int) -> Want:
    """The line of the configured transport, all lanes of all machines together."""
    return Want(f"opslag:pace:{settings.OPSLAG_TRANSPORT}", pace.interval_s, pace.burst, number)


def destination_line(name: str, per_minute: float, number: int) -> Want:
    """The line of a destination that is tried again after a rest."""
    return Want(f"opslag:pace:to:{name}", 60 / per_minute, max(1, round(per_minute / 60)), number)


@lru_cache(maxsize=2)
def _client(url: str) -> redis.Redis:
    """One client a process. Celery's word for a socket is not redis-py's. Raises ValueError without an address."""
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        decode_responses=True,
    )
