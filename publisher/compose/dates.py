"""How dates and times are written in Danish and English; names of days and months come from Django's catalogues."""

from __future__ import annotations

from datetime import date

from django.utils.dateformat import format as format_date
from django.utils.translation import get_language

# Django's date format characters.
FORMATS = {
    "da": {
        "short": "D. j. N{year} H.i",
        "long": r"l \d\e\n j. F{year} \k\l. H.i",
        "day_short": "D. j. N{year}",
        "day_long": r"l \d\e\n j. F{year}",
        "time": "H.i",
    },
    "en": {
        "short": "D j M{year} H:i",
        "long": r"l j F{year} \a\t H:i",
        "day_short": "D j M{year}",
        "day_long": "l j F{year}",
        "time": "H:i",
    },
}


def written(local: date, style: str, this_year: int) -> str:
    """A date or time as it stands, in the language that is active; the year only where it is not `this_year`.

    `style` is a name in FORMATS.
    """
    language = (get_language() or "da").split("-")[0]
    year = "" if local.year == this_year else " Y"
    return format_date(local, FORMATS.get(language, FORMATS["en"])[style].format(year=year))
