"""From feeds as municipalities publish them, and from hostile ones, to candidates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from publisher.errors import PermanentError
from publisher.items.content import clean_html
from publisher.sources.contract import Candidate, PictureRef
from publisher.sources.feed_entries import MAX_ENTRIES, ReadFeed, read_feed
from publisher.sources.feed_newest import DEEPEST, newest, newest_in

HERE = Path(__file__).parent
URL = "https://havnby.example.org/feed.xml"
RSS = "application/rss+xml; charset=utf-8"


def read(body: bytes | str, content_type: str = RSS) -> ReadFeed:
    return read_feed(body.encode() if isinstance(body, str) else body, content_type, URL)


def rss(*items: str, channel: str = "", xml: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    spaces = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    )
    entries = "".join(f"<item><title>Nyt</title>{item}</item>" for item in items)
    return f'{xml}<rss version="2.0" {spaces}><channel><title>Havnby</title>{channel}{entries}</channel></rss>'


def only(*parts: str) -> Candidate:
    (candidate,) = read(rss("".join(parts))).candidates
    return candidate


def hostile(name: str) -> ReadFeed:
    return read((HERE / "hostile" / name).read_bytes())


@pytest.fixture(scope="module")
def havnby() -> ReadFeed:
    return read((HERE / "havnby.xml").read_bytes())


def test_the_feed_itself(havnby: ReadFeed) -> None:
    assert havnby.title == "Havnby Kommune & omegn – Nyt"
    assert havnby.interval_s == 45 * 60
    assert len(havnby.candidates) == 4


def test_a_whole_entry(havnby: ReadFeed) -> None:
    entry = havnby.candidates[0]
    assert entry.external_key == "havnby:nyt:107"
    assert entry.title == "Ny sti langs åen åbner på lørdag"
    assert entry.link == "https://havnby.example.org/nyt/ny-sti"
    assert entry.lead == "Fra lørdag kan du gå og cykle hele vejen fra havnen til skoven."
    assert "<p>Borgmesteren klipper snoren" in entry.body_html
    assert '<a href="https://havnby.example.org/kort">' in entry.body_html
    assert "alert" not in clean_html(entry.body_html)
    assert entry.author == "Inger-Marie Kjærsg..."
    assert entry.published_at == datetime(2026, 11, 26, 7, tzinfo=UTC)
    assert entry.language == "da"
    assert entry.tags == ("Natur", "Børn & unge")
    assert entry.areas == ("Havnby", "Ærøvig")


def test_a_picture_is_one_picture_with_all_that_is_known_of_it(havnby: ReadFeed) -> None:
    assert havnby.candidates[0].pictures == (
        PictureRef(
            "https://havnby.example.org/billeder/sti.jpg",
            alt="To børn cykler på den nye sti langs åen.",
            caption="Stien er fem kilometer lang.",
            credit="Jonas Lund",
            width=1600,
            height=900,
        ),
        PictureRef(
            "https://havnby.example.org/billeder/sti-lille.jpg",
            alt="To børn cykler på den nye sti langs åen.",
            credit="Jonas Lund",
            width=160,
            height=90,
        ),
    )


def test_a_guid_that_is_the_link_and_nothing_else(havnby: ReadFeed) -> None:
    entry = havnby.candidates[1]
    assert entry.external_key == entry.link == "https://havnby.example.org/nyt/biblioteket"
    assert (entry.lead, entry.body_html, entry.author, entry.tags, entry.pictures) == ("", "", "", (), ())


def test_no_guid_and_text_escaped_twice(havnby: ReadFeed) -> None:
    entry = havnby.candidates[2]
    assert entry.external_key == ""
    assert entry.title == "Borgermøde om skoler & dagtilbud"
    assert entry.lead == "Kaffe, kage & debat"
    assert entry.link.endswith("?utm_source=rss")


def test_no_usable_date_and_only_an_enclosed_picture(havnby: ReadFeed) -> None:
    entry = havnby.candidates[3]
    assert entry.published_at is None
    assert [picture.url for picture in entry.pictures] == ["https://havnby.example.org/billeder/fest.jpg"]
    assert entry.lead == "Hele byen fester. Kom og vær med."


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_one_date_does_not_stand_for_another() -> None:
    assert only("<pubDate>snart</pubDate>").published_at is None


def test_atom() -> None:
    feed = read((HERE / "museum.atom").read_bytes(), "application/atom+xml")
    boats, closed = feed.candidates
    assert feed.title == "The Harbour Museum"
    assert feed.interval_s == 0
    assert (boats.title, boats.link) == ("Boats & nets", "https://museum.example.org/news/boats")
    assert boats.published_at == datetime(2026, 11, 26, 6, tzinfo=UTC)
    assert (boats.author, boats.language) == ("Ann Holm", "en")
    assert (boats.tags, boats.areas) == (("Exhibitions",), ("Havnby",))
    assert boats.lead == "Sixty boats from three centuries."
    assert boats.body_html == "<p>Sixty boats.</p><p>Three centuries.</p>"
    assert boats.pictures == (PictureRef("https://museum.example.org/news/boats.png"),)
    assert closed.published_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert closed.body_html.startswith("Storm: 1 &lt; 2 doors open")


DESCRIPTION = "<description>Kort om sagen</description>"
CONTENT = "<content:encoded><![CDATA[<p>Hele sagen</p>]]></content:encoded>"
MEDIA = '<media:content url="/b.jpg" medium="image"><media:description>Et billede</media:description></media:content>'


@pytest.mark.parametrize(
    "parts",
    [
        (DESCRIPTION, CONTENT, MEDIA),
        (DESCRIPTION, MEDIA, CONTENT),
        (MEDIA, DESCRIPTION, CONTENT),
        (CONTENT, DESCRIPTION, MEDIA),
        (CONTENT, MEDIA, DESCRIPTION),
        (MEDIA, CONTENT, DESCRIPTION),
    ],
)
def test_the_order_of_elements_does_not_matter(parts: tuple[str, ...]) -> None:
    entry = only(*parts)
    assert (entry.lead, entry.body_html) == ("Kort om sagen", "<p>Hele sagen</p>")
    assert entry.pictures == (PictureRef("https://havnby.example.org/b.jpg", alt="Et billede"),)


@pytest.mark.parametrize("parts", [(MEDIA,), (CONTENT, MEDIA), (MEDIA, CONTENT)])
def test_a_picture_text_is_never_the_lead(parts: tuple[str, ...]) -> None:
    assert only(*parts).lead == ""


def test_what_media_content_contains_stays_inside_it() -> None:
    entry = only(
        '<media:group><media:content url="/film.mp4" type="video/mp4"><media:thumbnail url="/film.jpg" width="640"/>'
        '</media:content><media:content url="/lille.jpg" type="image/jpeg" width="200" height="100"/></media:group>'
    )
    assert [picture.url.rpartition("/")[2] for picture in entry.pictures] == ["film.jpg", "lille.jpg"]


def test_the_content_again_is_no_lead() -> None:
    assert only("<description>Hele sagen</description>", CONTENT).lead == ""


def test_a_description_that_is_the_whole_article_is_no_lead() -> None:
    article = "<description>&lt;p&gt;" + "Lang tekst. " * 100 + "&lt;/p&gt;</description>"
    assert only(article).lead == ""
    assert only(article).body_html.startswith("<p>Lang tekst.")
    assert only(article, CONTENT).lead.startswith("Lang tekst.")


def test_content_escaped_once_too_often_is_put_right() -> None:
    entry = only("<description>&amp;lt;p&amp;gt;Hej &amp;amp;amp; farvel&amp;lt;/p&amp;gt;</description>")
    assert entry.body_html == "<p>Hej &amp; farvel</p>"


@pytest.mark.parametrize(
    ("author", "shown"),
    [("bo@example.org (Bo Lund)", "Bo Lund"), ("bo@example.org", ""), ("Bo &amp;amp; Ib", "Bo & Ib")],
)
def test_authors_are_shown_without_their_address(author: str, shown: str) -> None:
    assert only(f"<author>{author}</author>").author == shown


@pytest.mark.parametrize(
    ("channel", "seconds"),
    [
        ("", 0),
        ("<ttl>60</ttl>", 3600),
        ("<ttl>snart</ttl>", 0),
        ("<ttl>-5</ttl>", 0),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", 86_400),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 21_600),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 86_400),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><ttl>120</ttl>", 7200),
        ("<sy:updatePeriod>altid</sy:updatePeriod>", 0),
    ],
)
def test_the_pace_that_a_feed_asks_for(channel: str, seconds: int) -> None:
    assert read(rss(channel=channel)).interval_s == seconds


@pytest.mark.parametrize(
    ("text", "encoding", "content_type"),
    [
        ("æøå", "utf-8", "text/xml"),
        ("æøå", "utf-8", "application/rss+xml"),
        ("æøå", "iso-8859-1", "application/xml; charset=iso-8859-1"),
        ("æøå", "iso-8859-1", RSS),
        ("æøå", "utf-16", "application/xml"),
        ("æøå", "utf-8", "text/html"),
        ("æøå", "utf-8", "text/plain; charset=findes-ikke"),
        ("æøå", "utf-8", ""),
    ],
)
@pytest.mark.parametrize("media", ["", MEDIA])
def test_letters_survive_wrong_declarations(text: str, encoding: str, content_type: str, media: str) -> None:
    xml = "" if encoding == "iso-8859-1" else f'<?xml version="1.0" encoding="{encoding}"?>'
    body = rss(f"<description>{text}</description>{media}", xml=xml).encode(encoding)
    assert read(body, content_type).candidates[0].lead == text


def numbered(*numbers: int, more: str = "") -> list[str]:
    """An entry for each, a day after the one before."""
    begun = datetime(2024, 1, 1, tzinfo=UTC)
    days = {number: format_datetime(begun + timedelta(days=number)) for number in numbers}
    return [f"<guid isPermaLink='false'>{n}</guid><pubDate>{days[n]}</pubDate>{more}" for n in numbers]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("media", ["", MEDIA])
def test_of_too_many_entries_the_newest_are_read_wherever_they_stand(order: int, media: str) -> None:
    feed = read(rss(*numbered(*list(range(MAX_ENTRIES + 50))[::order]), channel=media))
    assert {entry.external_key for entry in feed.candidates} == {str(n) for n in range(50, MAX_ENTRIES + 50)}
    assert feed.left_out == 50 and feed.damage is None


def test_of_too_many_entries_without_dates_both_ends_are_read() -> None:
    feed = read(rss(*(f"<guid isPermaLink='false'>{n}</guid>" for n in range(MAX_ENTRIES + 50))))
    half = MAX_ENTRIES // 2
    ends = [*range(half), *range(half + 50, MAX_ENTRIES + 50)]
    assert [entry.external_key for entry in feed.candidates] == [str(n) for n in ends]


def test_of_entries_with_too_many_parts_the_newest_are_read() -> None:
    feed = read(rss(*numbered(*range(60), more="<x/>" * 1000)))
    keys = [entry.external_key for entry in feed.candidates]
    assert keys == [str(n) for n in range(60 - len(keys), 60)] and 40 < len(keys) < 50
    assert feed.left_out == 60 - len(keys)


def test_all_of_a_feed_that_is_just_full_is_read() -> None:
    feed = read(rss(*numbered(*range(MAX_ENTRIES))))
    assert (len(feed.candidates), feed.left_out) == (MAX_ENTRIES, 0)


@given(
    strategies.lists(strategies.none() | strategies.datetimes(timezones=strategies.just(UTC)), max_size=30),
    strategies.integers(1, 12),
)
def test_none_that_is_left_out_is_newer_than_one_that_is_read(times: list[datetime | None], most: int) -> None:
    chosen = newest(times, most)
    assert len(chosen) == min(most, len(times))
    if all(times):
        left_out = [at for place, at in enumerate(times) if at and place not in chosen]
        assert max(left_out, default=datetime.min.replace(tzinfo=UTC)) <= min(
            (at for place, at in enumerate(times) if at and place in chosen), default=datetime.max.replace(tzinfo=UTC)
        )


def test_scripts_in_headlines_and_links_are_gone() -> None:
    feed = hostile("scripts.xml")
    assert feed.title == "Byens nyt"
    assert [entry.title for entry in feed.candidates] == ["Ny bro", "Ny skole", "Ny hal", "Ny havn og kaj"]
    assert {entry.link.partition(":")[0] for entry in feed.candidates} <= {"", "https"}
    assert all(entry.pictures == () for entry in feed.candidates)


def test_what_is_missing_is_made_up_only_where_a_headline_is_needed() -> None:
    text, address, headline, year = hostile("missing.xml").candidates
    assert text.title.startswith("Kun en tekst, som fortæller")
    assert text.title.endswith("…")
    assert len(text.title) <= 100
    assert address.title == address.link == "https://havnby.example.org/kun-en-adresse"
    assert headline == Candidate("", "Kun en overskrift")
    assert (year.external_key, year.title) == ("", "Sært år")


def test_a_feed_that_breaks_off_gives_what_is_whole_and_says_so() -> None:
    feed = hostile("truncated.xml")
    assert [(entry.external_key, entry.title) for entry in feed.candidates] == [("1", "Hel nyhed")]
    assert feed.damage and "damaged" in feed.damage.msgid and feed.damage.params == {"number": "1"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_its_own_are_refused_unread(encoding: str) -> None:
    bomb = (HERE / "hostile" / "entity_bomb.xml").read_text().encode(encoding)
    with pytest.raises(PermanentError) as refused:
        read(bomb)
    assert "entities" in refused.value.explanation.msgid


def test_ten_thousand_tags_inside_each_other() -> None:
    elements = "<x>" * 10_000 + "</x>" * 10_000
    assert read(rss(elements + "<guid isPermaLink='false'>1</guid>" + MEDIA)).candidates[0].external_key == "1"
    markup = "<description>" + "&lt;div&gt;" * 10_000 + "Hej</description>"
    assert only(markup).lead == "Hej"
    assert only(MEDIA.replace("<media:desc", "<x>" * 10_000 + "</x>" * 10_000 + "<media:desc")).pictures


@pytest.mark.parametrize(
    ("body", "content_type", "word"),
    [
        (b"", RSS, "empty"),
        (b" \r\n\t ", RSS, "empty"),
        (b"<!DOCTYPE html><html><title>Havnby</title><p>Velkommen", "text/html", "web page"),
        (b"<html><body>Velkommen", "application/octet-stream", "web page"),
        (b"Velkommen", "text/html", "web page"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20, "image/png", "neither"),
        (b"/etc/hostname", RSS, "neither"),
        (b"<?xml version='1.0'?><opml version='2.0'><body/></opml>", "text/xml", "neither"),
        (b"\xff\xfe\x00\x00" * 100, RSS, "neither"),
    ],
)
def test_what_is_no_feed_is_named(body: bytes, content_type: str, word: str) -> None:
    with pytest.raises(PermanentError) as refused:
        read(body, content_type)
    assert refused.value.reason == "not_a_feed"
    assert word in refused.value.explanation.msgid


def test_a_web_page_that_names_its_feed_is_helped() -> None:
    with pytest.raises(PermanentError) as refused:
        read(b"<!doctype html><link rel=alternate type=application/rss+xml href=/nyt.rss><h1>Havnby", "text/html")
    assert refused.value.explanation.params == {"feed": "https://havnby.example.org/nyt.rss"}


@settings(max_examples=60, deadline=None)
@given(strategies.binary(max_size=300), strategies.sampled_from(["head", "item", "description", "alone"]))
def test_no_bytes_make_reading_fail_in_another_way(junk: bytes, where: str) -> None:
    frames = {"head": ("<?xml", rss("x")), "item": ("Nyt", rss("x")), "description": ("Kort", rss(DESCRIPTION + MEDIA))}
    place, frame = frames.get(where, ("", ""))
    body = frame.encode().replace(place.encode(), place.encode() + junk, 1) if place else junk
    try:
        candidates = read(body).candidates
    except PermanentError as error:
        assert str(error)
    else:
        assert all(entry.title and r"\x00" not in repr(entry) for entry in candidates)


@pytest.mark.parametrize(("deep", "is_read_first"), [(DEEPEST - 2, True), (DEEPEST, False)])
def test_a_feed_without_bottom_is_not_gone_through_to_its_end(deep: int, is_read_first: bool) -> None:
    """Each element that has not ended costs memory."""
    text = f"<rss><channel>{'<item><guid>1</guid></item>' * 501}{'<a>' * deep}{'</a>' * deep}</channel></rss>"
    assert (newest_in(text, 500, 1_000_000) is not None) is is_read_first
