"""What comes along with an item: its picture, its topics and areas."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
import time_machine
from django.utils import timezone

from publisher.items.collect import collect_source
from publisher.models import Area, Cooperation, Item, Organisation, Source, Topic
from tests.items.website import FEED, HOST, Story, drawing, feed_of, website

pytestmark = pytest.mark.database

CHOIR = Story("Åbent kor på Ærø", f"{HOST}/nyheder/kor", "nyhed-1", body="<p>Kom og syng. Alle kan være med.</p>")
MARKET = Story("Julemarked", f"{HOST}/nyheder/marked", "nyhed-2", body="<p>Boder på torvet.</p>")
PICTURE = f"{HOST}/billeder/kor.jpg"


def test_the_picture_comes_along(source: Source) -> None:
    with website(replace(CHOIR, picture=PICTURE, picture_text="Koret synger i kirken.")) as site:
        site.put(PICTURE, drawing())
        collected = collect_source(source.pk)
    picture = Item.objects.get().picture
    assert picture is not None
    assert (picture.alt, picture.organisation_id) == ("Koret synger i kirken.", source.organisation_id)
    assert collected.without_picture == []


def test_the_first_usable_picture_is_taken(source: Source) -> None:
    story = replace(CHOIR, picture=PICTURE, body=f'<p>x</p><img src="{HOST}/i.jpg" alt="Koret">')
    with website(story) as site:
        site.put(PICTURE, b"<html>", "text/html")
        site.put(f"{HOST}/i.jpg", drawing())
        collect_source(source.pk)
    item = Item.objects.get()
    assert item.picture is not None
    assert item.picture.source_url == f"{HOST}/i.jpg"
    assert item.picture_error == {}


def test_an_item_without_a_usable_picture_is_kept_and_says_why(source: Source) -> None:
    with website(replace(CHOIR, picture=PICTURE)) as site:
        site.put(PICTURE, b"<svg/>", "image/svg+xml")
        collected = collect_source(source.pk)
    item = Item.objects.get()
    assert item.picture is None
    assert "JPEG" in item.picture_error["msgid"]
    assert collected.without_picture == [item.pk]
    assert collected.error is None


def test_a_picture_that_was_only_delayed_is_tried_again(source: Source) -> None:
    with website(replace(CHOIR, picture=PICTURE)) as site:
        site.pages[PICTURE] = httpx.Response(503)
        collect_source(source.pk)
        assert Item.objects.get().picture is None
        site.put(PICTURE, drawing())
        assert not collect_source(source.pk).unchanged
        asked = len(site.asked)
        assert collect_source(source.pk).unchanged
        assert site.asked[asked:] == [FEED]
    item = Item.objects.get()
    assert item.picture is not None
    assert (item.picture_error, item.revision) == ({}, 1)


def test_slow_pictures_do_not_hold_up_the_news(source: Source) -> None:
    with website() as site, time_machine.travel(timezone.now(), tick=False) as clock:
        stories = [
            replace(CHOIR, guid=str(n), link=f"{HOST}/{n}", title=str(n), picture=f"{HOST}/{n}.jpg") for n in range(9)
        ]

        def slowly(request: httpx.Request) -> httpx.Response:
            clock.shift(timedelta(seconds=110))
            return httpx.Response(200, content=drawing())

        site.pages |= {f"{HOST}/{n}.jpg": slowly for n in range(9)}
        site.show(*stories)
        first = collect_source(source.pk)
        assert (first.seen, len(first.without_picture)) == (9, 6)
        second = collect_source(source.pk)
        assert (second.seen, second.changed, len(second.without_picture)) == (0, 0, 3)
        collect_source(source.pk)
    assert not Item.objects.filter(picture=None).exists()
    assert set(Item.objects.values_list("revision", flat=True)) == {1}


def test_a_picture_is_not_waited_for_longer_than_a_day(source: Source) -> None:
    picture = f"{HOST}/billeder/kor.jpg"
    with website(replace(CHOIR, picture=picture)) as site:
        site.pages[picture] = httpx.Response(503)
        collect_source(source.pk)
        with time_machine.travel(timezone.now() + timedelta(hours=25)):
            collect_source(source.pk)
            assert collect_source(source.pk).unchanged
        assert site.asked.count(picture) == 1


def test_a_picture_that_is_no_use_is_not_asked_for_again(source: Source) -> None:
    with website(replace(CHOIR, picture=PICTURE)) as site:
        collect_source(source.pk)
        site.show(replace(CHOIR, picture=PICTURE), MARKET)
        collect_source(source.pk)
        assert site.asked.count(PICTURE) == 1


def test_another_picture_is_a_change_and_the_same_under_another_name_is_not(source: Source) -> None:
    with website(replace(CHOIR, picture=PICTURE)) as site:
        site.put(PICTURE, drawing())
        collect_source(source.pk)
        site.show(replace(CHOIR, picture=f"{PICTURE}?v=2"))
        site.put(f"{PICTURE}?v=2", drawing())
        assert collect_source(source.pk).changed == 0
        site.show(replace(CHOIR, picture=f"{PICTURE}?v=3"))
        site.put(f"{PICTURE}?v=3", drawing(colour="#AA0000"))
        assert collect_source(source.pk).changed == 1
        site.show(replace(CHOIR, picture=f"{PICTURE}?v=4"))
        collect_source(source.pk)
    item = Item.objects.get()
    assert item.revision == 2
    assert item.picture is not None
    assert item.picture_error["params"]["status"] == "404"


def test_words_become_topics_and_areas_of_the_organisation_and_its_cooperations(
    source: Source, secretariat: Organisation, cooperation: Cooperation, elsewhere: Organisation
) -> None:
    music = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    koege = Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")
    roedovre = Area.objects.create(organisation=secretariat, name="Rødovre", slug="roedovre")
    Topic.objects.create(organisation=elsewhere, name="Kulturaftale", slug="kulturaftale")
    Area.objects.create(cooperation=Cooperation.objects.create(name="x", slug="x"), name="Ishøj", slug="ishoej")
    with website(
        replace(CHOIR, tags=["MUSIK", "Kulturaftale", "rødovre", "Musik"], areas=["KØGE", "Ishøj", "koege", "Musik"])
    ):
        collect_source(source.pk)
    item = Item.objects.get()
    assert list(item.topics.all()) == [music]
    assert set(item.areas.all()) == {koege, roedovre}
    assert item.tags == ["Kulturaftale", "Ishøj", "Musik"]


def test_a_change_adds_topics_and_keeps_what_staff_chose(source: Source, secretariat: Organisation) -> None:
    chosen = Topic.objects.create(organisation=secretariat, name="Børn & unge", slug="boern-og-unge")
    music = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    with website(CHOIR) as site:
        collect_source(source.pk)
        Item.objects.get().topics.add(chosen)
        site.show(replace(CHOIR, title="Kor", tags=["musik"]))
        collect_source(source.pk)
    assert set(Item.objects.get().topics.all()) == {chosen, music}


def test_a_feed_that_breaks_off_is_read_as_far_as_it_goes_and_says_so(source: Source) -> None:
    whole = feed_of(CHOIR, MARKET)
    cut = whole[: whole.rindex(b"<item>") + 12]
    headers = {"content-type": "application/rss+xml", "etag": '"1"'}
    with website(CHOIR) as site:
        site.pages[FEED] = httpx.Response(200, content=cut, headers=headers)
        collect_source(source.pk)
        source.refresh_from_db()
        assert [item.title for item in Item.objects.all()] == [CHOIR.title]
        assert "damaged" in source.last_error["msgid"] and source.last_error["params"] == {"number": "1"}
        assert source.failures == 0
        # The same bytes are read again: they are no proof that nothing is new.
        assert not collect_source(source.pk).unchanged
        site.pages[FEED] = httpx.Response(200, content=whole, headers=headers)
        collect_source(source.pk)
    source.refresh_from_db()
    assert source.last_error == {}
    assert Item.objects.count() == 2
