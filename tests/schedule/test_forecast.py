"""The finish time: computed from pace, wave and warm-up, and from what was measured. No clock of ours is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from publisher.models import Message, Newsletter
from publisher.models.counting import move_counts
from publisher.paces import parse_pace
from publisher.schedule import forecast
from publisher.schedule.forecast import Plan, last_one_at, of_draft, of_message, per_s
from tests.audience_factory import mail, ready_mail, residents

EIGHT = datetime(2026, 12, 1, 7, tzinfo=UTC)


def unlimited(day: date) -> None:
    """Any day."""


def test_without_limits_it_is_number_by_rate() -> None:
    assert last_one_at(Plan(6000, EIGHT, 10.0), unlimited) == EIGHT + timedelta(minutes=10)
    assert last_one_at(Plan(0, EIGHT, 10.0), unlimited) == EIGHT


def test_a_first_wave_adds_its_pause_if_anybody_is_left() -> None:
    pause = timedelta(minutes=10)
    assert last_one_at(Plan(6000, EIGHT, 10.0, 200, pause), unlimited) == EIGHT + timedelta(minutes=20)
    assert last_one_at(Plan(200, EIGHT, 10.0, 200, pause), unlimited) == EIGHT + timedelta(seconds=20)


def test_a_warm_up_goes_on_after_midnight_in_denmark() -> None:
    most = {date(2026, 12, 1): 200, date(2026, 12, 2): 500, date(2026, 12, 3): 1000}
    third = datetime(2026, 12, 2, 23, tzinfo=UTC)
    assert last_one_at(Plan(1300, EIGHT, 10.0), most.get) == third + timedelta(seconds=60)
    assert last_one_at(Plan(700, EIGHT, 10.0), most.get) == third - timedelta(days=1) + timedelta(seconds=50)


@pytest.mark.database
def test_the_rate_is_what_was_measured_but_never_above_the_pace(newsletter: Newsletter, settings: Any) -> None:
    assert per_s() == forecast.FIRST_PER_S
    for rate in (10, 50, 1000):
        old = mail(newsletter)
        Message.objects.filter(pk=old.pk).update(
            status="finished", frozen_count=rate * 60, started_at=EIGHT, finished_at=EIGHT + timedelta(minutes=1)
        )
    assert per_s() == 50.0
    settings.OPSLAG_SMTP_PACE = parse_pace("30/minute")
    assert per_s() == 0.5


@pytest.mark.database
def test_before_approval_the_newsletter_s_first_wave_counts(newsletter: Newsletter, settings: Any) -> None:
    settings.OPSLAG_SMTP_PACE = parse_pace("30/minute")
    newsletter.first_wave, newsletter.first_wave_minutes = 200, 15
    newsletter.save()
    message = mail(newsletter, minutes=60)
    with time_machine.travel(EIGHT - timedelta(hours=1), tick=False):
        assert of_draft(message, 800, EIGHT) == EIGHT + timedelta(seconds=1600, minutes=15)


@pytest.mark.database
def test_on_its_way_what_waits_counts_and_what_others_send_between(newsletter: Newsletter, settings: Any) -> None:
    settings.OPSLAG_SMTP_PACE = parse_pace("1/second")
    residents(newsletter, 40)
    message, other = ready_mail(newsletter), ready_mail(newsletter)
    now = message.frozen_at
    assert now is not None
    figures = {"pending": 30, "sent": 10}
    assert of_message(message, figures, now) == now + timedelta(seconds=60), "30 of ours, and 30 of the other's turns"
    move_counts(other.pk, 0, {"pending": -35})
    assert of_message(message, figures, now) == now + timedelta(seconds=35)
    message.wave_size, message.wave_minutes, message.wave_until = 10, 10, now + timedelta(minutes=8)
    Message.objects.filter(pk=other.pk).update(status="finished")
    assert of_message(message, figures, now) == now + timedelta(minutes=8, seconds=30)
    assert of_message(message, {"sent": 40}, now) is None
