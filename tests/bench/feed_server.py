"""A website with feeds, in a process of its own, whose cost is nobody's here.

    python -m tests.bench.feed_server

Prints its host:port and serves until standard input ends. Under `/304/…` it knows validators; under `/same/…` it gives
the same bytes each time; under `/new/…` each answer has 20 items that no other has.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.http.loopback import Visit, site

ITEMS = 20
FIRST = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
AREAS = ("Albertslund", "Furesø", "Halsnæs", "Helsingør", "Herlev", "Ishøj", "Køge", "Roskilde", "Rødovre")
TOPICS = ("Kulturaftale", "Musik", "Ungekultur")
REPOSITORY = Path(__file__).resolve().parents[2]
_LEAD = """Det er med glæde og stolthed, at vi nu kan præsentere kulturaftalen. Hele vores organisation har arbejdet
hårdt for at få en ny aftale på plads, og vi er mere end tilfredse med resultatet."""
_BODY = """<p>Med udgangspunkt i den hidtidige indsats arbejder vi videre med at sætte borgeren i centrum for de fælles
indsatser, og for at borgerne skal mærke effekten af at være med i et markant, tværkommunalt kultursamarbejde. Igen vil
musik og ungekultur være i højsædet med nye tilgange og indgangsvinkler. <a href="https://kultur.example.org/liv">Læs
mere om et bedre liv med kultur her</a>.</p><p>Nøgleord i visionen er netop <strong>livskvalitet</strong> og udvikling.
De tilbud, vi udvikler på tværs af kommunerne, skal være med til at øge borgernes livskvalitet, ud fra en overbevisning
om at deltagelse i og oplevelse af kunst og kultur er med til at danne grundlaget for meningsfulde liv, uanset baggrund,
alder eller social status.</p><h2>De næste fire år</h2><ul><li>Musik i alle ni kommuner</li><li>Lyrik og billedkunst for
unge</li><li>Kultur og sundhed</li></ul><p>Vi glæder os til at vise jer, hvad der skal ske de næste fire år. Så følg
endelig godt med på vores sociale medier, her på vores hjemmeside eller i dit lokalområde.</p>"""


def feed(key: str, number: int = 0) -> bytes:
    """A feed like that of a real municipality, without pictures; `key` makes its items its own.

    Each `number` is a minute later than the one before it, so that what is not there any more has only grown old.
    """
    day = format_datetime(FIRST + timedelta(minutes=number))
    areas = "".join(f'<category domain="area">{area}</category>' for area in AREAS)
    topics = "".join(f"<category>{topic}</category>" for topic in TOPICS)
    items = "".join(
        f"<item><title>Ny kulturaftale nr. {key}-{n} er underskrevet</title>"
        f"<link>https://kultur.example.org/nyheder/aftale-{key}-{n}</link>"
        f'<guid isPermaLink="false">nyhed:{key}:{n}</guid><pubDate>{day}</pubDate>'
        f"<dc:creator>Rose-Line Mulbjerg</dc:creator>{topics}{areas}"
        f"<description>{_in_own_words(_LEAD, f'{key}-{n}')} Det er aftale {n}.</description>"
        f"<content:encoded><![CDATA[{_in_own_words(f'<p>{_LEAD}</p>{_BODY}', f'{key}-{n}')}]]></content:encoded></item>"
        for n in range(ITEMS)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Kulturnyheder</title>'
        f"<link>https://kultur.example.org/</link><description>Nyheder</description><language>da</language>{items}</channel></rss>"
    ).encode()


def _in_own_words(html: str, key: str) -> str:
    """As long as it was, but in words that no other item has: articles that are alike would be held back."""
    letters = "abcdefghijklmnoprstuvyæøå"
    own = str.maketrans(letters, "".join(random.Random(key).sample(letters, len(letters))))
    return re.sub(r"(?<=>)[^<]+|^[^<]+", lambda text: text[0].translate(own), html)


@contextlib.contextmanager
def feed_server() -> Iterator[str]:
    """The server in a process of its own; its host:port."""
    command = [sys.executable, "-m", "tests.bench.feed_server"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


class _Pages(dict[str, object]):
    """Every address has a page."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count()

    def get(self, path: str, _default: object = None) -> object:
        kind = path.split("/")[1]
        return lambda visit: self.answer(visit, kind)

    def answer(self, visit: Visit, kind: str) -> None:
        headers = {"Content-Type": "application/rss+xml; charset=utf-8"}
        if kind == "304" and visit.headers.get("If-None-Match"):
            visit.answer(304, ETag='"1"')
        elif kind == "304":
            visit.answer(200, feed(visit.path.replace("/", "-")), **headers, ETag='"1"')
        else:
            number = next(self.numbers) if kind == "new" else 0
            visit.answer(200, feed(f"{visit.path.replace('/', '-')}-{number}", number), **headers)


def main() -> int:
    """Serve."""
    with site() as here:
        here.pages = _Pages()  # type: ignore[assignment]
        print(here.target, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
