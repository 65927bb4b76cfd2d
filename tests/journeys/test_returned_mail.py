"""A mail comes back: from the send-out over the mailbox to the receipt; the next send-out leaves the address out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from publisher.audience.subscribe import subscribe
from publisher.deliver import finish
from publisher.deliver.lane import run_lane
from publisher.models import Delivery, InboundMail, Mailbox, Message, Newsletter, Notice, Subscription, User
from publisher.models.agreement import check_counts
from publisher.schedule import dispatch
from publisher.track.receipts import receipt
from publisher.vocabulary import MessageStatus
from tasks import track
from tests.audience_factory import mail
from tests.imap_server import ImapServer, imap_server
from tests.smtp_sink import RunningSink, running_sink
from tests.track.inbound.conftest import bounced, written
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def post_office(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[tuple[RunningSink, ImapServer]]:
    """A mail server that takes our mail, and a mailbox for what comes back."""
    settings.OPSLAG_BOUNCE_ADDRESS = "retur+{token}@nyt.example.org"
    with running_sink(tmp_path / "sink") as sink, imap_server() as mailbox:
        settings.OPSLAG_SMTP_URL = sink.url
        settings.OPSLAG_INBOUND_IMAP_URL = mailbox.url
        yield sink, mailbox


def send(newsletter: Newsletter) -> Message:
    """Freeze, begin, send, finish, as the ticks do."""
    message = mail(newsletter)
    assert dispatch.prepare(message.pk, timezone.now())
    assert dispatch.start(message.pk, timezone.now())
    run_lane()
    tick()
    message.refresh_from_db()
    assert message.status == MessageStatus.FINISHED
    return message


def tick() -> None:
    """What the track tick does and wakes; the first time fetches, the second applies."""
    Mailbox.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    for _ in range(2):
        for pk in finish.to_finish():
            finish.finish(pk, timezone.now())
        track.look_into_mailbox.run()
        for pk in InboundMail.objects.values_list("pk", flat=True):
            track.forward_reply.run(pk)
        track.apply_reports.run()


def to_whom(message: Message, address: str) -> Delivery:
    return Delivery.objects.get(message=message, subscriber__address=address)


def test_from_the_send_out_to_the_next_that_leaves_the_address_out(
    newsletter: Newsletter, post_office: tuple[RunningSink, ImapServer], bo: User
) -> None:
    sink, mailbox = post_office
    for name in ("anna", "bent", "carl", "dorte", "else"):
        subscribe(newsletter, f"{name}@borger.example.org", source="test", confirmed_at=timezone.now())
    first = send(newsletter)
    back = dict(zip([recipient for _, recipient in sink.accepted()], sink.senders(), strict=True))

    mails = {message_from_bytes(raw)["X-Rcpt-To"]: raw for raw in sink.messages()}
    header = message_from_bytes(mails["else@borger.example.org"], policy=policy.default)["List-Unsubscribe"]
    found = re.search(r"<https://opslag\.test/u/(\S+)>,\s*<mailto:([^?]+)\?subject=unsubscribe%20(\S+)>", header)
    assert found is not None and found[1] == found[3]

    mailbox.put(
        bounced(back["anna@borger.example.org"]),
        bounced(back["bent@borger.example.org"], "5.2.2", "smtp; 552 5.2.2 mailbox full"),
        written(back["carl@borger.example.org"], subject="Autosvar: Kulturnyt", From="carl@borger.example.org"),
        written(newsletter.sender_email, body="Afmeld mig tak", From="dorte@borger.example.org"),
        written(found[2], subject=f"unsubscribe {found[3]}", From="else@borger.example.org"),
        written(newsletter.sender_email, body="Hvor kan man købe billet?", From="carl@borger.example.org"),
    )
    tick()
    assert mailbox.mails == []

    told = receipt(first)
    assert told.adds_up and check_counts(first) == [] and told.came_back == 2
    page = words(signed_in(bo).get(f"/sendouts/{first.campaign_id}"))
    assert "Sent 5, of which 2 came back" in page

    assert sink.accepted()[-1][1] == newsletter.reply_to and sink.senders()[-1] == "", "the question, at the office"
    assert not InboundMail.objects.filter(status="forward").exists()

    bos = signed_in(bo)
    assert "1 reply seems to ask to unsubscribe." in words(bos.get("/"))
    wish = InboundMail.objects.get(status="needs_person")
    assert "Afmeld mig tak" in words(bos.get("/subscribers/replies"))
    bos.post(f"/subscribers/replies/{wish.pk}", {"do": "unsubscribe"})

    second = send(newsletter)
    rows = dict(Delivery.objects.filter(message=second).values_list("subscriber__address", "status"))
    assert rows.get("anna@borger.example.org") == "suppressed"
    assert rows["bent@borger.example.org"] == rows["carl@borger.example.org"] == "sent"
    assert "dorte@borger.example.org" not in rows and "else@borger.example.org" not in rows

    _anna_is_opened_again(bos, newsletter)
    third = send(newsletter)
    assert to_whom(third, "anna@borger.example.org").status == "sent"
    assert not Notice.objects.exists()


def _anna_is_opened_again(browser: Client, newsletter: Newsletter) -> None:
    anna = Subscription.objects.get(subscriber__address="anna@borger.example.org")
    page = f"/subscribers/{newsletter.pk}/{anna.pk}"
    assert "Blocked since" in words(browser.get(page))
    browser.post(f"{page}/reopen")
    assert "Blocked since" not in words(browser.get(page))
