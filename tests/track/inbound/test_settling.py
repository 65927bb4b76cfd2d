"""What follows from each kind of mail, and what a stranger cannot bring about."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from django.utils import timezone

from publisher.models import (
    Delivery,
    Event,
    InboundMail,
    Message,
    Newsletter,
    Notice,
    Role,
    Subscription,
    Suppression,
    User,
)
from publisher.track.events import apply_waiting
from publisher.track.inbound.settling import settle
from publisher.vocabulary import EventKind, InboundKind, InboundStatus, RoleKind
from tests.audience_factory import own_newsletter
from tests.track.inbound.conftest import bounced, return_path, written

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("mailbox")]

ANYWHERE = "nyt@kultur.example.org"
LEAVING = "bounce+unsubscribe@nyt.example.org"


def settled(raw: bytes, *, is_cut: bool = False) -> InboundMail:
    """The mail as it is after settling, its facts applied."""
    number = InboundMail.objects.count()
    mail = InboundMail.objects.create(digest=f"{number:064}", raw=raw, is_cut=is_cut)
    settle(mail, timezone.now())
    apply_waiting(timezone.now())
    mail.refresh_from_db()
    return mail


def our_id(delivery: Delivery) -> str:
    return f"Message-ID: <d{delivery.pk}.{delivery.message.public_id.hex}@opslag.test>"


def token_of(delivery: Delivery) -> str:
    assert delivery.subscription is not None
    return delivery.subscription.token


def test_it_is_known_by_message_id_and_the_secret_in_it(delivery: Delivery) -> None:
    link = f"List-Unsubscribe: <https://opslag.test/u/{token_of(delivery)}>"
    settled(bounced(ANYWHERE, about=f"{our_id(delivery)}\n{link}"))
    event = Event.objects.get()
    assert event.delivery_id == delivery.pk and event.is_certain
    assert Suppression.objects.count() == 1


def test_a_stranger_who_knows_the_message_id_blocks_nobody(delivery: Delivery) -> None:
    settled(bounced(ANYWHERE, about=our_id(delivery)))
    event = Event.objects.get()
    assert event.delivery_id == delivery.pk and not event.is_certain
    assert not Suppression.objects.exists()


def test_a_stranger_who_knows_the_address_blocks_nobody(delivery: Delivery) -> None:
    settled(bounced(ANYWHERE))
    event = Event.objects.get()
    assert event.delivery_id == delivery.pk and not event.is_certain
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("spoil", [0, 5, -1])
def test_a_forged_return_address_names_nobody(delivery: Delivery, spoil: int) -> None:
    token = return_path(delivery).partition("+")[2].partition("@")[0]
    changed = list(token)
    changed[spoil] = "0" if changed[spoil] != "0" else "1"
    settled(bounced(f"bounce+{''.join(changed)}@nyt.example.org").replace(b"beboer0@", b"nobody@"))
    assert Event.objects.get().delivery_id is None
    assert not Suppression.objects.exists()


COMPLAINT = """From: feedback@isp.example
To: klage@nyt.example.org
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="xx"

--xx
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1

--xx
Content-Type: message/rfc822

{about}

