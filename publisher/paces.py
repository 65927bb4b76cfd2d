"""How fast mail may leave, as settings say it: a pace, the limits of well-known mail servers, a warm-up plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

PERIODS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# The share of a period's number that may leave at one instant: who counts by the day does not mind a rush.
_AT_ONCE = {1: 1 / 5, 60: 1 / 60, 3600: 1 / 10, 86_400: 1 / 2}


@dataclass(frozen=True)
class Pace:
    """At most `number` in any `period_s` seconds, wherever those begin; `name` is what the setting said."""

    number: int
    period_s: int
    name: str

    @property
    def burst(self) -> int:
        """How many may leave at one instant."""
        return max(1, int(self.number * _AT_ONCE[self.period_s]))

    @property
    def interval_s(self) -> float:
        """Seconds between two in the long run.

        A little longer than period by number: what leaves at once must fit into the period, too.
        """
        return self.period_s / (self.number - self.burst + 1)

    @property
    def per_s(self) -> float:
        """Messages a second in the long run."""
        return 1 / self.interval_s


# What these servers take of one sender, by their own pages (looked up in 2026; a contract may say something else):
# microsoft365: learn.microsoft.com, “Exchange Online limits”, sending limits: 30 messages a minute (and 10 000
#   recipients a day; a newsletter to more of them needs another way out).
# google-workspace: support.google.com/a/answer/166852, “Gmail sending limits in Google Workspace”: 2 000 mails a day.
# amazon-ses-sandbox: docs.aws.amazon.com/ses/latest/dg/quotas.html: 1 mail a second (and 200 a day).
PRESETS: Mapping[str, str] = {
    "microsoft365": "30/minute",
    "google-workspace": "2000/day",
    "amazon-ses-sandbox": "1/second",
}
_PACE = re.compile(r"([1-9]\d{0,8})\s*/\s*(second|minute|hour|day)")
# Usual advice for a sender domain that nobody knows yet: about double every day or two, until it is known.
PLAN = (200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000)


def parse_pace(text: str) -> Pace | None:
    """Read “30/minute” or the name of a preset; None for "". Raises ValueError, in words for whoever set it."""
    name = text.strip().lower()
    if not name:
        return None
    found = _PACE.fullmatch(PRESETS.get(name, name))
    if not found:
        raise ValueError(f"“{text}” is no pace: write for example 30/minute, or one of {', '.join(PRESETS)}.")
    return Pace(int(found[1]), PERIODS_S[found[2]], name)


def parse_plan(text: str) -> tuple[int, ...]:
    """Read “200,500,1000”: the most a day, day by day; the usual plan for "". Raises ValueError."""
    if not text.strip():
        return PLAN
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"“{text}” is no plan: write for example 200,500,1000,2000,5000.")
    return tuple(int(part) for part in parts)


def parse_starts(text: str) -> dict[str, date]:
    """Read “nyt.example.org=2026-12-01,…”: sender domain → the first day of its warm-up. Raises ValueError."""
    starts = {}
    for part in (each.strip() for each in text.split(",") if each.strip()):
        domain, _, day = part.partition("=")
        try:
            starts[domain.strip().lower().encode("idna").decode()] = date.fromisoformat(day.strip())
        except ValueError as error:
            raise ValueError(f"“{part}” is no warm-up: write for example nyt.example.org=2026-12-01.") from error
    return starts
