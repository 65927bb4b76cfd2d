"""Sources as people set them up."""

from __future__ import annotations

import httpx
import pytest

from publisher.errors import InputError
from publisher.items.collect import collect_source
from publisher.items.first_look import change_source
from publisher.items.polling import claim
from publisher.items.sources import checked_address, dependants, known_feed, remove_source, resume
from publisher.models import Item, Newsletter, Organisation, Rule, Sighting, Source
from publisher.vocabulary import SourceStatus
from tests.items.website import FEED, HOST, Story, feed_of, website

pytestmark = pytest.mark.database


def test_one_address_is_one_source(secretariat: Organisation, elsewhere: Organisation, source: Source) -> None:
    assert known_feed(secretariat, FEED) == source
    assert known_feed(secretariat, "http://Kultur.example.org/feed.xml") == source
    assert known_feed(elsewhere, FEED) is None
    assert known_feed(secretariat, "https://kultur.example.org/andet.xml") is None
    assert checked_address(f" {FEED} ") == FEED


@pytest.mark.parametrize("url", ["", "kultur.example.org/feed.xml", "ftp://kultur.example.org/", "javascript:alert(1)"])
def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(InputError, match="https://"):
        checked_address(url)


def test_a_source_takes_the_name_that_it_gives_itself(secretariat: Organisation) -> None:
    source = Source.objects.create(
        organisation=secretariat, kind="feed", name="kultur.example.org", config={"url": FEED}
    )
    with website(Story("Kor", guid="1")):
        collect_source(source.pk)
    source.refresh_from_db()
    assert source.name == "Nyheder"


def test_a_name_that_staff_chose_stays(source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(name="Vores egen")
    with website(Story("Kor", guid="1")):
        collect_source(source.pk)
    source.refresh_from_db()
    assert source.name == "Vores egen"


def test_a_stopped_source_starts_again_with_a_clean_record(source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(
        status=SourceStatus.BROKEN, failures=20, strikes=3, last_error={"msgid": "x"}
    )
    resume(source)
    assert (source.status, source.failures, source.strikes, source.last_error) == (SourceStatus.ACTIVE, 0, 0, {})


MOVED = "https://kultur.example.org/nyt-feed.xml"


def test_another_address_is_read_from_the_start(source: Source) -> None:
    with website(Story("Kor", f"{HOST}/kor", "1")) as site:
        collect_source(source.pk)
        assert claim(source.pk)
        site.show(Story("Kor", f"{HOST}/kor", "a"), Story("Fra før", f"{HOST}/foer", "b"))
        site.pages[MOVED] = site.pages[FEED]
        change_source(source, {"url": f" {MOVED}"})
        assert (source.config, source.state, source.claim_id) == ({"url": MOVED}, {}, None)
        collected = collect_source(source.pk)
    assert (collected.new, collected.seen) == ([], 1), "what is there first is back catalogue"


def test_two_sources_cannot_have_one_address(source: Source) -> None:
    other = Source.objects.create(organisation=source.organisation, kind="feed", name="Den anden", config={"url": "x"})
    with pytest.raises(InputError, match="Nyheder"):
        change_source(other, {"url": f"{FEED}?utm_source=x"})
    other.refresh_from_db()
    assert other.config == {"url": "x"}


def test_what_came_from_a_removed_source_stays(source: Source) -> None:
    with website(Story("Kor", guid="1")):
        collect_source(source.pk)
    remove_source(source)
    assert not Source.objects.exists()
    assert Item.objects.get().title == "Kor"


def test_a_rule_that_loses_its_only_source_is_switched_off(source: Source, newsletter: Newsletter) -> None:
    """Without a source it would take news from all of them."""
    other = Source.objects.create(organisation=source.organisation, kind="feed", name="Den anden")
    rules = {
        name: Rule.objects.create(organisation=source.organisation, name=name, newsletter=newsletter) for name in "abc"
    }
    rules["a"].sources.add(source)
    rules["b"].sources.add(source, other)
    found = dependants(source)
    assert ([rule.name for rule in found.rules], [rule.name for rule in found.only]) == (["a", "b"], ["a"])
    assert [rule.name for rule in remove_source(source)] == ["a"]
    assert list(Rule.objects.filter(active=True).order_by("name").values_list("name", flat=True)) == ["b", "c"]


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_removed_while_it_is_read_gives_no_error(source: Source) -> None:
    with website() as site:

        def meanwhile(request: httpx.Request) -> httpx.Response:
            Source.objects.filter(pk=source.pk).delete()
            return httpx.Response(200, content=feed_of(Story("Kor", guid="1")))

        site.pages[FEED] = meanwhile
        collected = collect_source(source.pk)
    assert not collected.claimed
    assert not Sighting.objects.exists()
