"""Denmark's public holidays (helligdage), computed: the movable ones from Easter.

Which they are: the list of helligdage in the Danish almanac (Almanak, Københavns Universitet). Store bededag, the
fourth Friday after Easter, was one until 2023 (abolished by lov nr. 214 af 7. marts 2023 from 1 January 2024). The
Constitution Day (5 June), Christmas Eve and New Year's Eve are none, although many are off.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

LAST_STORE_BEDEDAG = 2023
# Days after Easter Sunday.
_MOVABLE = {"skærtorsdag": -3, "langfredag": -2, "påskedag": 0, "2. påskedag": 1, "Kristi himmelfartsdag": 39,
            "pinsedag": 49, "2. pinsedag": 50}  # fmt: skip
_FIXED = {"nytårsdag": (1, 1), "juledag": (12, 25), "2. juledag": (12, 26)}
_STORE_BEDEDAG = 26


def is_holiday(day: date) -> bool:
    """Whether it is a public holiday in Denmark; an ordinary Sunday is none."""
    return day in holidays(day.year)


@cache
def holidays(year: int) -> dict[date, str]:
    """The public holidays of a year, by day."""
    easter = easter_sunday(year)
    found = {date(year, month, day): name for name, (month, day) in _FIXED.items()}
    found |= {easter + timedelta(days=after): name for name, after in _MOVABLE.items()}
    if year <= LAST_STORE_BEDEDAG:
        found[easter + timedelta(days=_STORE_BEDEDAG)] = "store bededag"
    return dict(sorted(found.items()))


def easter_sunday(year: int) -> date:
    """Western Easter in the Gregorian calendar (the “anonymous” computus: Nature, 20 April 1876; Meeus, ch. 8)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    quarter, remainder = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * quarter - epact - remainder) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
