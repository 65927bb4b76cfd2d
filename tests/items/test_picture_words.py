"""What pictures show, in words: descriptions that come later, from elsewhere, or differ from one item to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from publisher.compose.drafts import create_campaign
from publisher.compose.post_pictures import pictures_of
from publisher.items.collect import collect_source
from publisher.items.library import use_for
from publisher.items.pictures import store_picture
from publisher.models import Account, Item, Newsletter, Organisation, Picture, Source, User
from publisher.review.photo_consent import withdraw_consent
from tests.items.website import HOST, Story, Website, drawing, website
from tests.review.send_outs import mail_of, post_of

pytestmark = pytest.mark.database

PICTURE, COPY = f"{HOST}/billeder/kor.jpg", "https://billeder.example.org/kopi-af-kor.jpg"
OTHER_FEED = "https://kommunen.example.org/nyt.xml"
CHOIR = Story("Åbent kor", f"{HOST}/nyheder/kor", "nyhed-1", body="<p>Kom og syng.</p>", picture=PICTURE)
MARKET = Story("Julemarked", f"{HOST}/nyheder/marked", "nyhed-2", body="<p>Boder på torvet.</p>", picture=PICTURE)


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as site:
        for address in (PICTURE, COPY):
            site.put(address, drawing())
        yield site


@pytest.fixture
def other(secretariat: Organisation) -> Source:
    return Source.objects.create(organisation=secretariat, kind="feed", name="Kommunen", config={"url": OTHER_FEED})


def look(site: Website, source: Source, *stories: Story) -> None:
    site.show(*stories, url=source.config["url"])
    Source.objects.update(last_polled_at=None)
    assert collect_source(source.pk).error is None


def alt() -> str:
    return Picture.objects.get().alt


@pytest.mark.parametrize("address", [PICTURE, COPY])
def test_a_second_source_describes_what_the_first_only_showed(
    site: Website, source: Source, other: Source, address: str
) -> None:
    look(site, source, CHOIR)
    look(site, other, replace(CHOIR, guid="anden", picture=address, picture_text="Koret synger."))
    assert alt() == "Koret synger." and Item.objects.get().sightings.count() == 2


def test_another_picture_of_the_same_news_says_nothing_of_the_first(
    site: Website, source: Source, other: Source
) -> None:
    site.put(COPY, drawing(700, 500, colour="#993300"))
    look(site, source, CHOIR)
    look(site, other, replace(CHOIR, guid="anden", picture=COPY, picture_text="Publikum klapper."))
    assert alt() == "" and Picture.objects.count() == 1
    del site.pages[COPY]
    asked = len(site.asked)
    look(site, other, replace(CHOIR, guid="anden", picture=COPY, picture_text="Publikum klapper."))
    assert site.asked[asked:] == [OTHER_FEED], "it was compared once"


def test_a_source_that_describes_it_later(site: Website, source: Source) -> None:
    look(site, source, CHOIR)
    look(site, source, replace(CHOIR, picture_text="Koret synger."))
    assert alt() == "Koret synger." and site.asked.count(PICTURE) == 1


def test_a_description_is_never_overwritten_and_other_news_keeps_its_own(
    site: Website, source: Source, newsletter: Newsletter, practice_account: Account
) -> None:
    look(site, source, replace(CHOIR, picture_text="Koret synger."), replace(MARKET, picture_text="Kor på torvet."))
    choir, market = Item.objects.order_by("title")[1], Item.objects.order_by("title")[0]
    if choir.title != CHOIR.title:
        choir, market = market, choir
    assert choir.picture == market.picture and alt() == "Koret synger."
    assert (choir.alt, market.alt, choir.picture_alt) == ("Koret synger.", "Kor på torvet.", "")
    campaign = create_campaign(choir.organisation, [market], newsletter=newsletter, accounts=[practice_account])
    assert pictures_of(post_of(campaign))[0].alt == mail_of(campaign).blocks.get().content["alt"] == "Kor på torvet."


def test_an_items_own_description_goes_with_its_picture(site: Website, source: Source, anna: User, bo: User) -> None:
    look(site, source, replace(CHOIR, picture_text="Koret synger."), replace(MARKET, picture_text="Kor på torvet."))
    market = Item.objects.get(title=MARKET.title)
    use_for(store_picture(market.organisation, drawing(700, 500), alt="Boder"), market, anna)
    market.refresh_from_db()
    assert (market.alt, market.picture_alt) == ("Boder", "")
    assert market.picture
    withdraw_consent(market.picture, bo)
    assert Item.objects.get(pk=market.pk).alt == ""


def test_a_picture_that_a_colleague_left_undescribed_is_described_by_its_feed(
    site: Website, source: Source, secretariat: Organisation
) -> None:
    store_picture(secretariat, drawing())
    look(site, source, replace(CHOIR, picture_text="Koret synger."))
    assert alt() == Item.objects.get().alt == "Koret synger."
