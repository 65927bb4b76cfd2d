"""Looking into the mailbox: every mail is stored before it leaves there, and counts once whatever dies in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.compose.trial_key import new_trial_key
from publisher.errors import Explanation
from publisher.models import Delivery, Event, InboundMail, Mailbox, Message, Suppression
from publisher.track.events import apply_waiting
from publisher.track.inbound import mailbox as looking
from publisher.track.inbound.reading import ReadMail
from publisher.track.inbound.sorting import Sorted, sort
from publisher.transports.imap import LARGEST
from publisher.vocabulary import InboundKind, InboundStatus
from tests.imap_server import ImapServer, imap_server
from tests.track.inbound.conftest import bounced, return_path, written

pytestmark = pytest.mark.database


def look() -> int:
    """Look in, however lately somebody did."""
    Mailbox.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return looking.look_into(timezone.now())


def test_a_bounce_is_fetched_stored_applied_and_taken_out(mailbox: ImapServer, delivery: Delivery) -> None:
    mailbox.put(bounced(return_path(delivery).upper()))
    assert look() == 1
    assert mailbox.mails == []
    stored = InboundMail.objects.get()
    assert (stored.kind, stored.status, bytes(stored.raw)) == (InboundKind.BOUNCE, InboundStatus.DONE, b"")
    assert apply_waiting(timezone.now()) == 1
    delivery.refresh_from_db()
    assert delivery.bounced_at is not None and delivery.status == "sent"
    blocked = Suppression.objects.get()
    assert delivery.subscriber is not None and blocked.address_key == delivery.subscriber.address_key


@pytest.mark.parametrize("step", ["UID STORE", "UID EXPUNGE", "UID FETCH", "UID SEARCH", "SELECT", "LOGIN"])
@pytest.mark.parametrize("fault", ["drop", "no"])
def test_whatever_breaks_it_counts_once(mailbox: ImapServer, delivery: Delivery, step: str, fault: str) -> None:
    mailbox.put(bounced(return_path(delivery)))
    mailbox.faults[step] = fault
    look()
    state = Mailbox.objects.get()
    assert state.failures == 1 and str(Explanation.from_json(state.last_error)) and state.due_at > timezone.now()
    look()
    assert mailbox.mails == [] and Mailbox.objects.get().failures == 0
    assert InboundMail.objects.count() == 1
    assert Event.objects.count() == 1


def test_a_mail_stored_and_not_settled_is_settled_later(mailbox: ImapServer, delivery: Delivery) -> None:
    InboundMail.objects.create(digest="x" * 64, raw=bounced(return_path(delivery)))
    look()
    assert InboundMail.objects.get().status == InboundStatus.DONE
    assert Event.objects.get().delivery_id == delivery.pk


def test_a_mail_that_kills_the_worker_is_left_where_it_is(
    mailbox: ImapServer, mail: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.put(written("x@nyt.example.org"))
    tried = 0

    def deadly(raw: bytes) -> None:
        nonlocal tried
        tried += 1
        raise KeyboardInterrupt

    monkeypatch.setattr("publisher.track.inbound.settling.read", deadly)
    for _ in range(3):
        Mailbox.objects.update(lease_until=None)
        with pytest.raises(KeyboardInterrupt):
            look()
    Mailbox.objects.update(lease_until=None)
    assert look() == 1 and tried == 3
    assert [stored.flags for stored in mailbox.mails] == [{"\\Flagged"}]
    Mailbox.objects.update(lease_until=None)
    assert look() == 0
    assert Mailbox.objects.get().waiting == 1


@pytest.mark.parametrize("body", ["afmeld =00", "afmeld =00 nu"])
def test_a_mail_with_nul_is_settled_like_any_other(mailbox: ImapServer, mail: Message, body: str) -> None:
    headers = {"Content_Transfer_Encoding": "quoted-printable", "subject": "=?utf-8?q?Sv=00?="}
    mailbox.put(written("nyt@kultur.example.org", body=body, **headers))
    assert look() == 1 and mailbox.mails == []
    stored = InboundMail.objects.get()
    assert (stored.kind, stored.status) == (InboundKind.WISH, InboundStatus.NEEDS_PERSON)
    assert stored.excerpt.startswith("afmeld") and "\0" not in stored.excerpt


def test_a_mail_that_nobody_foresaw_keeps_no_other(
    mailbox: ImapServer, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(content: ReadMail, answered: str = "") -> Sorted:
        if b"unforeseen" in content.start:
            raise ValueError("nobody foresaw it")
        return sort(content, answered)

    monkeypatch.setattr("publisher.track.inbound.settling.sort", broken)
    mailbox.put(written("x@nyt.example.org", body="unforeseen"), bounced(return_path(delivery)))
    assert look() == 1 and Event.objects.count() == 1
    odd = InboundMail.objects.get(status=InboundStatus.NEW)
    assert odd.attempts == 1 and len(mailbox.mails) == 1 and Mailbox.objects.get().failures == 0
    look()
    look()
    assert not InboundMail.objects.filter(status=InboundStatus.NEW).exists()
    assert [left.flags for left in mailbox.mails] == [{"\\Flagged"}]


def test_a_mail_that_is_not_given_out_is_left_for_a_person(mailbox: ImapServer, delivery: Delivery) -> None:
    mailbox.put(written("x@nyt.example.org"), bounced(return_path(delivery)))
    mailbox.unreadable[1] = "[SERVERBUG] cannot read it"
    assert look() == 2
    assert [left.flags for left in mailbox.mails] == [{"\\Flagged"}]
    state = Mailbox.objects.get()
    assert (state.waiting, state.failures, Event.objects.count()) == (1, 0, 1)
    assert look() == 0


def test_a_server_that_gives_out_nothing_is_tried_again_first(mailbox: ImapServer, mail: Message) -> None:
    mailbox.put(written("x@nyt.example.org"))
    mailbox.unreadable[1] = "[UNAVAILABLE] the store is down"
    for number in range(1, 5):
        look()
        assert Mailbox.objects.get().failures == number and mailbox.mails[0].flags == set()
    Mailbox.objects.update(failures=0)
    mailbox.unreadable[1] = "cannot read it"
    assert [look() for _ in range(3)] == [0, 0, 1]
    assert mailbox.mails[0].flags == {"\\Flagged"} and Mailbox.objects.get().failures == 0


def test_the_doctors_test_mail_is_left_for_the_doctor(mailbox: ImapServer, delivery: Delivery) -> None:
    now = timezone.now()
    fresh, old = (new_trial_key(now - timedelta(minutes=minutes)) for minutes in (1, 11))
    to = "bounce+test@nyt.example.org"
    mailbox.put(*(written(to, X_Opslag_Test=key, Precedence="bulk") for key in (fresh, "test-" + "0" * 32, old)))
    mailbox.put(bounced(return_path(delivery)))
    assert look() == 3 and Event.objects.count() == 1
    assert [fresh.encode() in left.raw for left in mailbox.mails] == [True]
    assert mailbox.mails[0].flags == set(), "it is neither taken out nor left for a person"
    with time_machine.travel(now + timedelta(minutes=10), tick=False):
        assert look() == 1 and mailbox.mails == []


def test_two_workers_do_not_look_at_once(mailbox: ImapServer, delivery: Delivery) -> None:
    mailbox.put(bounced(return_path(delivery)))
    now = timezone.now()
    Mailbox.objects.create(name=looking.NAME, due_at=now, lease_until=now + timedelta(minutes=1))
    assert not looking.is_due(now)
    assert looking.look_into(now) == 0 and mailbox.commands == []
    assert looking.is_due(now + timedelta(minutes=2))


def test_it_is_looked_into_again_after_the_pause(mailbox: ImapServer, mail: Message) -> None:
    now = timezone.now()
    assert looking.is_due(now)
    looking.look_into(now)
    assert not looking.is_due(timezone.now())
    assert looking.is_due(timezone.now() + timedelta(seconds=61))


def test_a_copy_of_the_installation_leaves_the_mailbox_alone(
    mailbox: ImapServer, settings: pytest.FixtureRequest, db: None
) -> None:
    settings.OPSLAG_NEVER_SEND = True
    assert not looking.is_due(timezone.now())


def test_without_the_extension_all_that_is_marked_is_expunged(
    settings: pytest.FixtureRequest, delivery: Delivery
) -> None:
    with imap_server(uidplus=False) as server:
        settings.OPSLAG_INBOUND_IMAP_URL = server.url
        settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
        server.put(bounced(return_path(delivery)), bounced(return_path(delivery), status="5.2.2"))
        assert look() == 2
        assert server.mails == []
    assert Event.objects.count() == 2


def test_many_mails_are_taken_in_turns(mailbox: ImapServer, mail: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST", 60)
    monkeypatch.setattr("publisher.transports.imap._STRETCH", 25)
    mailbox.put(*(written("x@nyt.example.org", Auto_Submitted="auto-replied", body=str(n)) for n in range(130)))
    assert look() == 60
    assert Mailbox.objects.get().due_at <= timezone.now()
    assert [looking.look_into(timezone.now()) for _ in range(2)] == [60, 10]
    assert mailbox.mails == []


def test_a_huge_bounce_is_read_by_its_beginning(mailbox: ImapServer, delivery: Delivery) -> None:
    mailbox.put(bounced(return_path(delivery)) + b"x" * (LARGEST + 100))
    assert look() == 1
    assert Event.objects.get().delivery_id == delivery.pk
    assert mailbox.mails == []


def test_a_wrong_password_is_said_in_words(mailbox: ImapServer, settings: pytest.FixtureRequest, db: None) -> None:
    mailbox.password = "et andet"
    assert look() == 0
    said = Mailbox.objects.get().last_error
    assert "user name or password" in said["msgid"]
    assert "hemmeligt" not in str(said)


def test_a_server_that_is_gone_is_tried_less_and_less(settings: pytest.FixtureRequest, db: None) -> None:
    settings.OPSLAG_INBOUND_IMAP_URL = "imap+plain://retur:x@127.0.0.1:9/INBOX"
    pauses = []
    for _ in range(4):
        look()
        pauses.append(Mailbox.objects.get().due_at - timezone.now())
    assert pauses == sorted(pauses) and pauses[3] > timedelta(minutes=5)
