"""What staff read before approval and while a mail is on its way: when the last one has it, and what it waits for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone, translation

from publisher.models import Campaign, Destination, Message, Newsletter, User, WarmupDay
from publisher.paces import parse_pace
from publisher.review import approval
from publisher.review.drafting import suggest_time
from publisher.web.course import course_of, last_one_words
from tests.audience_factory import residents
from tests.review.send_outs import begin, freeze, mail_of
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database
NINE = datetime(2026, 12, 1, 8, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def sending(campaign: Campaign, bo: User, settings: Any) -> Message:
    """Nine hundred wait, at half a mail a second."""
    settings.OPSLAG_SMTP_PACE = parse_pace("30/minute")
    approval.send_now(campaign, bo)
    mail = mail_of(campaign)
    freeze(mail, 900)
    begin(mail)
    return mail_of(campaign)


def test_before_approval_it_says_when_the_last_one_has_it(
    campaign: Campaign, path: str, edit: str, newsletter: Newsletter, anna: User, bo: User, settings: Any
) -> None:
    settings.OPSLAG_SMTP_PACE = parse_pace("30/minute")
    residents(newsletter, 60)
    with time_machine.travel(NINE, tick=False):
        residents(newsletter, 60, prefix="flere")
        suggest_time(campaign, NINE + timedelta(hours=1))
        assert "The last one gets it at about 09:04." in words(signed_in(anna).get(edit))
        approval.submit(campaign, anna)
        assert "The last one gets it at about 09:04." in words(signed_in(bo).get(path))


def test_on_its_way_the_page_says_it_too(sending: Message, path: str, bos: Client) -> None:
    page = words(bos.get(path))
    assert "The last one gets it at about" in page or "The last one gets it about" in page, "today, or after midnight"


def read(message: Message, waiting: int = 900) -> str:
    with translation.override("en"):
        return " ".join(course_of(message, {"pending": waiting}))


def test_the_first_group_and_the_wait_after_it(sending: Message) -> None:
    with time_machine.travel(NINE, tick=False):
        sending.wave_size, sending.wave_minutes = 200, 10
        assert read(sending).startswith("200 people get it first; the rest follow 10 minutes later. The last one")
        sending.wave_until = NINE + timedelta(minutes=10)
        assert read(sending, 700).startswith("The first group is sent; the rest follow at 08:10. The last one")
        assert "08:34." in read(sending, 700), "700 at half a mail a second, from ten past"


def test_a_warm_up_says_until_when(sending: Message, settings: Any) -> None:
    settings.OPSLAG_WARMUP_DOMAINS, settings.OPSLAG_WARMUP_PLAN = {"kultur.example.org": date(2026, 12, 1)}, (200, 5000)
    with time_machine.travel(NINE, tick=False):
        WarmupDay.objects.create(domain="kultur.example.org", day=date(2026, 12, 1), before=-200)
        assert "today's number is used up; the next ones follow Wednesday 2 December at 00:00." in read(sending)


def test_a_destination_that_rests_is_named_if_something_waits_for_it(sending: Message) -> None:
    with time_machine.travel(NINE, tick=False):
        Destination.objects.create(name="gmail.com", rest_until=NINE + timedelta(minutes=4))
        sending.deliveries.update(due_at=NINE - timedelta(minutes=1))
        assert "gmail.com" not in read(sending)
        sending.deliveries.update(due_at=NINE + timedelta(minutes=5))
        assert "gmail.com asked us to slow down; mail to it goes on at 08:04, a little at first." in read(sending)


def test_nothing_is_said_of_what_is_not_being_sent(sending: Message) -> None:
    assert read(sending, 0) == ""
    sending.status = "paused"
    assert read(sending) == ""


def test_the_day_is_said_if_it_is_not_today() -> None:
    with translation.override("en"), time_machine.travel(NINE, tick=False):
        assert last_one_words(NINE + timedelta(days=1)) == "The last one gets it about Wednesday 2 December at 08:00."


def test_an_administrator_sets_the_first_group(olga: User, newsletter: Newsletter) -> None:
    client, address = signed_in(olga), f"/settings/newsletters/{newsletter.pk}"
    fields = ("name", "sender_name", "sender_email", "reply_to", "language", "brand_colour", "link_counting")
    data = {name: getattr(newsletter, name) for name in fields}
    for first, minutes, stored in (("200", "15", (200, 15)), ("", "", (0, 15)), ("-1", "15", (0, 15))):
        client.post(address, data | {"first_wave": first, "first_wave_minutes": minutes})
        newsletter.refresh_from_db()
        assert (newsletter.first_wave, newsletter.first_wave_minutes) == stored
