"""A Source row during a poll: claimed by one worker at a time, with an outcome that says when to look next, and why."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError, TransientError
from publisher.models import Notice, Source, User
from publisher.models.probe import Moment
from publisher.sources import SOURCES
from publisher.sources.contract import Poll
from publisher.vocabulary import NoticeKind, RoleKind, SourceStatus

LEASE = timedelta(seconds=120)
RENEW_AFTER = timedelta(seconds=20)
MAX_STRIKES = 3
MAX_PERMANENT_FAILURES = 20
SHORTEST_WAIT_S = 60
LONGEST_WAIT_S = 86_400
_JITTER = 0.1

STOPPED_WORKER = gettext_noop(
    "Reading “%(source)s” stopped the worker three times, so it is not tried any more. "
    "Look at what its address gives, then start the source again."
)
GONE = gettext_noop(
    "The website says that “%(source)s” is gone for good. The source is paused: find its new address, or delete it."
)
NOT_TRIED_ANY_MORE = gettext_noop(
    "“%(source)s” could not be read %(times)s times in a row, so it is not tried any more. The source itself says why."
)


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

    def succeeded(self, source: Source, poll: Poll, state: dict[str, Any], *, new: bool) -> None:
        """The source was read."""
        now = timezone.now()
        self._end(
            state=state,
            failures=0,
            last_error={},
            last_polled_at=now,
            next_poll_at=_after(
                SHORTEST_WAIT_S if poll.more else max(source.interval_s, min(poll.min_interval_s, LONGEST_WAIT_S))
            ),
            **({"last_new_item_at": now} if new else {}),
            **({} if poll.unchanged or poll.more else {"first_poll_done": True}),
        )

    def failed(self, error: OpslagError) -> None:
        """The source could not be read: later and later, at most a day; after 20 permanent failures never again."""
        source = self._row().defer("credentials").select_related("organisation").first()
        if source is None:
            return
        failures = source.failures + 1
        wait = min(source.interval_s * 2 ** min(failures, 20), LONGEST_WAIT_S)
        if isinstance(error, TransientError) and error.retry_after is not None:
            wait = max(SHORTEST_WAIT_S, min(int(error.retry_after), LONGEST_WAIT_S))
        broken = not isinstance(error, TransientError) and failures >= MAX_PERMANENT_FAILURES
        ended = self._end(
            failures=failures,
            last_error=error.explanation.as_json(),
            last_polled_at=timezone.now(),
            next_poll_at=_after(wait),
            **({"status": SourceStatus.BROKEN} if broken else {}),
        )
        if ended and broken:
            _alert(source, Explanation(NOT_TRIED_ANY_MORE, {"source": source.name, "times": str(failures)}))

    def gone(self, source: Source) -> Explanation:
        """The source said that it is gone for good; gives the words for that."""
        words = Explanation(GONE, {"source": source.name})
        if self._end(status=SourceStatus.PAUSED, last_error=words.as_json(), last_polled_at=timezone.now()):
            _alert(source, words)
        return words

    def _row(self) -> Any:
        return Source.objects.filter(pk=self.source_id, claim_id=self.id)

    def _end(self, **values: Any) -> bool:
        return bool(self._row().update(strikes=0, claim_id=None, lease_until=None, **values))


def due(now: Moment) -> QuerySet[Source]:
    """The sources to look at now."""
    return Source.objects.filter(_free(now), Q(next_poll_at__isnull=True) | Q(next_poll_at__lte=now))


def due_sources(now: datetime, limit: int = 50) -> list[int]:
    """Those that are `due`, the ones that wait longest first."""
    ordered = due(now).order_by(F("next_poll_at").asc(nulls_first=True), "pk")
    return list(ordered.values_list("pk", flat=True)[:limit])


def claim(source_id: int) -> Claim | None:
    """Take an active source for 120 s, counting a strike; None if another worker has it or it is not active."""
    now = timezone.now()
    mine = Claim(source_id, uuid.uuid4(), now)
    free = Source.objects.filter(_free(now), pk=source_id, strikes__lt=MAX_STRIKES)
    won = free.update(claim_id=mine.id, lease_until=now + LEASE, strikes=F("strikes") + 1)
    return mine if won else None


def give_up(source_id: int) -> bool:
    """Stop a source whose last three claims never ended: whatever it gives seems to kill its reader."""
    dangerous = Source.objects.filter(_free(timezone.now()), pk=source_id, strikes__gte=MAX_STRIKES)
    source = dangerous.defer("credentials").select_related("organisation").first()
    if source is None:
        return False
    words = Explanation(STOPPED_WORKER, {"source": source.name})
    stopped = dangerous.update(status=SourceStatus.BROKEN, last_error=words.as_json(), claim_id=None, lease_until=None)
    if stopped:
        _alert(source, words)
    return bool(stopped)


def _free(now: Moment) -> Q:
    polled = ~Q(kind__in=[kind for kind, plug_in in SOURCES.items() if not plug_in.polled])
    return polled & Q(status=SourceStatus.ACTIVE) & (Q(lease_until__isnull=True) | Q(lease_until__lt=now))


def _after(seconds: float) -> datetime:
    """A little later than asked, each time differently, so that sources do not all come due together."""
    return timezone.now() + timedelta(seconds=seconds * (1 + secrets.SystemRandom().uniform(0, _JITTER)))


def _alert(source: Source, words: Explanation) -> None:
    """A notice for each administrator: somebody has to look at the source."""
    owners = User.objects.filter(is_active=True, roles__organisation=source.organisation, roles__kind=RoleKind.OWNER)
    Notice.objects.bulk_create(
        Notice(
            organisation=source.organisation,
            kind=NoticeKind.ALERT,
            user=owner,
            address=owner.email,
            subject_kind="source",
            subject_id=source.pk,
            explanation=words.as_json(),
            due_at=timezone.now(),
        )
        for owner in owners
    )
