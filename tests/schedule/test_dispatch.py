"""Dispatch: what is due goes at its instant; what was missed, stopped or cannot be made waits and says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.errors import Explanation
from publisher.models import CompiledMail, Delivery, Message, Newsletter, StopStamp
from publisher.schedule import dispatch
from publisher.schedule.keeping import LEASE, keep
from publisher.vocabulary import HoldReason, MessageStatus
from tests.audience_factory import mail, residents

pytestmark = pytest.mark.database


def test_a_mail_is_frozen_ahead_and_started_at_its_instant(newsletter: Newsletter) -> None:
    residents(newsletter, 4)
    message = mail(newsletter, minutes=8)
    now = timezone.now()
    assert dispatch.to_freeze(now) == [message.pk]
    assert dispatch.prepare(message.pk, now)
    message.refresh_from_db()
    assert message.frozen_count == 4 and message.strikes == 0 and CompiledMail.objects.filter(message=message).exists()
    assert dispatch.to_freeze(now) == [] and dispatch.to_start(now) == []
    due = message.scheduled_at
    assert due is not None
    assert dispatch.to_start(due) == [message.pk]
    assert dispatch.start(message.pk, due)
    assert not dispatch.start(message.pk, due), "once"
    message.refresh_from_db()
    assert message.status == MessageStatus.SENDING and message.started_at == due


def test_what_is_further_away_is_left_alone(newsletter: Newsletter) -> None:
    mail(newsletter, minutes=11)
    assert dispatch.to_freeze(timezone.now()) == []


def test_two_workers_do_not_prepare_the_same_mail(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    now = timezone.now()
    assert dispatch.take(message.pk, now, MessageStatus.SCHEDULED) is not None
    assert dispatch.take(message.pk, now, MessageStatus.SCHEDULED) is None
    assert dispatch.to_freeze(now) == []
    assert dispatch.to_freeze(now + timedelta(minutes=11)) == [message.pk], "the lease has an end"


def test_preparing_that_kills_its_worker_three_times_is_held(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    now = timezone.now()
    for strike in range(3):
        assert dispatch.take(message.pk, now + strike * timedelta(minutes=11), MessageStatus.SCHEDULED) is not None
    assert not dispatch.prepare(message.pk, now + timedelta(minutes=40))
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.WORKER_KILLED)
    assert str(Explanation.from_json(message.last_error))


def test_a_killed_worker_costs_a_minute_and_a_strike(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    now = timezone.now()
    taken = dispatch.take(message.pk, now, MessageStatus.SCHEDULED, LEASE)
    assert taken is not None and taken.strikes == 1
    assert dispatch.to_freeze(now + timedelta(seconds=61)) == [message.pk]


def test_work_that_goes_on_keeps_its_mail(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    now = timezone.now()
    taken = dispatch.take(message.pk, now - timedelta(seconds=59), MessageStatus.SCHEDULED, LEASE)
    assert taken is not None
    keep(taken)
    assert dispatch.to_freeze(now + timedelta(seconds=30)) == []


def test_an_error_that_nobody_foresaw_gives_the_mail_back_and_is_a_strike(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    message.blocks.update(content=["no object"])
    for strike in range(1, 4):
        with pytest.raises(AttributeError):
            dispatch.prepare(message.pk, timezone.now())
        message.refresh_from_db()
        assert (message.claim_id, message.lease_until, message.strikes) == (None, None, strike)
        assert dispatch.to_freeze(timezone.now()) == [message.pk]
    assert not dispatch.prepare(message.pk, timezone.now())
    message.refresh_from_db()
    assert message.hold_reason == HoldReason.WORKER_KILLED


def test_what_cannot_be_composed_is_held_in_words(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    block = message.blocks.get()
    block.content["html"] = "<div>" * 20_000 + "for dybt"
    block.save()
    Newsletter.objects.update(sender_email="ikke en adresse")
    assert not dispatch.prepare(message.pk, timezone.now())
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.CANNOT_COMPOSE)
    assert not Delivery.objects.filter(message=message).exists()


@pytest.mark.parametrize(("minutes", "status"), [(-119, MessageStatus.SENDING), (-121, MessageStatus.HELD)])
def test_a_missed_mail_goes_out_late_or_asks(newsletter: Newsletter, minutes: int, status: str) -> None:
    residents(newsletter, 2)
    message = mail(newsletter, minutes=minutes)
    now = timezone.now()
    assert dispatch.prepare(message.pk, now)
    dispatch.start(message.pk, now)
    message.refresh_from_db()
    assert message.status == status
    if status == MessageStatus.HELD:
        assert message.hold_reason == HoldReason.MISSED and "121" in str(Explanation.from_json(message.last_error))


def test_nothing_starts_while_stopped_or_where_nothing_may_be_sent(
    newsletter: Newsletter, settings: pytest.FixtureRequest
) -> None:
    message = mail(newsletter)
    now = timezone.now() + timedelta(seconds=1)
    assert dispatch.prepare(message.pk, now)
    assert dispatch.to_start(now) == [message.pk]
    settings.OPSLAG_NEVER_SEND = True
    assert dispatch.to_start(now) == []
    settings.OPSLAG_NEVER_SEND = False
    StopStamp.objects.create(organisation=newsletter.organisation)
    assert dispatch.to_start(now) == []


def test_rows_that_vanish_between_freeze_and_start_hold_the_mail(newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    message = mail(newsletter)
    now = timezone.now()
    dispatch.prepare(message.pk, now)
    Delivery.objects.filter(message=message).first().delete()  # type: ignore[union-attr]
    assert not dispatch.start(message.pk, now)
    message.refresh_from_db()
    assert message.hold_reason == HoldReason.COUNTS_DISAGREE
    assert Message.objects.get(pk=message.pk).status == MessageStatus.HELD
