"""Posts with several pictures through the whole engine: what was approved is public, each picture with its words."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.compose.draft_pictures import Move, add_pictures, arrange
from publisher.compose.drafts import create_campaign
from publisher.deliver import post, post_turns, reconcile
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Delivery, Item, PostPicture
from publisher.review.approval import approve, to_draft
from publisher.vocabulary import DeliveryStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun
from tests.items.website import drawing

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, account: Account) -> Campaign:
    return drafted(item, account)


def drafted(item: Item, account: Account) -> Campaign:
    """A draft of a post with six pictures, the last of them moved to the front."""
    campaign = create_campaign(item.organisation, [item], accounts=[account])
    message = campaign.messages.get()
    album = [store_picture(item.organisation, drawing(600 + n), alt=f"Billede {n}") for n in range(1, 7)]
    add_pictures([message], album)
    arrange([message], album[-1], Move.FIRST)
    campaign.refresh_from_db()
    return campaign


def alts(server: MastodonServer) -> list[list[str]]:
    """What is public."""
    return [[media.alt for media in status.media] for status in server.posts()]


def test_the_first_four_of_six_go_out_in_their_order(campaign: Campaign, server: MastodonServer) -> None:
    approve(campaign, None, scheduled_at=timezone.now())
    while post_turns.work_on_posts():
        pass
    assert Delivery.objects.get().status == DeliveryStatus.SENT
    assert alts(server) == [["Billede 6", "Billede 1", "Billede 2", "Billede 3"]]


def test_a_lost_album_is_found_by_its_words_and_the_number_of_its_pictures(
    item: Item, keyless: Account, server: MastodonServer
) -> None:
    approve(drafted(item, keyless), None, scheduled_at=timezone.now())
    delivery = begun(Delivery.objects.get())
    server.faults.set("commit_then_drop")
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    assert [len(each) for each in alts(server)] == [6] and Delivery.objects.get().status == DeliveryStatus.SENT


def test_a_channel_that_takes_more_meanwhile_shows_what_was_approved(
    campaign: Campaign, server: MastodonServer
) -> None:
    approve(campaign, None, scheduled_at=timezone.now())
    _learns(6)
    assert post.publish(begun(Delivery.objects.get()).pk) == DeliveryStatus.SENT
    assert alts(server) == [["Billede 6", "Billede 1", "Billede 2", "Billede 3"]]


def test_a_channel_that_takes_fewer_meanwhile_drops_none_unseen(campaign: Campaign, server: MastodonServer) -> None:
    approve(campaign, None, scheduled_at=timezone.now())
    _learns(2)
    delivery = begun(Delivery.objects.get())
    assert post.publish(delivery.pk) == DeliveryStatus.FAILED
    delivery.refresh_from_db()
    assert delivery.last_error["params"] == {"count": "4", "limit": "2"} and alts(server) == []


def test_taken_back_it_may_show_others(campaign: Campaign) -> None:
    approve(campaign, None, scheduled_at=timezone.now())
    assert PostPicture.objects.filter(left_out=True).count() == 2
    to_draft(campaign, None)
    assert not PostPicture.objects.filter(left_out=True).exists()


def _learns(pictures: int) -> None:
    account = Account.objects.get()
    account.facts = {**account.facts, "max_media": pictures}
    account.save()
