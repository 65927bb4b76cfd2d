"""A Source row during a poll: claimed by one worker at a time, with an outcome that says when to look next, and why."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    When,
    Window,
)
from django.db.models.functions import Cast, RowNumber
from django.utils import timezone

from publisher.errors import Explanation, OpslagError, TransientError
from publisher.items.source_alerts import BROKEN_FOR_A_DAY, GONE, NOT_TRIED_ANY_MORE, STOPPED_WORKER, WORKS_AGAIN, alert
from publisher.models import Source
from publisher.models.change import Change
from publisher.models.given import Given
from publisher.models.probe import Instant, Moment
from publisher.models.reading import Reading
from publisher.sources import SOURCES
from publisher.sources.contract import Poll
from publisher.vocabulary import Reason, SourceStatus

LEASE = timedelta(seconds=120)
RENEW_AFTER = timedelta(seconds=20)
MAX_STRIKES = 3
SHORTEST_WAIT_S = 60
LONGEST_WAIT_S = 86_400
# A source that has been quiet is asked again after so small a part of that time, within these bounds.
QUIET_SHARE = 48
MOST_TIMES_ITS_INTERVAL = 4
LONGEST_QUIET_WAIT_S = 21_600
TELL_AFTER = timedelta(days=1)
MENDED_WITHIN = timedelta(days=1)
GIVE_UP_AFTER = timedelta(days=14)
# How long a host is left alone between two looks at it.
HOST_REST = timedelta(seconds=1)
_JITTER = 0.1


class ClaimLostError(Exception):
    """Another worker has taken the source over; what this one still knows is not for the row."""


@dataclass
class Claim:
    """One worker's right to poll one source; every outcome carries its id, so a late one changes nothing."""

    source_id: int
    id: uuid.UUID
    renewed_at: datetime

    def renew(self) -> None:
        """Keep the claim while work goes on. Raises ClaimLostError."""
        now = timezone.now()
        if now - self.renewed_at < RENEW_AFTER:
            return
        if not self._row().update(lease_until=now + LEASE):
            raise ClaimLostError
        self.renewed_at = now

    def source(self) -> Source:
        """The row as it is now. Raises Source.DoesNotExist."""
        for source in _SOURCE.ask(source=self.source_id):
            return source
        raise Source.DoesNotExist

    def succeeded(self, source: Source, poll: Poll, state: dict[str, Any], *, new: bool) -> None:
        """The source was read; what of it was damaged is said on its row all the same.

        A first look that lacks something is no first look yet: the rest of what lay there is no news. After a day it
        counts, since some feeds are never mended.
        """
        now = timezone.now()
        quiet_since = now if new or source.quiet_since is None else source.quiet_since
        lacks_something = poll.more or bool(poll.damage and now - quiet_since < MENDED_WITHIN)
        ended = _SUCCEED.make(
            now,
            {
                "source": self.source_id,
                "claim": self.id,
                "host": source.host,
                "state": state,
                "last_error": poll.damage.as_json() if poll.damage else {},
                "quiet_since": quiet_since,
                "next_poll_at": _after(
                    SHORTEST_WAIT_S
                    if poll.more
                    else _pause_s(source.interval_s, now - quiet_since, poll.min_interval_s)
                ),
                "last_new_item_at": now if new else source.last_new_item_at,
                "first_poll_done": source.first_poll_done or not (poll.unchanged or lacks_something),
            },
        )
        if ended and source.told_at:
            alert(source, Explanation(WORKS_AGAIN, {"source": source.name}))

    def failed(self, error: OpslagError) -> None:
        """The source could not be read: later and later, at most a day.

        Administrators are told once, after a day; after 14 days it is not tried any more. A server that asks us to come
        back later is not broken: its time does not count.
        """
        source = self._row().defer("credentials").select_related("organisation").first()
        if source is None:
            return
        now, is_busy = timezone.now(), error.reason == Reason.BUSY
        since = source.failing_since or (None if is_busy else now)
        lasting = timedelta(0) if is_busy or since is None else now - since
        gives_up, tells = lasting >= GIVE_UP_AFTER, lasting >= TELL_AFTER and source.told_at is None
        mark_s = None if is_busy or source.told_at else (TELL_AFTER - lasting).total_seconds()
        ended = self._end(
            failures=source.failures + 1,
            failing_since=since,
            last_error=error.explanation.as_json(),
            last_polled_at=now,
            next_poll_at=_after(_wait_s(source, error, mark_s)),
            **({"status": SourceStatus.BROKEN} if gives_up else {}),
            **({"told_at": now} if gives_up or tells else {}),
        )
        if ended and (gives_up or tells):
            words: dict[str, Any] = {"source": source.name, "why": error.explanation}
            given_up = Explanation(NOT_TRIED_ANY_MORE, words | {"days": str(GIVE_UP_AFTER.days)})
            alert(source, given_up if gives_up else Explanation(BROKEN_FOR_A_DAY, words))

    def gone(self, source: Source) -> Explanation:
        """The source said that it is gone for good; gives the words for that."""
        words = Explanation(GONE, {"source": source.name})
        if self._end(status=SourceStatus.PAUSED, last_error=words.as_json(), last_polled_at=timezone.now()):
            alert(source, words)
        return words

    def _row(self) -> Any:
        return Source.objects.filter(pk=self.source_id, claim_id=self.id)

    def _end(self, **values: Any) -> bool:
        return bool(self._row().update(strikes=0, claim_id=None, lease_until=None, **values))


