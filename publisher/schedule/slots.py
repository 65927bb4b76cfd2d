"""Posting times: the next one of an account at which nothing else of that account goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce

from publisher.models import Account, Campaign, Message, Slot
from publisher.schedule.quiet import Quiet
from publisher.schedule.times import recurring, wall_of
from publisher.vocabulary import CampaignStatus, MessageStatus

# A draft that was taken back keeps its time, and so does one that a rule planned.
_OCCUPIES = Q(status__in=(MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED)) | Q(
    status=MessageStatus.DRAFT, campaign__status__in=(CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW)
)


# Weeks more than there are planned messages: the clock change may let two posting times fall together, and Christmas
# may take two weeks' times from those who keep holidays quiet.
_WEEKS_MORE = 6


def next_slot(
    account: Account,
    after: datetime,
    *,
    taken: bool = True,
    but: Campaign | None = None,
    fits: Callable[[datetime], bool] | None = None,
) -> datetime | None:
    """The account's first posting time after the instant `after`, aware; None if it has none (that `fits`).

    Posting times are wall times in the organisation's zone. With `taken`, instants at which another message of the
    account is planned are left out; those of the campaign `but` are not. Nothing goes out in the account's quiet hours,
    nor on holidays that it keeps.
    """
    slots = list(Slot.objects.filter(account=account))
    if not slots:
        return None
    occupied = _occupied(account, after, but) if taken else set()
    quiet = Quiet.of_account(account)
    zone = account.organisation.timezone
    days = 7 * (len(occupied) + _WEEKS_MORE)
    free = (at for at in _instants(slots, after, zone, days) if at not in occupied and not quiet.covers(at))
    return next((at for at in free if fits is None or fits(at)), None)


def _instants(slots: list[Slot], after: datetime, zone: str, days: int) -> Iterator[datetime]:
    first = wall_of(after, zone).date()
    for day in (first + timedelta(days=number) for number in range(days)):
        yield from (at for at in _on(day, slots, zone) if at > after)


def _on(day: date, slots: list[Slot], zone: str) -> list[datetime]:
    """In the order of instants: on the day of a clock change that is not the order of wall times."""
    times = (slot.time for slot in slots if slot.weekday == day.weekday())
    return sorted(recurring(datetime.combine(day, time), zone) for time in times)


def _occupied(account: Account, after: datetime, but: Campaign | None) -> set[datetime]:
    planned = Message.objects.filter(_OCCUPIES, account=account).annotate(
        at=Coalesce("scheduled_at", "campaign__scheduled_at")
    )
    others = planned.exclude(campaign=but) if but else planned
    return set(others.filter(at__gt=after).values_list("at", flat=True))
