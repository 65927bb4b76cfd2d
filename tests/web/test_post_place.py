"""An unconfirmed post on its send-out's page: what was asked about it, and the page that asks where it is."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from django.utils import timezone
from rich.console import Console

from publisher.cli.receipt import print_receipt
from publisher.deliver import post_turns, reconcile
from publisher.models import Account, Delivery, Organisation, User
from publisher.models.counting import move_counts
from tests.contract.mastodon import MastodonServer
from tests.deliver.conftest import keyless
from tests.deliver.doubtful import address_of, lost, read, thread
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database
__all__ = ["keyless"]


@pytest.fixture
def delivery(keyless: Account, server: MastodonServer) -> Delivery:
    """A thread of three whose first answer was lost."""
    return lost(keyless, server)


@pytest.fixture
def sendout(delivery: Delivery) -> str:
    return f"/sendouts/{delivery.message.campaign_id}"


@pytest.fixture
def place(sendout: str, delivery: Delivery) -> str:
    return f"{sendout}/messages/{delivery.message_id}/place"


def test_the_page_says_before_what_its_address_makes_possible(sendout: str, place: str, bos: Client) -> None:
    assert f'href="{place}"' in bos.get(sendout).content.decode()
    page = words(bos.get(place))
    assert "Where is the post?" in page and "Åben øvelse på Ærø" in page
    assert "the 2 posts that are missing in the thread are published beneath it" in page
    assert "takes your word" not in page
    assert "Without it the 2 posts that are missing stay unpublished" in page
    assert "I have no address; leave the rest out" in page


def test_with_its_address_the_thread_goes_on(
    sendout: str, place: str, bos: Client, delivery: Delivery, server: MastodonServer
) -> None:
    wrong = bos.post(place, {"do": "at", "address": "https://mastodon.example.org/@kultur/999"})
    assert wrong.status_code == 422 and "could not be read at that address" in words(wrong)
    assert 'value="https://mastodon.example.org/@kultur/999"' in wrong.content.decode(), "what was typed stays"
    assert "Paste the address of the post." in words(bos.post(place, {"do": "at", "address": " "}))
    done = bos.post(place, {"do": "at", "address": address_of(server, 0)}, follow=True)
    assert "The 2 posts that are missing are published beneath it." in words(done)
    post_turns.work_on_posts()
    page = words(bos.get(sendout))
    assert read(delivery).status == "sent" and len(server.posts()) == 3
    assert "said that the post is at" in page and "Needs a person" not in page
    assert "It is known by now" in words(bos.get(place, follow=True))


def test_without_it_the_rest_stays_unpublished_until_it_is_said(
    sendout: str, place: str, bos: Client, delivery: Delivery, server: MastodonServer
) -> None:
    assert "It counts as public." in words(bos.post(place, {"do": "nowhere"}, follow=True))
    assert read(delivery).status == "failed"
    page = bos.get(sendout)
    assert f'href="{place}"' in page.content.decode() and "Try again" not in words(page)
    late = words(bos.get(place))
    assert "It is at this address" in late and "leave the rest out" not in late
    bos.post(place, {"do": "nowhere"})
    bos.post(place, {"do": "at", "address": address_of(server, 0)})
    post_turns.work_on_posts()
    assert read(delivery).status == "sent" and len(server.posts()) == 3


def test_what_the_platform_said_stands_in_the_receipt(
    sendout: str, bos: Client, delivery: Delivery, server: MastodonServer
) -> None:
    server.posts()[0].text = "Ændret på serveren"
    before = bos.get(sendout)
    assert 'hx-trigger="every 15s"' in before.content.decode(), "it is still looked for"
    Delivery.objects.update(due_at=timezone.now())
    reconcile.reconcile(delivery.pk)
    page = words(bos.get(sendout))
    assert "What the platform said about the post: 2 answers" in page
    assert "Opslag asked Mastodon; answer: not found; posts compared: 1" in page
    assert "What the platform said" not in words(before)
    console = Console(record=True, width=200, file=io.StringIO())
    print_receipt(delivery.message.campaign, console)
    assert "Opslag asked Mastodon; answer: not found; posts compared: 1" in console.export_text()


def test_only_those_who_may_send_and_only_in_their_own_house(place: str, annas: Client, sven: User) -> None:
    assert annas.get(place).status_code == 403
    assert signed_in(sven).get(place).status_code == 404


def test_where_posts_have_no_address_one_press_does(secretariat: Organisation, bos: Client, server: object) -> None:
    account = Account.objects.create(organisation=secretariat, kind="webhook", name="Skærme", handle="skaerme")
    delivery = thread(account, "Kun ét")
    Delivery.objects.filter(pk=delivery.pk).update(status="uncertain", claim_id=None)
    delivery.parts.update(step="committing")
    move_counts(delivery.message_id, 0, {"pending": -1, "uncertain": 1})
    page = bos.get(f"/sendouts/{delivery.message.campaign_id}").content.decode()
    assert f'id="sent-{delivery.message_id}"' in page and "/place" not in page
