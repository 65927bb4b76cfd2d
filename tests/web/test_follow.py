"""Counted links in a browser's hands: they lead on, count once a click, and say who only of those who said yes."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from publisher.audience.leave import erase
from publisher.audience.leave import unsubscribe as leave
from publisher.audience.tracking import allow_tracking, refuse_tracking
from publisher.compose.compiled import compile_message
from publisher.compose.links import click_token
from publisher.models import Campaign, Delivery, Link, Message, Newsletter, Subscription
from publisher.models.counting import move_counts
from publisher.track import clicks
from publisher.vocabulary import CampaignStatus, DeliveryStatus, LinkCounting, MessageStatus
from tests.audience_factory import mail as bare_mail
from tests.audience_factory import residents
from tests.compose.conftest import campaign, lead_item, mail, picture  # noqa: F401 -- fixtures
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database
PERSON = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
STORY = "https://kultur.example.org/nyheder/ny-kulturaftale"


@pytest.fixture
def reader() -> Client:
    return Client(headers=PERSON)


@pytest.fixture
def sent(mail: Message) -> Message:  # noqa: F811
    """The mail of a newsletter that counts one by one, sent to two, of whom the first has said yes."""
    Newsletter.objects.filter(pk=mail.newsletter_id).update(link_counting=LinkCounting.ONE_BY_ONE)
    mail = Message.objects.get(pk=mail.pk)
    compile_message(mail)
    people = residents(mail.newsletter, 2)
    assert allow_tracking(people[0], "da")
    deliver(mail, people)
    Message.objects.filter(pk=mail.pk).update(status=MessageStatus.FINISHED, started_at=timezone.now())
    return Message.objects.get(pk=mail.pk)


def deliver(message: Message, people: list[Subscription]) -> None:
    for person in people:
        Delivery.objects.create(
            message=message,
            subscriber=person.subscriber,
            subscription=person,
            status=DeliveryStatus.SENT,
            due_at=timezone.now(),
        )


def link_of(message: Message) -> Link:
    return message.links.get(url=STORY)


def path_of(message: Message, delivery: Delivery | None = None) -> str:
    path = f"/l/{link_of(message).code}"
    return f"{path}/{click_token(delivery.pk).decode()}" if delivery else path


def both(message: Message) -> list[Delivery]:
    return list(Delivery.objects.filter(message=message).order_by("pk"))


def test_it_leads_to_the_stored_address_and_nowhere_else(sent: Message, reader: Client) -> None:
    response = reader.get(f"{path_of(sent)}?url=https://evil.example.org&next=//evil.example.org")
    assert (response.status_code, response["Location"]) == (302, STORY)
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies
    assert link_of(sent).clicks == 1
    assert reader.post(path_of(sent)).status_code == 405


@pytest.mark.parametrize(
    "path", ["/l/aaaaaaaaaaaaaaaa", "/l/x", "/l/" + "A" * 16, "/l/%00", "/l/" + "a" * 300, "/l/aaaaaaaaaaaaaaaa/b"]
)
def test_an_unknown_code_is_met_kindly(path: str, sent: Message, reader: Client) -> None:
    response = reader.get(path)
    assert response.status_code == 404
    assert "web/public/gone.html" in [template.name for template in response.templates]
    assert response["Cache-Control"] == "no-store"


def test_every_click_is_one_more_whoever_clicks(sent: Message, reader: Client) -> None:
    yes, no = both(sent)
    for path in (path_of(sent), path_of(sent, yes), path_of(sent, yes), path_of(sent, no), path_of(sent) + "/"):
        assert reader.get(path)["Location"] == STORY
    assert link_of(sent).clicks == 5


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"user-agent": "Mozilla/5.0 BarracudaCentral"},
        {"user-agent": "curl/8.5.0"},
        PERSON | {"sec-purpose": "prefetch;prerender"},
        PERSON | {"purpose": "prefetch"},
        PERSON | {"x-moz": "prefetch"},
    ],
    ids=str,
)
def test_programs_are_led_on_and_not_counted(headers: dict[str, str], sent: Message) -> None:
    response = Client(headers=headers).get(path_of(sent, both(sent)[0]))
    assert response["Location"] == STORY
    assert (link_of(sent).clicks, both(sent)[0].clicked_at) == (0, None)


def test_a_head_is_not_counted(sent: Message, reader: Client) -> None:
    assert reader.head(path_of(sent))["Location"] == STORY
    assert link_of(sent).clicks == 0


def test_who_said_yes_is_noted_once_and_who_did_not_never(sent: Message, reader: Client) -> None:
    yes, no = both(sent)
    for each in (yes, no):
        reader.get(path_of(sent, each))
    first, never = both(sent)
    assert first.clicked_at is not None and never.clicked_at is None
    reader.get(path_of(sent, yes))
    assert both(sent)[0].clicked_at == first.clicked_at


def taken_back(yes: Delivery) -> None:
    refuse_tracking(yes.subscription)


def left(yes: Delivery) -> None:
    leave(yes.subscription.token, source="link")


def erased(yes: Delivery) -> None:
    erase(yes.subscriber)


def counted_together(yes: Delivery) -> None:
    Newsletter.objects.update(link_counting=LinkCounting.TOGETHER)


@pytest.mark.parametrize("then", [taken_back, left, erased, counted_together])
def test_once_the_consent_is_gone_mails_that_are_out_count_together_only(
    then: Any, sent: Message, reader: Client
) -> None:
    yes, path = both(sent)[0], path_of(sent, both(sent)[0])
    then(yes)
    assert reader.get(path)["Location"] == STORY
    assert (link_of(sent).clicks, both(sent)[0].clicked_at) == (1, None)


def test_counting_that_was_switched_off_stops_at_once(sent: Message, reader: Client) -> None:
    Newsletter.objects.update(link_counting=LinkCounting.NONE)
    assert reader.get(path_of(sent, both(sent)[0]))["Location"] == STORY
    assert (link_of(sent).clicks, both(sent)[0].clicked_at) == (0, None)


def test_a_token_of_another_mail_says_nothing(sent: Message, reader: Client) -> None:
    yes = both(sent)[0]
    Delivery.objects.filter(pk=yes.pk).update(message=bare_mail(sent.newsletter))
    assert reader.get(path_of(sent, yes))["Location"] == STORY
    assert Delivery.objects.get(pk=yes.pk).clicked_at is None


def test_a_database_that_does_not_take_the_click_keeps_nobody_waiting(
    sent: Message, reader: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def busy() -> Iterator[None]:
        raise OperationalError("database is locked")
        yield

    monkeypatch.setattr(clicks, "_briefly", busy)
    path = path_of(sent, both(sent)[0])
    assert reader.get(path)["Location"] == STORY
    assert [line for line in caplog.messages if "click" in line] == ["a click could not be counted in time"]


def test_the_patience_ends_with_the_click(sent: Message, reader: Client) -> None:
    def limits() -> list[str]:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            else:
                cursor.execute("PRAGMA busy_timeout")
            return [str(value) for value in cursor.fetchone()]

    before = limits()
    with clicks._briefly():
        within = limits()
    if connection.vendor == "sqlite":
        assert within != before and limits() == before
    else:
        assert within == ["500ms", "500ms"]


def test_no_log_learns_a_code_or_a_token(sent: Message, reader: Client) -> None:
    handler = next(h for h in logging.getLogger().handlers if getattr(h, "filters", None))
    written = io.StringIO()
    before = handler.setStream(written)
    path = path_of(sent, both(sent)[0])
    try:
        assert reader.put(path).status_code == 405
        assert reader.get("/l/aaaaaaaaaaaaaaaa/abc").status_code == 404
        logging.getLogger("elsewhere").error("%s failed", f"https://opslag.test{path}?x=1")
    finally:
        handler.setStream(before)
    lines = written.getvalue()
    assert lines.count("/l/…") == 3
    assert link_of(sent).code not in lines and "abc" not in lines


def test_staff_see_numbers_about_twenty_or_more_and_never_a_person(sent: Message, reader: Client, anna: Any) -> None:
    client, page = signed_in(anna), f"/sendouts/{sent.campaign_id}"
    Campaign.objects.filter(pk=sent.campaign_id).update(status=CampaignStatus.APPROVED)
    reader.get(path_of(sent))
    assert "Clicks are shown once the mail has reached at least 20 people" in words(client.get(page))
    more = residents(sent.newsletter, 20, prefix="flere")
    deliver(sent, more)
    move_counts(sent.pk, 0, {DeliveryStatus.SENT: 22})
    said = words(client.get(page))
    assert f"{STORY} Ny kulturaftale er underskrevet 1" in said
    assert "Fewer than 20 of those who got it have said yes" in said
    for person in more:
        allow_tracking(person, "da")
    for delivery in both(sent)[:3]:
        reader.get(path_of(sent, delivery))
    said = words(client.get(page))
    assert "2 of the 21 who have said yes to being counted have clicked." in said
    assert "@example.org" not in said.replace("kontor@kultur.example.org", "")


@pytest.mark.parametrize(
    ("counting", "says", "says_not"),
    [
        (LinkCounting.NONE, ["lead straight"], ["by everybody together", "said yes"]),
        (LinkCounting.TOGETHER, ["by everybody together"], ["lead straight", "said yes"]),
        (LinkCounting.ONE_BY_ONE, ["by everybody together", "said yes"], ["lead straight"]),
    ],
)
def test_the_privacy_page_says_what_is_true(
    counting: LinkCounting, says: list[str], says_not: list[str], newsletter: Newsletter, reader: Client
) -> None:
    Newsletter.objects.update(link_counting=counting)
    reader.cookies["opslag-language"] = "en"
    page = words(reader.get(f"/privacy/{newsletter.organisation.slug}"))
    assert all(each in page for each in says)
    assert not any(each in page for each in says_not)
