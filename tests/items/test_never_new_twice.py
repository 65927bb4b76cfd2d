"""No sequence of polls, of whatever a website may do to its feeds, makes an item new twice."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.items.collect import collect_source
from publisher.models import Item, Organisation, Sighting, Source
from publisher.vocabulary import ItemState
from tests.items.website import HOST, Story, website

pytestmark = pytest.mark.database

FEEDS = (f"{HOST}/en.xml", f"{HOST}/to.xml")
STORIES = [Story(f"Nyhed {n}", f"{HOST}/nyheder/{n}", f"guid-{n}", body="<p>x</p>") for n in range(4)]

# What websites do to an entry that is still the same entry.
disguises = st.sampled_from(
    [
        lambda story: story,
        lambda story: replace(story, guid=""),
        lambda story: replace(story, guid=f"ny-{story.guid}"),
        lambda story: replace(story, link=f"{story.link}/?utm_source=rss"),
        lambda story: replace(story, link=story.link.replace("https://", "http://")),
        lambda story: replace(story, title=f"Opdateret: {story.title}"),
        lambda story: replace(story, body="<p>Andre ord.</p>"),
        lambda story: replace(story, published=None),
    ]
)
stories = st.builds(lambda story, disguise: disguise(story), st.sampled_from(STORIES), disguises)
failures = st.sampled_from([304, 404, 500])
pages = st.lists(stories, max_size=4, unique_by=lambda story: story.link.split("/")[4])
polls = st.lists(st.tuples(st.sampled_from(FEEDS), st.one_of(pages, failures)), max_size=7)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(polls)
def test_an_item_is_new_once(secretariat: Organisation, looks: list[tuple[str, list[Story] | int]]) -> None:
    Item.objects.all().delete()
    Source.objects.all().delete()
    sources = {
        url: Source.objects.create(organisation=secretariat, kind="feed", name=url, config={"url": url})
        for url in FEEDS
    }
    new: list[int] = []
    shown: set[str] = set()
    with website() as site:
        for url, look in looks:
            if isinstance(look, int):
                site.pages[url] = httpx.Response(look)
            else:
                site.show(*look, url=url)
                shown |= {story.link.split("/")[4] for story in look}
            before = dict(Item.objects.values_list("pk", "state"))
            first = not Source.objects.get(pk=sources[url].pk).first_poll_done
            collected = collect_source(sources[url].pk)
            new += collected.new
            after = dict(Item.objects.values_list("pk", "state"))
            assert {pk: after[pk] for pk in before} == before
            assert set(collected.new) == {pk for pk in after if pk not in before and after[pk] == ItemState.NEW}
            assert not (first and collected.new)
    assert len(new) == len(set(new))
    assert Item.objects.count() == len(shown)
    assert Sighting.objects.values("source", "external_key").distinct().count() == Sighting.objects.count()
