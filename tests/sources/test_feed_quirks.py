"""What feeds say beside the news: tombstones, bases, groups of pictures, films, dates without a zone, old versions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from publisher.sources.contract import PictureRef
from tests.sources.test_feed_entries import DESCRIPTION, only, read, rss

DELETED = (
    '<at:deleted-entry ref="{}" when="2026-11-26T10:00:00Z"><at:comment>Fejl</at:comment><link href="/x"/>'
    "</at:deleted-entry>"
)


def atom(*inside: str) -> str:
    spaces = 'xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"'
    return f"<feed {spaces}><title>Havnby</title>{''.join(inside)}</feed>"


def entry(key: str, updated: str) -> str:
    return f"<entry><id>{key}</id><title>Nyhed {key}</title><updated>{updated}</updated></entry>"


def test_tombstones_take_entries_back() -> None:
    feed = read(atom(DELETED.format("urn:1"), entry("urn:2", "2026-11-26T09:00:00Z")), "application/atom+xml")
    assert feed.withdrawn == ("urn:1",)
    assert [(each.external_key, each.title, each.link) for each in feed.candidates] == [("urn:2", "Nyhed urn:2", "")]
    assert feed.title == "Havnby"


def test_of_a_tombstone_and_its_entry_the_newer_one_counts() -> None:
    stones = DELETED.format("urn:1") + DELETED.format("urn:2")
    feed = read(atom(entry("urn:1", "2026-11-26T09:00:00Z"), entry("urn:2", "2026-11-26T11:00:00Z"), stones))
    assert feed.withdrawn == ("urn:1",)
    assert [each.external_key for each in feed.candidates] == ["urn:2"]


def test_links_start_at_the_base_that_the_feed_names() -> None:
    (candidate,) = read(
        atom(
            '<entry xml:base="https://by.example.org/arkiv/"><id>1</id><title>Nyt</title><link href="nyt/1"/>'
            '<content type="html">&lt;a href="2"&gt;To&lt;/a&gt;&lt;img src="/a.jpg"&gt;</content></entry>'
        )
    ).candidates
    assert candidate.link == "https://by.example.org/arkiv/nyt/1"
    assert '<a href="https://by.example.org/arkiv/2">' in candidate.body_html
    assert [picture.url for picture in candidate.pictures] == ["https://by.example.org/a.jpg"]


@pytest.mark.parametrize(
    ("attributes", "is_picture"),
    [
        ('type="image/jpeg" url="/a"', True),
        ('type="image" url="/a"', True),
        ('type="jpg" url="/a"', True),
        ('url="/a.JPG?w=1"', True),
        ('type="application/octet-stream" url="/a.png"', True),
        ('type="audio/mpeg" url="/a.mp3"', False),
        ('type="application/pdf" url="/a.jpg"', False),
        ('type="text/calendar" url="/a.ics"', False),
        ('url="/a"', False),
    ],
)
def test_only_enclosed_pictures_are_pictures(attributes: str, is_picture: bool) -> None:
    assert bool(only(f"<enclosure {attributes} length='1'/>").pictures) is is_picture


def test_texts_of_a_group_or_an_item_are_for_its_pictures_not_for_the_news() -> None:
    words = (
        "<media:title>Titel</media:title><media:description>Broen</media:description><media:credit>Bo</media:credit>"
    )
    picture = '<media:content url="/b.jpg" medium="image"/>'
    for parts in (f"<media:group>{picture}{words}</media:group>", f"{picture}{words}", f"{words}{picture}"):
        candidate = only(DESCRIPTION, parts)
        assert candidate.lead == "Kort om sagen"
        assert candidate.pictures == (PictureRef("https://havnby.example.org/b.jpg", alt="Broen", credit="Bo"),)


def test_a_film_that_is_all_there_is_describes_the_news() -> None:
    candidate = only('<media:group><media:content url="/f.mp4" type="video/mp4"/></media:group><media:description>Se '
                     "filmen</media:description>")  # fmt: skip
    assert (candidate.title, candidate.pictures) == ("Nyt", ())
    (bare,) = read(rss("<media:group><media:title>Film</media:title><media:description>Se den</media:description>"
                       "</media:group>").replace("<title>Nyt</title>", "")).candidates  # fmt: skip
    assert (bare.title, bare.lead) == ("Film", "Se den")


def test_a_time_without_a_zone_is_that_of_this_installation() -> None:
    assert only("<pubDate>2026-11-26T15:16:00</pubDate>").published_at == datetime(2026, 11, 26, 14, 16, tzinfo=UTC)
    assert only(
        "<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>26-11-2026 15:16</dc:date>"
    ).published_at == datetime(2026, 11, 26, 14, 16, tzinfo=UTC)


def test_rss_1_and_0_9() -> None:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    item = "<item rdf:about='x'><title>Nyt</title><link>https://havnby.example.org/1</link></item>"
    for space in ("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/"):
        feed = read(
            f"<rdf:RDF xmlns:rdf='{rdf}' xmlns='{space}'><channel><title>Havnby</title></channel>{item}</rdf:RDF>"
        )
        assert [(each.title, each.link) for each in feed.candidates] == [("Nyt", "https://havnby.example.org/1")]
    for version in ("0.91", "0.92"):
        feed = read(
            f"<rss version='{version}'><channel><title>Havnby</title><item><title>Nyt</title></item></channel></rss>"
        )
        assert [each.title for each in feed.candidates] == ["Nyt"]
