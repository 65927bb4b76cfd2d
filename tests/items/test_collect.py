"""From a website to items: what is new, what is known, what changed, and what goes wrong on the way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from publisher.items.collect import collect_source
from publisher.models import Item, ItemRevision, Organisation, Sighting, Source
from publisher.vocabulary import ItemState
from tests.items.website import FEED, HOST, Story, drawing, website

pytestmark = pytest.mark.database

CHOIR = Story("Åbent kor på Ærø", f"{HOST}/nyheder/kor", "nyhed-1", body="<p>Kom og syng. Alle kan være med.</p>")
MARKET = Story("Julemarked", f"{HOST}/nyheder/marked", "nyhed-2", body="<p>Boder på torvet.</p>")
DANCE = Story("Dans i hallen", f"{HOST}/nyheder/dans", "nyhed-3", body="<p>For alle.</p>")


@pytest.fixture
def other_source(secretariat: Organisation) -> Source:
    """A second feed of the same organisation."""
    return Source.objects.create(
        organisation=secretariat, kind="feed", name="Samarbejdet", config={"url": f"{HOST}/andet.xml"}
    )


def states() -> dict[str, str]:
    return dict(Item.objects.values_list("title", "state"))


def test_the_first_look_is_the_back_catalogue(source: Source) -> None:
    with website(*(replace(CHOIR, guid=f"g{n}", link=f"{HOST}/n/{n}", title=f"Nyhed {n}") for n in range(120))):
        collected = collect_source(source.pk)
    assert (collected.new, collected.seen, collected.changed, collected.unchanged) == ([], 120, 0, False)
    assert set(states().values()) == {ItemState.SEEN}
    source.refresh_from_db()
    assert source.first_poll_done
    assert source.last_new_item_at is None


def test_what_comes_later_is_new(source: Source) -> None:
    with website(CHOIR) as site:
        collect_source(source.pk)
        site.show(MARKET, CHOIR)
        collected = collect_source(source.pk)
    item = Item.objects.get(title="Julemarked")
    assert (collected.new, collected.seen) == ([item.pk], 0)
    assert states() == {"Åbent kor på Ærø": "seen", "Julemarked": "new"}
    source.refresh_from_db()
    assert source.last_new_item_at is not None


def test_the_back_catalogue_can_be_asked_for(source: Source) -> None:
    with website(CHOIR, MARKET):
        collected = collect_source(source.pk, back_catalogue=True)
    assert len(collected.new) == 2
    assert set(states().values()) == {ItemState.NEW}


def test_an_empty_first_look_is_a_look(source: Source) -> None:
    with website() as site:
        collect_source(source.pk)
        site.show(CHOIR)
        assert len(collect_source(source.pk).new) == 1


def test_an_item_holds_what_the_feed_says(source: Source) -> None:
    story = replace(
        CHOIR,
        title="A\u030abent   kor",
        body='<h1>Program</h1><p onclick=x>Kom. <a href="/om">Om</a></p><script>ond()</script>',
        published=datetime(2026, 11, 20, 7, 30, tzinfo=UTC),
    )
    with website(story):
        collect_source(source.pk)
    item = Item.objects.get()
    assert item.title == "Åbent kor"
    assert item.body_html == (f'<h2>Program</h2><p>Kom. <a href="{HOST}/om" rel="noopener noreferrer">Om</a></p>')
    assert item.body_text == "Program\n\nKom. Om"
    assert item.published_at == datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
    assert (item.link, item.link_key) == (f"{HOST}/nyheder/kor", "kultur.example.org/nyheder/kor")
    sighting = Sighting.objects.get()
    assert (sighting.source_id, sighting.item_id, sighting.external_key) == (source.pk, item.pk, "nyhed-1")


def test_a_lead_that_is_missing_comes_from_the_first_paragraph(source: Source) -> None:
    with website(CHOIR, replace(MARKET, lead="Torvet fyldes.")):
        collect_source(source.pk)
    assert Item.objects.get(title=CHOIR.title).lead == "Kom og syng. Alle kan være med."
    assert Item.objects.get(title="Julemarked").lead == "Torvet fyldes."


def test_an_entry_with_nothing_but_a_headline_is_an_item(source: Source) -> None:
    with website(Story("Billedskoleworkshop", guid="b", published=None)):
        collect_source(source.pk)
    item = Item.objects.get()
    assert (item.lead, item.body_html, item.body_text, item.link, item.link_key) == ("", "", "", "", "")
    assert item.published_at is None


def test_a_date_ahead_of_us_is_taken_as_now(source: Source) -> None:
    with website(replace(CHOIR, published=datetime(2099, 1, 1, tzinfo=UTC))):
        collect_source(source.pk)
    published_at = Item.objects.get().published_at
    assert published_at is not None
    assert published_at <= timezone.now()


def test_texts_that_no_database_holds_are_made_to_fit(source: Source) -> None:
    long = replace(CHOIR, title="Ord " * 200, guid="g" * 900, link=f"{HOST}/" + "x" * 1200, tags=["y" * 500])
    with website(long) as site:
        collect_source(source.pk)
        site.show(long, MARKET)
        collected = collect_source(source.pk)
    item = Item.objects.get(link="")
    assert len(item.title) <= 300
    assert item.title.endswith("…")
    assert [Item.objects.get(pk=pk).title for pk in collected.new] == ["Julemarked"]


# --- Two sources, one page ----------------------------------------------------------------------------------------


def test_two_sources_with_one_link_have_one_item(source: Source, other_source: Source) -> None:
    theirs = replace(
        CHOIR, guid="andet-77", title="Kor", link="http://kultur.example.org/nyheder/kor/?utm_source=andet"
    )
    with website(CHOIR) as site:
        collect_source(source.pk, back_catalogue=True)
        site.show(theirs, url=f"{HOST}/andet.xml")
        collected = collect_source(other_source.pk, back_catalogue=True)
    item = Item.objects.get()
    assert (collected.new, collected.seen, collected.changed) == ([], 0, 0)
    assert set(item.sightings.values_list("source_id", "external_key")) == {
        (source.pk, "nyhed-1"), (other_source.pk, "andet-77"),
    }  # fmt: skip
    assert item.title == CHOIR.title


def test_two_sources_that_word_an_item_differently_do_not_take_turns(source: Source, other_source: Source) -> None:
    with website() as site:
        for number in range(3):
            fresh = replace(MARKET, guid=f"{number}", link=f"{HOST}/{number}")
            site.show(fresh, CHOIR)
            site.show(fresh, replace(CHOIR, guid="andet", body="<p>Kort.</p>"), url=f"{HOST}/andet.xml")
            ours, theirs = collect_source(source.pk), collect_source(other_source.pk)
            assert (ours.unchanged, theirs.unchanged) == (False, False)
            assert (ours.changed, theirs.changed) == (0, 0)
    assert Item.objects.get(title=CHOIR.title).revision == 1


def test_the_second_source_speaks_for_an_item_whose_first_is_gone(source: Source, other_source: Source) -> None:
    with website(CHOIR) as site:
        collect_source(source.pk)
        site.show(CHOIR, url=f"{HOST}/andet.xml")
        collect_source(other_source.pk)
        Source.objects.filter(pk=source.pk).update(status="paused")
        site.show(replace(CHOIR, title="Koret er aflyst"), url=f"{HOST}/andet.xml")
        assert collect_source(other_source.pk).changed == 1
    assert Item.objects.get().title == "Koret er aflyst"


def test_another_organisations_items_are_its_own(source: Source, elsewhere: Organisation) -> None:
    theirs = Source.objects.create(organisation=elsewhere, kind="feed", name="x", config={"url": FEED})
    with website(CHOIR):
        collect_source(source.pk)
        collect_source(theirs.pk)
    assert Item.objects.count() == 2
    assert set(Item.objects.values_list("organisation_id", flat=True)) == {source.organisation_id, elsewhere.pk}


# --- Changes ------------------------------------------------------------------------------------------------------


def test_a_changed_entry_is_a_new_revision_in_the_same_state(source: Source) -> None:
    with website(CHOIR) as site:
        collect_source(source.pk)
        site.show(replace(CHOIR, title="Koret er flyttet", body="<p>Til hallen.</p>"))
        collected = collect_source(source.pk)
        site.show(replace(CHOIR, title="Koret er flyttet igen", body="<p>Til hallen.</p>"))
        collect_source(source.pk)
    item = Item.objects.get()
    assert (collected.new, collected.changed) == ([], 1)
    assert (item.revision, item.state, item.title) == (3, ItemState.SEEN, "Koret er flyttet igen")
    assert list(
        ItemRevision.objects.order_by("number").values_list("number", "content__title", "content__body_text")
    ) == [
        (1, CHOIR.title, "Kom og syng. Alle kan være med."),
        (2, "Koret er flyttet", "Til hallen."),
        (3, "Koret er flyttet igen", "Til hallen."),
    ]


def test_what_reads_the_same_is_no_change(source: Source) -> None:
    with website(CHOIR) as site:
        collect_source(source.pk)
        site.show(
            replace(CHOIR, title=" Åbent  kor på Ærø ", body="<div>Kom og syng. Alle kan være med.</div>", tags=["Ny"])
        )
        assert collect_source(source.pk).changed == 0
    assert Item.objects.get().revision == 1


def test_a_changed_guid_is_not_a_new_item(source: Source) -> None:
    with website(CHOIR, MARKET) as site:
        collect_source(source.pk)
        site.show(replace(CHOIR, guid="ny-1"), replace(MARKET, guid=""))
        collected = collect_source(source.pk)
    assert (collected.new, collected.changed) == ([], 0)
    assert Item.objects.count() == 2


def test_a_moved_page_is_followed_unless_another_item_is_there(source: Source) -> None:
    with website(CHOIR, MARKET) as site:
        collect_source(source.pk)
        site.show(
            replace(CHOIR, link=f"{HOST}/nyheder/kor-paa-aeroe"), replace(MARKET, link=f"{HOST}/nyheder/marked/2026")
        )
        collect_source(source.pk)
        assert Item.objects.get(title=CHOIR.title).link == f"{HOST}/nyheder/kor-paa-aeroe"
        site.show(replace(CHOIR, link=f"{HOST}/nyheder/marked/2026"))
        collect_source(source.pk)
    assert Item.objects.get(title=CHOIR.title).link == f"{HOST}/nyheder/kor-paa-aeroe"
    assert ItemRevision.objects.count() == 0


def test_a_link_that_all_entries_share_tells_nothing(source: Source) -> None:
    with website(replace(CHOIR, link=f"{HOST}/nyheder"), replace(MARKET, link=f"{HOST}/nyheder")) as site:
        collect_source(source.pk)
        site.show(replace(MARKET, link=f"{HOST}/nyheder"), replace(DANCE, link=f"{HOST}/nyheder"))
        collected = collect_source(source.pk)
    assert [Item.objects.get(pk=pk).title for pk in collected.new] == ["Dans i hallen"]
    assert Item.objects.count() == 3


def test_a_front_page_as_link_tells_nothing(source: Source) -> None:
    with website(replace(CHOIR, link=HOST)) as site:
        collect_source(source.pk)
        site.show(replace(MARKET, link=f"{HOST}/"))
        assert len(collect_source(source.pk).new) == 1
        site.show(replace(DANCE, link=f"{HOST}/?p=12"))
        collect_source(source.pk)
    assert Item.objects.get(title="Dans i hallen").link_key == "kultur.example.org?p=12"


def test_one_page_twice_in_a_feed_is_one_item_with_its_first_words(source: Source) -> None:
    twice = (CHOIR, replace(CHOIR, guid="nyhed-1-igen", body="<p>Andre ord.</p>"))
    with website(*twice) as site:
        assert collect_source(source.pk).seen == 1
        site.show(*twice, MARKET)
        assert collect_source(source.pk).changed == 0
    assert Item.objects.get(title=CHOIR.title).revision == 1
    assert Sighting.objects.filter(item__title=CHOIR.title).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_network_is_never_used_inside_a_transaction(source: Source) -> None:
    inside: list[bool] = []

    def watching(answer: httpx.Response) -> object:
        def page(request: httpx.Request) -> httpx.Response:
            inside.append(connection.in_atomic_block)
            return answer

        return page

    picture = f"{HOST}/billeder/kor.jpg"
    with website(replace(CHOIR, picture=picture)) as site:
        site.put(picture, drawing())
        site.pages = {url: watching(page) for url, page in site.pages.items()}  # type: ignore[misc, arg-type]
        collect_source(source.pk)
    assert inside == [False, False]


def test_the_real_feed_quirks(source: Source) -> None:
    """Missing guids and descriptions, double-escaped text, cut names, tracking parameters, areas as a domain."""
    stories = (
        replace(CHOIR, tags=["Musik"], areas=["Køge"]),
        Story("Billedskoleworkshop", f"{HOST}/nyheder/billedskole", f"{HOST}/nyheder/billedskole"),
        Story("Seminar", f"{HOST}/nyheder/seminar?utm_source=rss", lead="Onlineseminar &amp; debat"),
    )
    with website(*stories) as site:
        collect_source(source.pk)
        moved = tuple(replace(story, link=re.sub("utm_source=rss", "utm_source=web", story.link)) for story in stories)
        site.show(*moved, MARKET)
        collected = collect_source(source.pk)
    assert len(collected.new) == 1
    seminar = Item.objects.get(title="Seminar")
    assert (seminar.lead, seminar.link) == ("Onlineseminar & debat", f"{HOST}/nyheder/seminar")
    assert Item.objects.get(title=CHOIR.title).tags == ["Musik", "Køge"]


def test_next_time_is_when_both_sides_want_it(source: Source) -> None:
    with website(CHOIR) as site:
        before = timezone.now()
        collect_source(source.pk)
        source.refresh_from_db()
        assert source.next_poll_at is not None
        assert timedelta(seconds=900) <= source.next_poll_at - before <= timedelta(seconds=1000)
        site.pages[FEED].headers["cache-control"] = "max-age=7200"  # type: ignore[union-attr]
        collect_source(source.pk)
    source.refresh_from_db()
    assert source.next_poll_at - before >= timedelta(seconds=7200)
