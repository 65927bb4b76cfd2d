"""Replies reach the office: as a mail that it can answer, whatever fails on the way, and never in a circle."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.utils import timezone

from publisher.models import Delivery, InboundMail, Newsletter, Role, User
from publisher.track.inbound import forwarding
from publisher.track.inbound.decisions import decide
from publisher.track.inbound.settling import settle
from publisher.vocabulary import InboundStatus, RoleKind
from tests.smtp_sink import running_sink
from tests.track.inbound.conftest import written

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("mailbox")]


@pytest.fixture
def reply(delivery: Delivery) -> InboundMail:
    """A reply that is to be forwarded."""
    raw = written(
        "nyt@kultur.example.org", body="Hvornår begynder det?\nHilsen Åse", subject="=?utf-8?q?Sv=3A_=C3=98velse?="
    )
    mail = InboundMail.objects.create(digest="d" * 64, raw=raw)
    settle(mail, timezone.now())
    assert mail.status == InboundStatus.FORWARD
    return mail


def forwarded(reply: InboundMail) -> EmailMessage:
    assert reply.newsletter is not None
    composed = forwarding.compose(reply, reply.newsletter).as_bytes()
    assert all(len(line) <= 998 for line in composed.split(b"\r\n")) and composed.isascii()
    return message_from_bytes(composed, policy=policy.default)


def test_the_office_can_read_and_answer_it(reply: InboundMail, newsletter: Newsletter) -> None:
    mail = forwarded(reply)
    assert mail["To"] == newsletter.reply_to
    assert mail["From"].addresses[0].addr_spec == newsletter.sender_email
    assert mail["Reply-To"] == "beboer0@example.org"
    assert mail["Subject"] == "Sv: Øvelse"
    body = mail.get_body()
    assert body is not None and "Hvornår begynder det?" in body.get_content()
    [attached] = mail.iter_attachments()
    assert attached.get_content() == bytes(reply.raw)


def test_no_machine_answers_it(reply: InboundMail) -> None:
    mail = forwarded(reply)
    assert mail["Auto-Submitted"] == "auto-generated" and mail[forwarding.MARK] == "1"


def test_it_leaves_with_the_null_sender_once(
    reply: InboundMail, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        assert forwarding.due_forwards(timezone.now()) == [reply.pk]
        assert forwarding.forward(reply.pk)
        assert not forwarding.forward(reply.pk)
    reply.refresh_from_db()
    assert (reply.status, bytes(reply.raw)) == (InboundStatus.DONE, b"")


def test_a_wish_that_a_colleague_sends_on_leaves_nothing_of_the_person(
    delivery: Delivery, newsletter: Newsletter, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    user = User.objects.create_user("bo@kultur.example.org", name="Bo")
    Role.objects.create(user=user, organisation=newsletter.organisation, kind=RoleKind.OWNER)
    raw = written("nyt@kultur.example.org", body="Stop med at skrive om stop")
    mail = InboundMail.objects.create(digest="e" * 64, raw=raw)
    settle(mail, timezone.now())
    assert mail.status == InboundStatus.NEEDS_PERSON and mail.sender and mail.excerpt and mail.subscription
    decide(mail, user, "forward")
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        assert forwarding.forward(mail.pk)
    mail.refresh_from_db()
    assert mail.status == InboundStatus.DONE
    assert (bytes(mail.raw), mail.sender, mail.excerpt, mail.subscription) == (b"", "", "", None)


def test_what_fails_is_tried_again_and_nothing_is_lost(reply: InboundMail, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_SMTP_URL = "smtp+plain://127.0.0.1:9"
    for attempt in range(1, 8):
        InboundMail.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert not forwarding.forward(reply.pk)
        reply.refresh_from_db()
        assert (reply.attempts, reply.status) == (attempt, InboundStatus.FORWARD)
        assert reply.raw and reply.last_error and reply.due_at > timezone.now()
    assert forwarding.due_forwards(timezone.now()) == []


def test_a_worker_that_died_with_it_is_replaced(reply: InboundMail) -> None:
    InboundMail.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
    assert not forwarding.forward(reply.pk)
    InboundMail.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert forwarding.due_forwards(timezone.now()) == [reply.pk]


def test_where_nothing_may_leave_nothing_is_forwarded(reply: InboundMail, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_NEVER_SEND = True
    assert forwarding.due_forwards(timezone.now()) == []


@pytest.mark.parametrize("sender", ["", "ikke en adresse", "Å <å@example.org>", "<>" * 200, '"a\nBcc: x" <a@b.dk>'])
def test_whoever_wrote_it_it_can_be_forwarded(reply: InboundMail, sender: str) -> None:
    reply.raw = f"From: {sender}\nSubject: x\n\nHej".encode()
    assert "Bcc" not in forwarded(reply)
