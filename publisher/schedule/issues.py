"""A newsletter's cadence: the times at which its issues are meant to go out."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models.functions import Coalesce

from publisher.models import Message, Newsletter
from publisher.schedule.times import recurring, wall_of
from publisher.vocabulary import MessageStatus

# Issues planned for later times; beyond that the next time is taken even if an issue is planned for it.
_WEEKS = 60


def next_issue_time(newsletter: Newsletter, after: datetime) -> datetime | None:
    """The first time of its cadence after the instant `after` (aware) for which no other mail of it is planned.

    None if the newsletter has no cadence. Wall times in its organisation's zone.
    """
    if not newsletter.issue_days or newsletter.issue_time is None:
        return None
    zone = newsletter.organisation.timezone
    taken = _planned(newsletter, after)
    first = wall_of(after, zone).date()
    for day in (first + timedelta(days=number) for number in range(7 * _WEEKS)):
        if day.weekday() in newsletter.issue_days:
            at = recurring(datetime.combine(day, newsletter.issue_time), zone)
            if at > after and at not in taken:
                return at
    return None


def _planned(newsletter: Newsletter, after: datetime) -> set[datetime]:
    mails = Message.objects.filter(newsletter=newsletter).exclude(status=MessageStatus.CANCELLED)
    planned = mails.annotate(at=Coalesce("scheduled_at", "campaign__scheduled_at"))
    return set(planned.filter(at__gt=after).values_list("at", flat=True))
