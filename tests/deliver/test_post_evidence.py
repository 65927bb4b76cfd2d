"""What is kept of looks at unconfirmed posts: when, what was asked, what was said; bounded, and gone with the post."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import evidence, reconcile
from publisher.models import Account, Delivery, Event, Organisation
from publisher.track import events
from publisher.track.looks import looks_at
from tests.contract.mastodon import MastodonServer
from tests.contract.telegram import TelegramServer
from tests.contract.wire import in_process
from tests.deliver.doubtful import lost, read, thread
from tests.deliver.posting import CREATE

pytestmark = pytest.mark.database

LIST = "GET /api/v1/accounts"


def look(delivery: Delivery, times: int = 1) -> None:
    """Looks that are due one after another."""
    for _each in range(times):
        Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())
        reconcile.reconcile(delivery.pk)


def kept(delivery: Delivery) -> list[tuple[str, str]]:
    """The sentences, and what was answered, without their values."""
    found = looks_at([delivery.message]).get(delivery.message_id, [])
    assert [each.at for each in found] == sorted(each.at for each in found)
    return [(each.words.msgid, each.words.params["answer"].msgid) for each in found]


def test_each_look_is_kept_with_its_answer(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    server.posts()[0].text = "Ændret på serveren"
    look(delivery)
    handed_over, asked = looks_at([delivery.message])[delivery.message_id]
    assert handed_over.words.msgid == evidence.HANDED_OVER and asked.words.msgid == evidence.LOOKED_FOR
    assert handed_over.at == delivery.parts.all()[0].first_commit_at
    assert handed_over.words.params["answer"].msgid == delivery.last_error["msgid"]
    assert asked.words.params["answer"].params == {"number": "1"} and asked.words.params["platform"] == "Mastodon"
    server.faults.set("500", on=LIST)
    look(delivery)
    server.faults.set("429", on=LIST)
    look(delivery)
    assert [msgid for msgid, _answer in kept(delivery)] == [evidence.HANDED_OVER, *[evidence.LOOKED_FOR] * 3]
    assert len({answer for _msgid, answer in kept(delivery)}) == 4


def test_a_repeat_and_what_it_found_are_kept_too(account: Account, server: MastodonServer) -> None:
    delivery = lost(account, server)
    server.faults.set("500", on=CREATE)
    look(delivery)
    assert [msgid for msgid, _answer in kept(delivery)][1:] == [evidence.REPEATED, evidence.LOOKED_FOR]
    assert kept(delivery)[-1][1] == "it is there, at %(address)s"
    assert read(delivery).status == "pending", "the rest follows"


def test_there_is_an_end_to_what_is_kept(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    server.faults.set("429", times=None, on=LIST)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _each in range(30):
            clock.shift(timedelta(seconds=1))
            look(delivery)
    found = kept(delivery)
    assert len(found) == evidence.MOST and found[0][0] == evidence.HANDED_OVER
    assert looks_at([delivery.message])[delivery.message_id][-1].at == Event.objects.latest("pk").at


def test_it_is_no_longer_than_a_sentence(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    Delivery.objects.update(last_error={"msgid": "%(m)s", "params": {"m": "ø" * 5000}})
    look(read(delivery))
    assert len(Event.objects.earliest("pk").detail["params"]["answer"]["params"]["m"]) == evidence.LENGTH


def test_where_nobody_can_be_asked_only_the_call_is_kept(secretariat: Organisation) -> None:
    server = TelegramServer()
    with http.use_transport(in_process(server)):
        values = {"channel": f"@{server.username}", "token": server.token}
        delivery = lost(connect_account(secretariat, "telegram", values), server)
        look(delivery, 3)
    assert [msgid for msgid, _answer in kept(delivery)] == [evidence.HANDED_OVER]


def test_of_two_alike_in_doubt_none_is_given_what_is_found(keyless: Account, server: MastodonServer) -> None:
    first, second = lost(keyless, server), lost(keyless, server)
    look(second)
    assert [msgid for msgid, _answer in kept(second)][1:] == [evidence.LOOKED_FOR, evidence.ANYBODYS]
    assert not kept(first) and read(second).status == "uncertain"


def test_it_is_nothing_that_came_back_and_goes_with_the_delivery(keyless: Account, server: MastodonServer) -> None:
    delivery = lost(keyless, server)
    look(delivery)
    assert Event.objects.count() == 2 and not events.not_applied(timezone.now()).exists()
    assert looks_at([thread(keyless).message]) == {}
    delivery.delete()
    assert not Event.objects.exists()
