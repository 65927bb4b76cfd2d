"""A person says where an unconfirmed post is: what follows it goes on, and what is not it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import operations, post, post_turns, reconcile
from publisher.deliver.by_address import settle_at, unplaced
from publisher.errors import InputError
from publisher.models import Account, AuditEntry, Claim, Delivery, Organisation, PostPart, User
from publisher.review import control
from publisher.review.afterwards import Wish, carry_through
from publisher.review.asking import take_down_late
from publisher.vocabulary import AccountStatus
from tests.contract.mastodon import MastodonServer
from tests.contract.server import ContractServer
from tests.contract.telegram import TelegramServer
from tests.contract.wire import in_process
from tests.contract.x import USERNAME, XServer
from tests.deliver.doubtful import TEXTS, address_of, lost, read, thread
from tests.deliver.posting import counters

pytestmark = pytest.mark.database


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_thread_goes_on_from_the_post_that_a_person_found(
    keyless: Account, server: MastodonServer, after: int, bo: User
) -> None:
    delivery = lost(keyless, server, after=after)
    place = unplaced(delivery)
    assert place is not None and (place.part.position, place.rest) == (after, 2 - after) and place.takes_address
    assert settle_at(delivery, bo, address_of(server, after)).was_read
    while after < 2 and post_turns.work_on_posts():
        pass
    delivery = read(delivery)
    assert delivery.status == "sent" and counters(delivery) == {"sent": 1} and unplaced(delivery) is None
    posts = server.posts()
    assert [each.text for each in posts] == list(TEXTS)
    assert [each.in_reply_to.status_id if each.in_reply_to else "" for each in posts] == [
        "", posts[0].status_id, posts[1].status_id,
    ]  # fmt: skip
    part = delivery.parts.get(position=after)
    assert part.remote_id == posts[after].status_id and part.permalink
    said = AuditEntry.objects.get(action="placed")
    assert said.user == bo and said.explanation["params"]["address"] == part.permalink


def test_what_was_found_so_is_withdrawn_with_the_rest(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    settle_at(delivery, None, address_of(server, 0))
    post_turns.work_on_posts()
    carry_through(delivery.message.campaign, Wish("Forkert.", withdraw=True), None)
    assert len(server.posts()) == 3
    for pk in operations.to_carry_out(timezone.now()):
        operations.carry_out(pk)
    assert server.posts() == []


def test_a_withdrawal_of_an_unconfirmed_post_is_carried_out_once_it_is_found(
    keyless: Account, server: MastodonServer
) -> None:
    delivery = lost(keyless, server)
    carry_through(delivery.message.campaign, Wish("Forkert.", withdraw=True), None)
    settle_at(read(delivery), None, address_of(server, 0))
    post_turns.work_on_posts()
    assert server.posts() == [] and read(delivery).status == "sent"


def refusal(delivery: Delivery, address: str) -> str:
    """Why the address is refused; nothing has changed."""
    before = Delivery.objects.filter(pk=delivery.pk).values("status", "strikes", "due_at", "reason").get()
    with pytest.raises(InputError) as refused:
        settle_at(read(delivery), None, address)
    assert Delivery.objects.filter(pk=delivery.pk).values("status", "strikes", "due_at", "reason").get() == before
    assert not Claim.objects.exists() and not delivery.parts.exclude(remote_id="").exists()
    assert not AuditEntry.objects.filter(action="placed").exists()
    return refused.value.explanation.msgid


def test_what_is_not_it_is_refused_in_words(keyless: Account, server: MastodonServer) -> None:
    earlier = thread(keyless, "Åben øvelse på Ærø – kom og hør i går")
    assert post.publish(earlier.pk) == "sent"
    delivery = lost(keyless, server)
    known, ours = server.posts()
    assert "another post that Opslag has published" in refusal(delivery, address_of(server, 0))
    earlier.parts.all().delete()
    known.created_at -= timedelta(hours=1)
    assert "older than ours" in refusal(delivery, address_of(server, 0))
    assert "no address of a post" in refusal(delivery, "https://mastodon.example.org/@kultur")
    assert "Open the post on" in refusal(delivery, "https://elsewhere.example/@kultur/12")
    assert "could not be read" in refusal(delivery, "https://mastodon.example.org/@kultur/99999")
    ours.text, was = "Biblioteket holder lukket hele ugen", ours.text
    assert "says something else" in refusal(delivery, address_of(server, 1))
    ours.text, ours.in_reply_to = was, known
    assert "does not follow the one before it" in refusal(delivery, address_of(server, 1))
    ours.in_reply_to = None
    server.faults.set("500", times=None, on="GET /api/v1/statuses")
    assert "could not be read" in refusal(delivery, address_of(server, 1))
    server.faults.clear()
    facts = keyless.facts
    Account.objects.update(facts=facts | {"account_id": "somebody-else"})
    assert "on another account" in refusal(delivery, address_of(server, 1))
    Account.objects.update(facts=facts, status=AccountStatus.DISCONNECTED, credentials={})
    assert "could not be read" in refusal(delivery, address_of(server, 1))
    assert len(server.posts()) == 2


def test_nobody_decides_while_it_is_looked_for(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    claim = Claim.objects.create(
        id=delivery.claim_id, run_id=delivery.claim_id, message=delivery.message, host="h", boot_id="b",
        lease_until=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
    with pytest.raises(InputError) as asked:
        settle_at(delivery, None, address_of(server, 0))
    assert asked.value.explanation.msgid == control.ASKED_NOW
    claim.delete()
    settle_at(delivery, None, address_of(server, 0))
    assert not Claim.objects.exists() and not reconcile.reconcile(delivery.pk), "it is no longer in doubt"


def test_who_may_not_send_may_not_say_it(keyless: Account, server: MastodonServer, anna: User) -> None:
    delivery = lost(keyless, server)
    with pytest.raises(PermissionDenied):
        settle_at(delivery, anna, address_of(server, 0))


def test_the_address_may_come_after_somebody_called_it_public(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    control.decide(delivery, None, "sent")
    delivery = read(delivery)
    assert delivery.status == "failed" and counters(delivery) == {"failed": 1}
    settle_at(delivery, None, address_of(server, 0))
    post_turns.work_on_posts()
    assert read(delivery).status == "sent" and [each.text for each in server.posts()] == list(TEXTS)
    assert counters(delivery) == {"sent": 1}


def test_late_addresses_of_withdrawn_posts_bring_them_down(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    control.decide(delivery, None, "sent")
    carry_through(delivery.message.campaign, Wish("Forkert.", withdraw=True), None)
    assert operations.to_carry_out(timezone.now()) == []
    PostPart.objects.filter(remote_id="", step="committed").update(published_at=timezone.now() - timedelta(hours=1))
    settle_at(read(delivery), None, address_of(server, 0))
    assert take_down_late(timezone.now()) == 1
    post_turns.work_on_posts()
    assert server.posts() == []


ON: dict[str, type[ContractServer]] = {"x": XServer, "telegram": TelegramServer}


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Any]:
    made: Any = ON[request.param]()
    with http.use_transport(in_process(made)):
        yield made


@pytest.mark.parametrize("running", ["x", "telegram"], indirect=True)
def test_on_platforms_where_a_person_is_asked_oftenest(running: Any, secretariat: Organisation) -> None:
    if isinstance(running, XServer):
        account = connect_account(secretariat, "x", {"access_token": running.token})
    else:
        account = connect_account(secretariat, "telegram", {"channel": f"@{running.username}", "token": running.token})
    delivery = lost(account, running)
    number = running.public()[0].remote_id
    is_x = account.kind == "x"
    address = f"https://x.com/{USERNAME}/status/{number}" if is_x else f"https://t.me/{running.username}/{number}"
    assert settle_at(delivery, None, address).was_read is is_x
    post_turns.work_on_posts()
    assert read(delivery).status == "sent" and len(running.public()) == 3
    assert [each.reply_to for each in running.public()][1:] == [each.remote_id for each in running.public()[:2]]
