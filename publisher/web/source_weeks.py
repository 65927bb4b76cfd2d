"""How much came from each source, week by week: a small curve and the same in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.models import Organisation, Sighting, Source
from publisher.templatetags.dates import number
from publisher.vocabulary import ItemState

WEEKS = 26
# Of one bar in the drawing: its place, its width, the height of the highest.
STEP, BAR, HEIGHT = 6, 5, 24


@dataclass(frozen=True)
class Bar:
    """One week in the drawing; `height` at least 1, so that a week without news is seen too."""

    x: int
    y: int
    height: int
    empty: bool


@dataclass(frozen=True)
class Weeks:
    """The last 26 weeks of one source, oldest first: (Monday, how many new items).

    `is_fresh`: nothing new has ever come, as with one that was added a minute ago.
    """

    counts: list[tuple[date, int]]
    is_fresh: bool = False

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(count for _monday, count in self.counts)

    @property
    def bars(self) -> list[Bar]:
        """What is drawn, the busiest week as high as there is room."""
        most = max((count for _monday, count in self.counts), default=0) or 1
        heights = [max(1, round(HEIGHT * count / most)) for _monday, count in self.counts]
        return [
            Bar(place * STEP, HEIGHT - height, height, not count)
            for place, (height, (_monday, count)) in enumerate(zip(heights, self.counts, strict=True))
        ]

    @property
    def words(self) -> str:
        """What the drawing shows, in a sentence."""
        if not self.total and self.is_fresh:
            return _("Nothing new yet.")
        if not self.total:
            return _("Nothing new in %(weeks)s weeks.") % {"weeks": WEEKS}
        monday, most = max(self.counts, key=lambda each: each[1])
        return ngettext(
            "%(total)s new item in %(weeks)s weeks, most in week %(week)s: %(most)s.",
            "%(total)s new items in %(weeks)s weeks, most in week %(week)s: %(most)s.",
            self.total,
        ) % {"total": number(self.total), "weeks": WEEKS, "week": monday.isocalendar().week, "most": number(most)}

    @property
    def head(self) -> list[str]:
        """The table's columns."""
        return [_("Week"), _("New items")]

    @property
    def rows(self) -> list[list[tuple[str, str]]]:
        """The table: the weeks in which something came, latest first."""
        some = [(monday, count) for monday, count in reversed(self.counts) if count]
        return [
            [(_("Week"), f"{monday.isocalendar().week}, {monday.year}"), (_("New items"), number(count))]
            for monday, count in some
        ]


def weeks_of(organisation: Organisation, sources: Iterable[Source]) -> dict[int, Weeks]:
    """Source id → its weeks, in one query for all.

    What counts is what stands among the news because this source gave it: neither the back catalogue, nor what is held
    back, nor what another source had given or a colleague had written before.
    """
    mondays = _mondays()
    zone = timezone.get_current_timezone()
    since = datetime.combine(mondays[0], time(), zone)
    had = Sighting.objects.for_organisation(organisation).filter(item=OuterRef("item"))
    before = Q(first_seen_at__lt=OuterRef("first_seen_at")) | Q(
        first_seen_at=OuterRef("first_seen_at"), pk__lt=OuterRef("pk")
    )
    counted = (
        Sighting.objects.for_organisation(organisation)
        .filter(source__in=[source.pk for source in sources], first_seen_at__gte=since)
        .filter(~Exists(had.filter(before)), item__state=ItemState.NEW, item__written_by=None)
        .annotate(week=TruncWeek("first_seen_at", tzinfo=zone))
        .values_list("source", "week")
        .annotate(number=Count("pk"))
        .order_by()
    )
    found = {(source, week.date()): count for source, week, count in counted}
    return {
        source.pk: Weeks(
            [(each, found.get((source.pk, each), 0)) for each in mondays], is_fresh=source.last_new_item_at is None
        )
        for source in sources
    }


def often(source: Source) -> str:
    """How long it is left alone now between two looks; "" while nobody knows."""
    if not source.last_polled_at or not source.next_poll_at or source.next_poll_at <= source.last_polled_at:
        return ""
    minutes = max(1, round((source.next_poll_at - source.last_polled_at).total_seconds() / 60))
    if minutes < 90:
        return ngettext("About every minute", "About every %(number)s minutes", minutes) % {"number": minutes}
    hours = round(minutes / 60)
    if hours < 36:
        return ngettext("About every hour", "About every %(number)s hours", hours) % {"number": hours}
    days = round(hours / 24)
    return ngettext("About every day", "About every %(number)s days", days) % {"number": days}


def _mondays() -> list[date]:
    today = timezone.localdate()
    this = today - timedelta(days=today.weekday())
    return [this - timedelta(weeks=back) for back in reversed(range(WEEKS))]
