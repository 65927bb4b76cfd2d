"""A new item's page: asked for what its feed lacks, so many and no more, and never in the way of the feed."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from publisher.items import page_facts
from publisher.items.collect import collect_source
from publisher.items.entries import Entry, entries_of
from publisher.items.page_facts import Pages
from publisher.models import Item, Source
from publisher.sources.contract import Candidate, PictureRef
from tests.items.website import HOST, Story, Website, drawing, website

pytestmark = pytest.mark.database

LINK = f"{HOST}/nyheder/kor"
CHOIR = Story("Åbent kor på Ærø", LINK, "nyhed-1", body="<p>Kom og syng.</p>")
SHARED = b'<meta property="og:image" content="/kor.jpg"><meta property="og:image:alt" content="Et kor synger">'
EVENT = (
    b'<script type="application/ld+json">{"@type": "Event", "name": "Kor", "startDate": "2027-01-13T19:30:00+01:00"}'
    b"</script>"
)


def entry(link: str = LINK, **more: object) -> Entry:
    candidate = Candidate("n1", "Kor", link=link, **more)  # type: ignore[arg-type]
    return entries_of([candidate])[0]


def with_page(page: bytes = SHARED) -> Website:
    site = Website()
    site.put(LINK, page, "text/html; charset=utf-8")
    return site


def test_an_item_without_picture_gets_its_page_s(source: Source) -> None:
    with website(CHOIR) as site:
        site.put(LINK, SHARED, "text/html")
        site.put(f"{HOST}/kor.jpg", drawing())
        collect_source(source.pk)
        collect_source(source.pk)
    item = Item.objects.get()
    assert item.picture is not None
    assert (item.picture.alt, item.picture.file_name) == ("Et kor synger", "kor.jpg")
    assert site.asked.count(LINK) == 1


def test_an_edited_item_keeps_its_page_s_picture(source: Source) -> None:
    with website(CHOIR) as site:
        site.put(LINK, SHARED, "text/html")
        site.put(f"{HOST}/kor.jpg", drawing())
        collect_source(source.pk)
        site.show(replace(CHOIR, title="Åbent kor i dag"))
        collect_source(source.pk)
        assert Item.objects.get().picture is not None
        site.pages[LINK] = httpx.Response(503)
        site.show(replace(CHOIR, title="Åbent kor i morgen"))
        collect_source(source.pk)
    item = Item.objects.get()
    assert (item.title, item.picture is not None) == ("Åbent kor i morgen", True)


def test_a_page_in_trouble_is_tried_again(source: Source) -> None:
    with website() as site:
        collect_source(source.pk)
        site.show(CHOIR)
        site.pages[LINK] = httpx.Response(503)
        assert len(collect_source(source.pk).new) == 1
        assert Item.objects.get().picture_error["again"]
        source.refresh_from_db()
        assert source.state["body_hash"]
        site.put(LINK, SHARED, "text/html")
        site.put(f"{HOST}/kor.jpg", drawing())
        # Not for its own sake: with the feed's next change.
        assert collect_source(source.pk).unchanged
        site.show(replace(CHOIR, title="Julemarked", guid="2", link=f"{HOST}/marked"), CHOIR)
        collect_source(source.pk)
    item = Item.objects.get(title=CHOIR.title)
    assert (item.picture is not None, item.picture_error) == (True, {})


@pytest.mark.parametrize(
    "page",
    [httpx.Response(404), httpx.Response(200, content=b"x" * 2_000_000), httpx.Response(200, content=b"\xff\xd8"),
     httpx.Response(302, headers={"location": "http://10.0.0.1/"}), httpx.Response(200, content=SHARED)],
    ids=["gone", "huge", "no page", "elsewhere", "no picture there"],
)  # fmt: skip
def test_a_page_of_no_use_says_nothing_of_the_item(source: Source, page: httpx.Response) -> None:
    with website(CHOIR) as site:
        site.pages[LINK] = page
        collected = collect_source(source.pk, back_catalogue=True)
    assert len(collected.new) == 1
    assert Item.objects.get().picture is None
    assert collected.error is None


def test_a_picture_that_a_colleague_chose_stays(source: Source) -> None:
    with website(replace(CHOIR, picture=f"{HOST}/feed.jpg")) as site:
        site.put(f"{HOST}/feed.jpg", drawing())
        collect_source(source.pk)
        chosen = Item.objects.get().picture
        Item.objects.update(picture_by_hand=True)
        site.put(f"{HOST}/ny.jpg", drawing(650))
        site.show(replace(CHOIR, picture=f"{HOST}/ny.jpg", title="Andet"))
        collect_source(source.pk)
    item = Item.objects.get()
    assert (item.title, item.picture) == ("Andet", chosen)


def test_what_lacks_nothing_is_not_looked_up() -> None:
    picture = PictureRef(f"{HOST}/a.jpg")
    with website() as site:
        assert Pages(patient=True).completed(entry(pictures=(picture,))).pictures == (picture,)
        assert Pages(patient=True).completed(entry(link="")).pictures == ()
    assert site.asked == []


def test_an_entry_that_seems_an_event_is_looked_up_for_its_day(source: Source) -> None:
    picture = PictureRef(f"{HOST}/a.jpg")
    with website() as site:
        site.put(LINK, EVENT + SHARED, "text/html")
        plain = Pages(patient=True).completed(entry(pictures=(picture,)))
        concert = Pages(patient=True).completed(entry(pictures=(picture,), tags=("Koncerter",)))
    assert (plain.event, site.asked) == (None, [LINK])
    assert concert.event is not None
    assert concert.pictures == (picture,)
    assert concert.content_hash == plain.content_hash


def test_so_many_pages_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_facts, "PAGES_PER_POLL", 2)
    with website() as site:
        pages = Pages(patient=True)
        found = [pages.completed(entry(f"{HOST}/n/{number}")) for number in range(4)]
        assert len(site.asked) == 2
        assert [bool(each.page_error) for each in found] == [False, False, True, True]
        assert found[3].page_error is not None and found[3].page_error["again"]
        impatient = Pages(patient=False)
        assert [impatient.completed(entry(f"{HOST}/m/{number}")).page_error for number in range(2)] == [None, None]
        left = impatient.completed(entry(f"{HOST}/m/3")).page_error
        assert left is not None and not left["again"]