_SUCCEED = Change(
    lambda: Source.objects.filter(pk=Given("source", BigIntegerField()), claim_id=Given("claim", UUIDField())),
    strikes=0,
    claim_id=None,
    lease_until=None,
    host=Given("host", CharField()),
    state=Given("state", JSONField()),
    failures=0,
    failing_since=None,
    told_at=None,
    last_error=Given("last_error", JSONField()),
    last_polled_at=Instant(),
    quiet_since=Given("quiet_since", DateTimeField()),
    next_poll_at=Given("next_poll_at", DateTimeField()),
    last_new_item_at=Given("last_new_item_at", DateTimeField()),
    first_poll_done=Given("first_poll_done", BooleanField()),
)
_SOURCE = Reading(lambda: Source.objects.filter(pk=Given("source", BigIntegerField())))


def due(now: Moment) -> QuerySet[Source]:
    """The sources to look at now."""
    return Source.objects.filter(_free(now), _is_due(now))


def due_sources(now: datetime, limit: int = 50) -> list[int]:
    """Those that are `due` and whose host is free, one of each host, the ones that wait longest first."""
    taken = Source.objects.filter(_keeps_its_host(now, rest=HOST_REST)).exclude(host="").values("host")
    longest_first = [F("next_poll_at").asc(nulls_first=True), F("pk").asc()]
    whose = Case(When(host="", then=Cast("pk", CharField())), default=F("host"))
    in_turn = due(now).exclude(host__in=taken).annotate(turn=Window(RowNumber(), whose, longest_first))
    return list(in_turn.filter(turn=1).order_by(*longest_first).values_list("pk", flat=True)[:limit])


def claim(source_id: int, *, due_only: bool = False) -> Claim | None:
    """Take an active source for 120 s, counting a strike; None if another worker has it or it is not active.

    None too while another source on its host is being read; with `due_only` also if one was a moment ago, or if it is
    not its time (the same work may have been asked for twice).
    """
    now = timezone.now()
    mine = Claim(source_id, uuid.uuid4(), now)
    for abandoned in (False, True):
        if abandoned and not _take_back_abandoned(source_id, now):
            return None
        try:
            with transaction.atomic():
                won = _TAKE[due_only].make(now, {"source": source_id, "claim": mine.id})
        except IntegrityError:
            continue  # only one claim stands on a host: somebody took it in this moment, or left it behind
        return mine if won else None
    return None


