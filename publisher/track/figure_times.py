"""When a platform is asked what it counts about a post: soon while it is fresh, then seldom, in the end no more."""

from __future__ import annotations

from datetime import datetime, timedelta

# How old the post is at each look. 16 looks in five weeks; where each is paid for or rationed, 5 in four.
USUAL = (
    timedelta(minutes=10),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35)),
)
SELDOM = (timedelta(hours=6), *(timedelta(days=days) for days in (1, 3, 7, 28)))
# A look that fails is made up for until so long after the last one.
GRACE = timedelta(days=7)
# Pauses after looks that failed, one after another.
PAUSES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
LONGEST_PAUSE = timedelta(days=7)
# Older posts are not asked about any more, whatever happened to their looks.
OLDEST = USUAL[-1] + GRACE


def next_look(published_at: datetime, after: datetime, *, seldom: bool) -> datetime | None:
    """The first look after an instant; None where there is none left."""
    looks = (published_at + age for age in (SELDOM if seldom else USUAL))
    return next((at for at in looks if at > after), None)


def pause_after(failures: int, asked_s: float | None = None) -> timedelta:
    """How long to wait after so many failures (from 1) in a row; at least as long as the platform asks (seconds)."""
    usual = PAUSES[min(max(failures, 1), len(PAUSES)) - 1]
    return max(usual, min(timedelta(seconds=asked_s or 0), LONGEST_PAUSE))
