"""The picture library: found by words and by what is wrong with it; what is said once is known everywhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.compose.renewing import changed_news
from publisher.errors import InputError
from publisher.items.history import history_of
from publisher.items.library import ENDING, TAKEN_BACK, UNDESCRIBED, describe, keep_alt, library, numbers, use_for
from publisher.items.pictures import store_picture
from publisher.models import Item, Newsletter, Organisation, Picture, User
from tests.items.website import drawing

pytestmark = pytest.mark.database


@pytest.fixture
def choir(secretariat: Organisation) -> Picture:
    return store_picture(
        secretariat, drawing(), alt="Et kor synger i Ærøskøbing Kirke", credit="Åse Sørensen", file_name="kor-2026.jpg"
    )


@pytest.fixture
def bridge(secretariat: Organisation) -> Picture:
    return store_picture(secretariat, drawing(650))


@pytest.mark.parametrize(
    "query", ["kor", "KOR", "ærøskøbing", "åse", "2026.jpg", "kor åse", "åben øvelse", "ØVELSE", "  "]
)
def test_all_words_are_looked_for_everywhere(query: str, choir: Picture, item: Item) -> None:
    item.picture = choir
    item.save()
    assert list(library(choir.organisation, query=query)) == [choir]


@pytest.mark.parametrize("query", ["bro", "kor bro", "%", "_", "'"])
def test_other_words_find_nothing(query: str, choir: Picture) -> None:
    assert list(library(choir.organisation, query=query)) == []


def test_another_organisation_sees_none_of_it(choir: Picture, elsewhere: Organisation) -> None:
    assert list(library(elsewhere)) == []
    assert numbers(elsewhere) == {"": 0, UNDESCRIBED: 0, ENDING: 0, TAKEN_BACK: 0}


def test_the_views(choir: Picture, bridge: Picture, secretariat: Organisation) -> None:
    today = timezone.localdate()
    assert list(library(secretariat, show=UNDESCRIBED)) == [bridge]
    for days, ends in ((31, False), (30, True), (0, True), (-400, True)):
        Picture.objects.filter(pk=choir.pk).update(consent_until=today + timedelta(days=days))
        assert list(library(secretariat, show=ENDING)) == [choir] * ends
    Picture.objects.filter(pk=choir.pk).update(withdrawn_at=timezone.now())
    assert list(library(secretariat, show=TAKEN_BACK)) == [choir]
    assert list(library(secretariat)) == [bridge]
    assert numbers(secretariat) == {"": 1, UNDESCRIBED: 1, ENDING: 0, TAKEN_BACK: 1}


def test_what_is_said_is_kept_and_nothing_is_not_a_change(choir: Picture) -> None:
    assert describe(choir, {"credit": "Bo", "focal_x": 0.2, "sha256": "x"})
    assert not describe(choir, {"credit": "Bo"})
    choir.refresh_from_db()
    assert (choir.credit, choir.focal_x, choir.alt[:6], len(choir.sha256)) == ("Bo", 0.2, "Et kor", 64)


def test_a_description_given_elsewhere_is_kept_once(bridge: Picture) -> None:
    for words in (" ", "En bro ", "Noget andet"):
        keep_alt(bridge, words)
    bridge.refresh_from_db()
    assert bridge.alt == "En bro"


def test_an_item_shows_another_picture(item: Item, bridge: Picture, anna: User) -> None:
    use_for(bridge, item, anna)
    item.refresh_from_db()
    assert (item.picture, item.picture_by_hand) == (bridge, True)
    Picture.objects.update(withdrawn_at=timezone.now())
    bridge.refresh_from_db()
    with pytest.raises(InputError) as refused:
        use_for(bridge, item, anna)
    assert refused.value.reason == "picture_withdrawn"


def test_a_chosen_picture_is_a_change_that_planned_send_outs_are_asked_about(
    item: Item, bridge: Picture, anna: User, newsletter: Newsletter
) -> None:
    planned = create_campaign(item.organisation, [item], newsletter=newsletter)
    use_for(bridge, item, anna)
    (line,) = history_of(item)
    (shown,) = line.changes
    assert (line.who, shown.name, shown.before, shown.after) == (anna, "picture_id", None, bridge)
    (changed,) = changed_news(planned)
    assert changed.item.revision == 2
    use_for(bridge, item, anna)
    assert len(history_of(item)) == 1, "the same picture again is no change"