def _free_to_take(*, due_only: bool) -> QuerySet[Source]:
    """The source that is given, if it may be taken at the instant."""
    now = Instant()
    same_host = Source.objects.filter(
        _keeps_its_host(now, rest=HOST_REST if due_only else timedelta(0)), host=OuterRef("host")
    )
    return Source.objects.filter(
        ~Exists(same_host.exclude(host="").exclude(pk=OuterRef("pk"))),
        _free(now),
        *([_is_due(now)] if due_only else []),
        pk=Given("source", BigIntegerField()),
        strikes__lt=MAX_STRIKES,
    )


_TAKE = {
    due_only: Change(
        partial(_free_to_take, due_only=due_only),
        claim_id=Given("claim", UUIDField()),
        lease_until=Instant(LEASE),
        strikes=F("strikes") + 1,
    )
    for due_only in (False, True)
}


def _take_back_abandoned(source_id: int, now: datetime) -> int:
    """End the claims on a source's host whose time is up: nobody works on them any more."""
    host = Source.objects.filter(pk=source_id).values("host")
    over = Source.objects.filter(host=Subquery(host), lease_until__lt=now, claim_id__isnull=False)
    return over.exclude(pk=source_id).update(claim_id=None)


def give_up(source_id: int) -> bool:
    """Stop a source whose last three claims never ended: whatever it gives seems to kill its reader."""
    dangerous = Source.objects.filter(_free(timezone.now()), pk=source_id, strikes__gte=MAX_STRIKES)
    source = dangerous.defer("credentials").select_related("organisation").first()
    if source is None:
        return False
    words = Explanation(STOPPED_WORKER, {"source": source.name})
    stopped = dangerous.update(status=SourceStatus.BROKEN, last_error=words.as_json(), claim_id=None, lease_until=None)
    if stopped:
        alert(source, words)
    return bool(stopped)


def _free(now: Moment) -> Q:
    polled = ~Q(kind__in=[kind for kind, plug_in in SOURCES.items() if not plug_in.polled])
    return polled & Q(status=SourceStatus.ACTIVE) & (Q(lease_until__isnull=True) | Q(lease_until__lt=now))


def _is_due(now: Moment) -> Q:
    return Q(next_poll_at__isnull=True) | Q(next_poll_at__lte=now)


def _keeps_its_host(now: Moment, *, rest: timedelta) -> Q:
    return Q(lease_until__gte=now) | Q(last_polled_at__gt=now - rest, last_polled_at__lte=now)


def _pause_s(interval_s: int, quiet: timedelta, asked_s: int) -> float:
    """Seconds to the next look: its interval, up to four times that while it is quiet, more only if it is asked for."""
    longest = min(MOST_TIMES_ITS_INTERVAL * interval_s, LONGEST_QUIET_WAIT_S) / (1 + _JITTER)
    own = max(interval_s, min(quiet.total_seconds() / QUIET_SHARE, longest))
    return max(own, min(asked_s, LONGEST_WAIT_S))


def _wait_s(source: Source, error: OpslagError, mark_s: float | None) -> float:
    """Seconds after a failure: what the website names, else twice as long each time, with a look at `mark_s`."""
    if isinstance(error, TransientError) and error.retry_after is not None:
        return max(SHORTEST_WAIT_S, min(error.retry_after, LONGEST_WAIT_S))
    doubled: float = min(source.interval_s * 2 ** min(source.failures + 1, 20), LONGEST_WAIT_S / (1 + _JITTER))
    return doubled if mark_s is None or mark_s <= 0 else min(doubled, max(mark_s, SHORTEST_WAIT_S))


def _after(seconds: float) -> datetime:
    """A little later than asked, each time differently, so that sources do not all come due together."""
    return timezone.now() + timedelta(seconds=seconds * (1 + secrets.SystemRandom().uniform(0, _JITTER)))
