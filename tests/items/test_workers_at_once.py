"""Two workers at the same moment: two sources that give the same pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import httpx
import pytest
from django.db import connections

from publisher.items.collect import Collected, collect_source
from publisher.models import Item, Sighting, Source
from tests.items.website import FEED, HOST, Story, drawing, feed_of, website

pytestmark = pytest.mark.database

OTHER = f"{HOST}/andet.xml"
STORIES = [Story(f"Nyhed {n}", f"{HOST}/nyheder/{n}", f"guid-{n}", body="<p>x</p>") for n in range(30)]


@pytest.fixture
def other_source(source: Source) -> Source:
    """A second feed of the same organisation."""
    return Source.objects.create(organisation=source.organisation, kind="feed", name="x", config={"url": OTHER})


def test_a_page_that_another_source_gave_while_its_picture_was_fetched(source: Source, other_source: Source) -> None:
    story = replace(STORIES[0], picture=f"{HOST}/kor.jpg")
    meanwhile: list[Collected] = []

    def picture(request: httpx.Request) -> httpx.Response:
        meanwhile.append(collect_source(other_source.pk, back_catalogue=True))
        return httpx.Response(200, content=drawing())

    with website(story) as site:
        site.show(STORIES[0], url=OTHER)
        site.pages[f"{HOST}/kor.jpg"] = picture
        collected = collect_source(source.pk, back_catalogue=True)
    item = Item.objects.get()
    assert (meanwhile[0].new, collected.new, collected.seen) == ([item.pk], [], 0)
    assert item.sightings.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_pages_make_each_item_once(source: Source, other_source: Source) -> None:
    together = Barrier(2, timeout=30)

    def at_once(request: httpx.Request) -> httpx.Response:
        together.wait()
        return httpx.Response(200, content=feed_of(*STORIES))

    def work(source_id: int) -> Collected:
        try:
            return collect_source(source_id, back_catalogue=True)
        finally:
            connections.close_all()

    with website() as site, ThreadPoolExecutor(2) as pool:
        site.pages |= {FEED: at_once, OTHER: at_once}
        results = list(pool.map(work, [source.pk, other_source.pk]))
    assert [result.error for result in results] == [None, None]
    new = [pk for result in results for pk in result.new]
    assert len(new) == len(set(new)) == Item.objects.count() == len(STORIES)
    assert Sighting.objects.count() == 2 * len(STORIES)
