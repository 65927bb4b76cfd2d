"""One article told by a website's feed and by the database behind it, under two hosts of one website."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from publisher.http import use_transport
from publisher.items.collect import Collected, collect_source
from publisher.items.first_look import add_source
from publisher.items.hosts import Mapped, same_site
from publisher.models import Account, Area, Item, ItemRevision, Organisation, Source
from publisher.sources import SOURCES
from publisher.sources.database import DatabaseConfig
from tests.items.website import Website, drawing
from tests.review.send_outs import send_out

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("english")]

OWN, SITE = "http://www.example.dk", "https://example.org"
PATH = "/nyheder/fem-biblioteker-aabner"
TITLE = "Fem biblioteker åbner på samme dag"
AREAS = ("Havnby", "Lyngø", "Østervang")
ALT = "Borgmesteren klipper en snor over på trappen."
LEAD = "Det er en glæde & en fest, at fem biblioteker åbner deres døre på én og samme dag, og alle er velkomne."
TEXT = f'<p>{LEAD.replace("&", "&amp;")}</p><p>Se <a href="HOST/program?a=1&amp;b=2">hele programmet</a>.</p>'


def feed_of(host: str) -> bytes:
    """As a real feed has it: a figure in the text, a cut name, areas as a domain, entries without guid or text."""
    areas = "".join(f'<category domain="area">{name}</category>' for name in AREAS)
    figure = f'<figure><img src="{host}/billeder/snor.jpg" alt="{ALT}" width="1200" height="800"/>'
    figure += f"<figcaption>{ALT}</figcaption></figure>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>Kultur – Nyheder</title><link>{host}/</link><language>da</language><ttl>60</ttl>
<item><title>{TITLE}</title><link>{host}{PATH}</link><guid isPermaLink="false">kultur:nyhed:2021-014</guid>
<pubDate>Wed, 13 Jan 2021 15:16:00 +0100</pubDate><dc:creator>Karen-Marie Hol...</dc:creator>
<category>Bibliotek</category><category>Børn</category>{areas}
<description>{LEAD.replace("&", "&amp;")}</description>
<content:encoded><![CDATA[{figure}{TEXT.replace("HOST", host)}]]></content:encoded>
<media:content url="{host}/billeder/snor.jpg" medium="image" type="image/jpeg" width="1200" height="800">
<media:description>{ALT}</media:description></media:content></item>
<item><title>Værksted</title><link>{host}/nyheder/vaerksted</link>
<guid isPermaLink="true">{host}/nyheder/vaerksted</guid>
<pubDate>Mon, 11 Jan 2021 09:00:00 +0100</pubDate><category domain="area">Lyngø</category></item>
<item><title>Foredrag på nettet</title><link>{host}/nyheder/foredrag?utm_source=rss</link>
<pubDate>Thu, 21 Jan 2021 10:30:00 +0100</pubDate><description>Foredrag &amp;amp; debat</description></item>
</channel></rss>""".encode()


def database_of(path: Path, host: str) -> None:
    """As a Danish CMS has it: local times as text, lists with semicolons, the whole address, a draft."""
    columns = "overskrift TEXT NOT NULL, manchet TEXT, broedtekst TEXT, billede_url TEXT, billede_alt TEXT, "
    columns += "forfatter TEXT, kommune TEXT, emner TEXT, url TEXT, udgivet TEXT, aendret TEXT, status TEXT"
    at = "2021-01-13 15:16:00"
    rows = (
        (1, TITLE, LEAD, TEXT.replace("HOST", host), f"{host}/billeder/snor.jpg", ALT, "Karen-Marie Hol...",
         ";".join(AREAS), "Bibliotek;Børn", host + PATH, at, at, "udgivet"),
        (2, "Kladde: ikke udgivet", "", "", "", "", "", "Lyngø", "", "", "2021-02-01 08:00:00",
         "2021-02-01 08:00:00", "kladde"),
    )  # fmt: skip
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE nyhed(id INTEGER PRIMARY KEY, {columns})")
        connection.executemany(f"INSERT INTO nyhed VALUES ({', '.join('?' * 13)})", rows)


class Newsroom:
    """The organisation with its two sources, set up as a person would: every guess is taken."""

    def __init__(self, organisation: Organisation, path: Path, site: Website) -> None:
        self.organisation, self.site = organisation, site
        for name in AREAS:
            Area.objects.create(organisation=organisation, name=name, slug=name.lower().replace("ø", "o"))
        self.sources = {
            "feed": self._add("feed", url=f"{OWN}/feed.xml"),
            "database": self._add("database", **_guessed({"database_url": f"sqlite:///{path}"})),
        }

    def _add(self, kind: str, **values: Any) -> Source:
        return add_source(self.organisation, kind, values, kind)[0]

    def collect(self, kind: str) -> Collected:
        """Look at one of the two."""
        Source.objects.update(next_poll_at=None)
        collected = collect_source(self.sources[kind].pk)
        assert collected.error is None
        return collected

    def map(self) -> Mapped:
        """The feed's host is the website's."""
        return same_site(self.organisation, OWN, SITE)[1]


def _guessed(values: dict[str, Any]) -> dict[str, Any]:
    plugin = SOURCES["database"]
    for step in plugin.steps[1:]:
        offers = plugin.offers(step, DatabaseConfig(**values))
        values |= {name: offer.guess for name, offer in offers.items() if offer.guess}
    return values


