"""What looking at sources costs, through the real path: claimed, fetched over a kept connection, read, written.

    python -m tests.bench.collect [--polls 200] [--database sqlite]

Three kinds of looks at feeds of 20 items: the server says that nothing changed (304), it gives the same bytes again,
all 20 items are new. The last beside feedparser alone on such feeds, in turns, as `feedparser.parse` comes. Processor
time of this process (user and system) and of all PostgreSQL processes; the website is another process and left out.
Exit 1 unless nothing was parsed where nothing was new, every item is there once, and one worker could look at 2 000
sources an hour. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import feedparser

from tests.bench import cpu
from tests.bench.feed_server import AREAS, ITEMS, TOPICS, feed, feed_server
from tests.engine_room import engine_room

HOURLY = 2_000
ROUNDS = 5
KINDS = ("304", "same", "new")


def main() -> int:
    """Run it; the exit code says whether all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polls", type=int, default=200, help="looks of each kind")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.polls} looks of each kind on {wanted.database}", flush=True)
    with feed_server() as target, engine_room(wanted.database, start=False, OPSLAG_ALLOWED_TARGETS=target):
        figures, good = measure(target, wanted.polls)
    figures |= {"database": wanted.database, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(figures), flush=True)
    return 0 if good else 1


def measure(target: str, polls: int) -> tuple[dict[str, Any], bool]:
    """The figures, and whether the looks found what they should."""
    from publisher.items import page_facts
    from publisher.items.collect import collect_source
    from publisher.models import Item

    # The items' own pages are the website's cost, and no part of reading a feed.
    page_facts.PAGES_PER_POLL = 0

    # A feed of nothing but new items would be held back, as when a website is moved.
    look_at = partial(collect_source, back_catalogue=True)
    sources = {kind: [source(target, kind, n) for n in range(10)] for kind in KINDS}
    for pk in [pk for pks in sources.values() for pk in pks]:
        collect_source(pk)
    know_the_tables()
    before = Item.objects.count()
    spent: dict[str, float] = dict.fromkeys((*KINDS, "feedparser"), 0.0)
    looks, seconds, each = [], 0.0, polls // ROUNDS
    for turn in range(ROUNDS):
        began = time.monotonic()
        for kind in KINDS:
            turns = [sources[kind][n % len(sources[kind])] for n in range(each)]
            looks += [(kind, look) for look in timed(spent, kind, lambda turns=turns: [*map(look_at, turns)])]
        seconds += time.monotonic() - began
        bodies = [io.BytesIO(feed(f"{turn}-{n}")) for n in range(each)]
        timed(spent, "feedparser", lambda bodies=bodies: [*map(feedparser.parse, bodies)])
    polls = ROUNDS * each
    ours, theirs = spent["new"] / polls, spent["feedparser"] / polls
    figures = {
        "cpu_vs_feedparser": round(ours / theirs, 2),
        "cpu_ms_304": round(1000 * spent["304"] / polls, 2),
        "cpu_ms_same_body": round(1000 * spent["same"] / polls, 2),
        "cpu_ms_new": round(1000 * ours, 2),
        "feedparser_cpu_ms": round(1000 * theirs, 2),
        "polls_per_s": round(len(looks) / seconds, 1),
        "items": Item.objects.count() - before,
    }
    good = (
        all(look.error is None and look.unchanged is (kind != "new") for kind, look in looks)
        and all(len(look.new) == ITEMS for kind, look in looks if kind == "new")
        and figures["items"] == polls * ITEMS
        and figures["polls_per_s"] * 3600 > HOURLY
    )
    return figures, good


def source(target: str, kind: str, number: int) -> int:
    """A feed of an organisation that knows its topics and areas."""
    from publisher.items.first_look import add_source
    from publisher.models import Area, Organisation, Topic

    organisation, made = Organisation.objects.get_or_create(slug="kultur", defaults={"name": "Kultur"})
    if made:
        for model, words in ((Topic, TOPICS), (Area, AREAS)):
            for word in words:
                model.objects.create(organisation=organisation, name=word, slug=word.lower())
    return add_source(organisation, "feed", {"url": f"http://{target}/{kind}/{number}"}, f"{kind} {number}")[0].pk


def know_the_tables() -> None:
    """Let PostgreSQL look at how its tables are filled, as it does by itself within a minute."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def timed(spent: dict[str, float], what: str, do: Callable[[], Any]) -> Any:
    """Do it, and add its processor time to what was spent."""
    before = processor_s()
    done = do()
    spent[what] += processor_s() - before
    return done


def processor_s() -> float:
    """Processor time of this process, and of PostgreSQL if there is one (whose clock ticks in hundredths)."""
    from django.db import connection

    from tests.bench import meter

    database = cpu.seconds(cpu.tree(meter.postmaster())) if connection.vendor == "postgresql" else 0.0
    return time.process_time() + database


if __name__ == "__main__":
    sys.exit(main())
