"""Sources as people set them up."""

from __future__ import annotations

import pytest

from publisher.errors import InputError
from publisher.items.collect import collect_source
from publisher.items.sources import feed_source, organisation_named, resume
from publisher.models import Organisation, Source
from publisher.vocabulary import SourceStatus
from tests.items.website import FEED, Story, website

pytestmark = pytest.mark.database


def test_one_address_is_one_source(secretariat: Organisation, elsewhere: Organisation) -> None:
    first = feed_source(secretariat, f" {FEED} ")
    assert (first.kind, first.name, first.config) == ("feed", "kultur.example.org", {"url": FEED})
    assert feed_source(secretariat, "http://Kultur.example.org/feed.xml") == first
    assert feed_source(elsewhere, FEED) != first
    assert feed_source(secretariat, "https://kultur.example.org/andet.xml") != first


@pytest.mark.parametrize("url", ["", "kultur.example.org/feed.xml", "ftp://kultur.example.org/", "javascript:alert(1)"])
def test_what_is_no_address_is_refused_in_words(secretariat: Organisation, url: str) -> None:
    with pytest.raises(InputError, match="https://"):
        feed_source(secretariat, url)
    assert not Source.objects.exists()


def test_a_source_takes_the_name_that_it_gives_itself(secretariat: Organisation) -> None:
    source = feed_source(secretariat, FEED)
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


def test_the_only_organisation_needs_no_name(secretariat: Organisation) -> None:
    assert organisation_named() == secretariat


def test_among_several_the_name_is_asked_for(secretariat: Organisation, elsewhere: Organisation) -> None:
    assert organisation_named("museet") == elsewhere
    for slug in ("", "findes-ikke"):
        with pytest.raises(InputError, match="kulturfaellesskabet, museet"):
            organisation_named(slug)