@contextmanager
def newsroom_of(organisation: Organisation, folder: Path) -> Iterator[Newsroom]:
    """Feed and picture are at the host that the feed names; nothing answers at the one that the database names."""
    database_of(folder / "cms.sqlite3", SITE)
    site = Website()
    site.put(f"{OWN}/feed.xml", feed_of(OWN), "application/rss+xml")
    site.put(f"{OWN}/billeder/snor.jpg", drawing(1200, 800))
    with use_transport(httpx.MockTransport(site.answer)):
        yield Newsroom(organisation, folder / "cms.sqlite3", site)


@pytest.fixture
def newsroom(secretariat: Organisation, tmp_path: Path, settings: Any) -> Iterator[Newsroom]:
    settings.OPSLAG_DATABASE_FILES = (tmp_path,)
    with newsroom_of(secretariat, tmp_path) as found:
        yield found


ORDERS = pytest.mark.parametrize("order", [("feed", "database"), ("database", "feed")], ids=lambda order: order[0])


def the_article() -> Item:
    """It is one item, whole, whoever told of it first."""
    item = Item.objects.get(title=TITLE)
    assert (item.link, item.lead, item.author) == (SITE + PATH, LEAD, "Karen-Marie Hol...")
    assert item.published_at == datetime(2021, 1, 13, 14, 16, tzinfo=UTC), "15.16 in Copenhagen"
    assert item.body_text == f"{LEAD}\n\nSe hele programmet."
    assert f'href="{SITE}/program?a=1&amp;b=2"' in item.body_html, "its links, too, are where readers know them"
    assert {area.name for area in item.areas.all()} == set(AREAS) and item.tags == ["Bibliotek", "Børn"]
    assert item.picture and (item.picture.alt, item.picture.width, item.picture_error) == (ALT, 1200, {})
    assert item.revision == 1 and not ItemRevision.objects.exists()
    sightings = set(item.sightings.values_list("source__kind", "external_key"))
    assert sightings == {("feed", "kultur:nyhed:2021-014"), ("database", "1")}
    return item


def all_again(newsroom: Newsroom, order: Sequence[str]) -> None:
    """Everything is read once more, the validators forgotten: nothing is new, changed or gone."""
    Source.objects.update(state={})
    for kind in order:
        collected = newsroom.collect(kind)
        assert (collected.new, collected.seen, collected.held, collected.changed, collected.withdrawn) == (
            [],
            0,
            0,
            0,
            0,
        )


@ORDERS
def test_with_the_hosts_named_it_is_one_item_with_two_sightings(newsroom: Newsroom, order: Sequence[str]) -> None:
    newsroom.map()
    for kind in order:
        newsroom.collect(kind)
    assert Item.objects.count() == 3, "and the two that only the feed has; the draft is none"
    the_article()
    all_again(newsroom, order)
    the_article()


@ORDERS
def test_unnamed_they_are_two_and_naming_them_makes_them_one(newsroom: Newsroom, order: Sequence[str]) -> None:
    for kind in order:
        newsroom.collect(kind)
    assert set(Item.objects.filter(title=TITLE).values_list("link", flat=True)) == {OWN + PATH, SITE + PATH}
    assert Item.objects.count() == 4
    mapped = newsroom.map()
    assert (mapped.moved, mapped.merged, mapped.apart) == (2, 1, [])
    assert set(Item.objects.values_list("link", flat=True)) == {
        SITE + PATH, f"{SITE}/nyheder/vaerksted", f"{SITE}/nyheder/foredrag",
    }  # fmt: skip
    the_article()
    all_again(newsroom, order)
    the_article()


@ORDERS
def test_where_both_were_used_naming_the_hosts_says_that_two_stay(
    newsroom: Newsroom, practice_account: Account, order: Sequence[str]
) -> None:
    for kind in order:
        newsroom.collect(kind)
    for item in Item.objects.filter(title=TITLE):
        send_out(item, None, practice_account)
    mapped = newsroom.map()
    assert mapped.merged == 0 and [{one.title, other.title} for one, other in mapped.apart] == [{TITLE}]
    all_again(newsroom, order)
    assert Item.objects.filter(title=TITLE).count() == 2


def test_an_edit_in_both_is_one_change(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.map()
    newsroom.collect("feed")
    newsroom.collect("database")
    newsroom.site.put(f"{OWN}/feed.xml", feed_of(OWN).replace(b"hele programmet", b"programmet her"), "text/xml")
    with closing(sqlite3.connect(tmp_path / "cms.sqlite3")) as connection, connection:
        connection.execute("UPDATE nyhed SET broedtekst = replace(broedtekst, 'hele programmet', 'programmet her')")
    assert (newsroom.collect("database").changed, newsroom.collect("feed").changed) == (0, 1)
    assert Item.objects.get(title=TITLE).body_text.endswith("Se programmet her.")


@pytest.mark.parametrize(
    "decided", [{"worded_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"picture_error": {"msgid": "x"}}]
)
def test_no_second_source_gives_a_picture_where_a_person_wanted_none(
    newsroom: Newsroom, decided: dict[str, Any]
) -> None:
    """Somebody worded the item without one, or took it out because a photo consent was withdrawn."""
    newsroom.map()
    newsroom.collect("database")
    Item.objects.filter(title=TITLE).update(**{"picture_error": {}} | decided)
    newsroom.collect("feed")
    item = Item.objects.get(title=TITLE)
    assert item.picture is None and item.sightings.count() == 2
