"""Replies that ask to unsubscribe: one click each, for those who may, in their own organisation only."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.audience.subscribe import subscribe
from publisher.models import AuditEntry, InboundMail, Newsletter, Subscription, User
from publisher.vocabulary import InboundKind, InboundStatus
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database

PAGE = "/subscribers/replies"


@pytest.fixture
def reply(newsletter: Newsletter) -> InboundMail:
    """A resident who wishes to leave."""
    tie = subscribe(newsletter, "resident@example.org", source="test", confirmed_at=timezone.now())
    return InboundMail.objects.create(
        digest="x",
        kind=InboundKind.WISH,
        status=InboundStatus.NEEDS_PERSON,
        organisation=newsletter.organisation,
        newsletter=newsletter,
        subscription=tie,
        sender="resident@example.org",
        excerpt="Afmeld mig <b>tak</b>",
        raw=b"From: resident@example.org",
    )


def test_the_page_shows_who_wrote_what_and_escapes_it(anna: User, reply: InboundMail) -> None:
    page = signed_in(anna).get(PAGE)
    assert "resident@example.org" in words(page) and "&lt;b&gt;tak&lt;/b&gt;" in page.content.decode()


@pytest.mark.parametrize(
    ("action", "status", "left"),
    [("unsubscribe", "done", True), ("forward", "forward", False), ("nothing", "done", False)],
)
def test_one_click_settles_it(anna: User, reply: InboundMail, action: str, status: str, left: bool) -> None:
    answer = signed_in(anna).post(f"{PAGE}/{reply.pk}", {"do": action}, follow=True)
    assert "No reply waits for you." in words(answer)
    reply.refresh_from_db()
    assert reply.status == status
    assert (Subscription.objects.get().unsubscribed_at is not None) == left
    assert (bytes(reply.raw) == b"") == (reply.sender == "") == (status == "done"), "kept only as long as needed"
    assert AuditEntry.objects.get(action=f"reply_{action}").user == anna


def test_the_second_to_click_is_told(anna: User, bo: User, reply: InboundMail) -> None:
    signed_in(anna).post(f"{PAGE}/{reply.pk}", {"do": "nothing"})
    answer = signed_in(bo).post(f"{PAGE}/{reply.pk}", {"do": "unsubscribe"}, follow=True)
    assert "Somebody else has dealt with this reply." in words(answer)
    assert Subscription.objects.get().unsubscribed_at is None


def test_whoever_wrote_from_another_address_is_looked_for_by_hand(anna: User, reply: InboundMail) -> None:
    InboundMail.objects.update(subscription=None)
    browser = signed_in(anna)
    page = browser.get(PAGE)
    assert "Look for the person by hand." in words(page) and 'value="unsubscribe"' not in page.content.decode()
    answer = browser.post(f"{PAGE}/{reply.pk}", {"do": "unsubscribe"}, follow=True)
    assert "Nobody with this address subscribes" in words(answer)


def test_others_neither_see_nor_settle_it(sven: User, newsletter: Newsletter, reply: InboundMail) -> None:
    assert "resident@example.org" not in words(signed_in(sven).get(PAGE))
    assert signed_in(sven).post(f"{PAGE}/{reply.pk}", {"do": "nothing"}).status_code == 404
    rita = signed_in(reader_in(newsletter.organisation))
    assert rita.get(PAGE).status_code == 403
    assert rita.post(f"{PAGE}/{reply.pk}", {"do": "nothing"}).status_code == 403


def test_who_is_erased_takes_the_reply_along(anna: User, reply: InboundMail) -> None:
    from publisher.audience.leave import erase

    assert reply.subscription is not None
    erase(reply.subscription.subscriber)
    reply.refresh_from_db()
    assert (reply.status, bytes(reply.raw), reply.sender, reply.excerpt) == ("done", b"", "", "")