Kom og hør.
--xx--
"""


def test_a_complaint_ends_the_subscription(delivery: Delivery) -> None:
    about = f"Return-Path: <{return_path(delivery)}>\n{our_id(delivery)}"
    assert settled(COMPLAINT.format(about=about).encode()).kind == InboundKind.COMPLAINT
    assert delivery.subscription is not None
    delivery.subscription.refresh_from_db()
    assert delivery.subscription.unsubscribed_at is not None
    assert Suppression.objects.get().reason == "complained"


def test_a_strangers_complaint_ends_nothing(delivery: Delivery) -> None:
    settled(COMPLAINT.format(about=our_id(delivery)).encode())
    assert delivery.subscription is not None
    delivery.subscription.refresh_from_db()
    assert delivery.subscription.unsubscribed_at is None
    assert not Suppression.objects.exists()
    delivery.refresh_from_db()
    assert delivery.complained_at is None


def test_unsubscribing_by_mail_is_acted_on_at_once(delivery: Delivery) -> None:
    mail = settled(written(LEAVING.upper(), subject=f"unsubscribe {token_of(delivery)}", body=""))
    assert (mail.kind, mail.status) == (InboundKind.LEAVE, InboundStatus.DONE)
    subscription = Subscription.objects.get(pk=delivery.subscription_id)
    assert subscription.unsubscribed_at is not None
    assert subscription.consents.filter(given=False).values_list("source", flat=True).get() == "mail"


def test_unsubscribing_with_a_token_that_is_not_ours_is_a_persons_matter(delivery: Delivery) -> None:
    mail = settled(written(LEAVING, subject="unsubscribe AbCdEfGhIjKlMnOpQrStUv"))
    assert (mail.status, mail.subscription_id) == (InboundStatus.NEEDS_PERSON, delivery.subscription_id)


@pytest.mark.parametrize("words", ["Afmeld mig venligst", "STOP", "please unsubscribe me", "Jeg vil gerne frameldes"])
def test_a_reply_that_wishes_to_leave_waits_for_one_click(delivery: Delivery, words: str) -> None:
    answer = f"{words}\n\nDen 26. nov. 2026 kl. 08.00 skrev Kulturnyt:\n> Kom og hør."
    mail = settled(written(ANYWHERE, body=answer, In_Reply_To=our_id(delivery).partition(": ")[2]))
    assert (mail.kind, mail.status) == (InboundKind.WISH, InboundStatus.NEEDS_PERSON)
    assert (mail.subscription_id, mail.excerpt, mail.sender) == (
        delivery.subscription_id,
        words,
        "beboer0@example.org",
    )
    assert Subscription.objects.get(pk=delivery.subscription_id).unsubscribed_at is None


def test_the_title_of_the_mail_that_is_answered_is_no_wish(delivery: Delivery) -> None:
    Message.objects.update(subject="Stop madspild")
    answers = our_id(delivery).partition(": ")[2]
    # Some programs put nothing in front of the subject.
    mail = settled(written(ANYWHERE, subject="[EKSTERN] Stop  madspild", body="Godt skrevet!", In_Reply_To=answers))
    assert (mail.kind, mail.status) == (InboundKind.REPLY, InboundStatus.FORWARD)
    mail = settled(written(ANYWHERE, subject="Afmeld", body="", In_Reply_To=answers))
    assert (mail.kind, mail.excerpt) == (InboundKind.WISH, "Afmeld")


def test_what_only_looks_like_a_bounce_goes_on_to_the_office(delivery: Delivery) -> None:
    odd = written(ANYWHERE, subject="Delivery failed", body="Noget gik galt.", From="postmaster@mx.example.org")
    mail = settled(odd)
    assert (mail.kind, mail.status) == (InboundKind.BOUNCE, InboundStatus.FORWARD) and bytes(mail.raw)


def test_what_our_own_mail_says_below_is_no_wish(delivery: Delivery) -> None:
    answer = "Tak for en god aften!\n\nDen 26. nov. 2026 kl. 08.00 skrev Kulturnyt:\n> Afmeld nyhedsbrevet"
    assert settled(written(ANYWHERE, body=answer)).kind == InboundKind.REPLY


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("Autosvar: Kulturnyt", {}),
        ("Automatisk svar: Kulturnyt", {}),
        ("Automatic reply: Kulturnyt", {}),
        ("Sv: Kulturnyt", {"Auto_Submitted": "auto-replied"}),
        ("Sv: Kulturnyt", {"X_Auto_Response_Suppress": "All"}),
        ("Sv: Kulturnyt", {"Precedence": "auto_reply"}),
        ("Sv: Kulturnyt", {"Return_Path": "<>"}),
        ("Ikke til stede: Kulturnyt", {}),
    ],
)
def test_machines_are_not_answered_and_not_forwarded(delivery: Delivery, subject: str, headers: dict[str, str]) -> None:
    body = "Jeg er på ferie. Stop ikke med at skrive."
    mail = settled(written(return_path(delivery), subject=subject, body=body, **headers))
    assert (mail.kind, mail.status) == (InboundKind.AUTO_REPLY, InboundStatus.DONE)
    assert Event.objects.get().kind == EventKind.AUTORESPONDED
    delivery.refresh_from_db()
    assert delivery.bounced_at is None


def test_a_reply_is_to_be_forwarded(delivery: Delivery, newsletter: Newsletter) -> None:
    mail = settled(written(ANYWHERE))
    assert (mail.kind, mail.status, mail.newsletter) == (InboundKind.REPLY, InboundStatus.FORWARD, newsletter)
    assert message_from_bytes(bytes(mail.raw), policy=policy.default)["Subject"] == "Sv: Kulturnyt"


def test_a_reply_nobody_can_place_stays_in_the_mailbox(delivery: Delivery) -> None:
    own_newsletter("Havnenyt")
    mail = settled(written("noget@andet.example.org"))
    assert (mail.status, mail.stays, bytes(mail.raw)) == (InboundStatus.DONE, True, b"")


def test_a_reply_that_has_been_here_before_stays_in_the_mailbox(delivery: Delivery) -> None:
    assert settled(written(ANYWHERE, X_Opslag_Forwarded="1")).stays
    hops = "Received: from a by b\n" * 30
    assert settled(hops.encode() + written(ANYWHERE)).stays


def test_a_reply_that_is_too_large_stays_and_staff_are_told(delivery: Delivery, mail: Message, bo_there: None) -> None:
    assert settled(written(ANYWHERE), is_cut=True).stays
    assert "too large" in Notice.objects.get().explanation["msgid"]


@pytest.fixture
def bo_there(newsletter: Newsletter) -> None:
    """Somebody who may approve in the newsletter's organisation."""
    user = User.objects.create_user("bo@kultur.example.org", name="Bo")
    Role.objects.create(user=user, organisation=newsletter.organisation, kind=RoleKind.APPROVER)
