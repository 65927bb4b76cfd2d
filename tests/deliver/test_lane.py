"""A lane against a real SMTP server: what the sink took is what the rows say, whatever it answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation

from publisher.deliver import finish
from publisher.deliver.journal import all_journals
from publisher.deliver.lane import KIND, OVERDUE, run_lane, wanted
from publisher.deliver.slots import take_slot
from publisher.errors import Explanation
from publisher.models import (
    Claim,
    Delivery,
    LaneSlot,
    Message,
    Newsletter,
    Organisation,
    StopStamp,
    Subscriber,
    Subscription,
    TransportHealth,
)
from publisher.vocabulary import MessageStatus
from tests.audience_factory import ready_mail, residents
from tests.deliver.lanes import lane_on_a_thread
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


@pytest.fixture
def sink(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[RunningSink]:
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


def statuses(message: Message) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Delivery.objects.filter(message=message).values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def rename(subscription: Subscription, local_part: str) -> Delivery:
    Subscriber.objects.filter(pk=subscription.subscriber_id).update(address=f"{local_part}@example.org")
    return Delivery.objects.get(subscription=subscription)


def test_everyone_gets_one_mail_and_the_receipt_adds_up(newsletter: Newsletter, sink: RunningSink) -> None:
    residents(newsletter, 120)
    message = ready_mail(newsletter)
    assert wanted(timezone.now())
    assert run_lane() == 120
    assert statuses(message) == {"sent": 120}
    ids = [f"<d{pk}.{message.public_id.hex}@opslag.test>" for pk in message.deliveries.values_list("pk", flat=True)]
    assert sorted(found for found, _ in sink.accepted()) == sorted(ids)
    assert not Claim.objects.exists() and not all_journals() and LaneSlot.objects.get(number=1).run_id is None
    assert finish.to_finish() == [message.pk] and finish.finish(message.pk, timezone.now())
    message.refresh_from_db()
    assert message.status == MessageStatus.FINISHED
    assert not wanted(timezone.now()) and run_lane() == 0


@pytest.mark.parametrize("connections", [1, 4])
def test_each_answer_of_the_server_ends_on_its_row_in_words(
    newsletter: Newsletter, sink: RunningSink, settings: pytest.FixtureRequest, connections: int
) -> None:
    settings.OPSLAG_SMTP_CONNECTIONS = connections
    people = residents(newsletter, 8)
    message = ready_mail(newsletter)
    rows = {
        name: rename(person, name)
        for name, person in zip(("unknown", "grey", "spam", "busy", "dropbefore", "dropafter"), people, strict=False)
    }
    run_lane()
    for row in rows.values():
        row.refresh_from_db()
    assert {name: (row.status, row.reason) for name, row in rows.items()} == {
        "unknown": ("failed", "refused"),
        "grey": ("pending", ""),
        "spam": ("failed", "content_refused"),
        "busy": ("pending", ""),
        "dropbefore": ("uncertain", "answer_lost"),
        "dropafter": ("uncertain", "answer_lost"),
    }
    assert all(row.attempts == 1 for row in rows.values())
    assert rows["grey"].due_at > timezone.now()
    for row in rows.values():
        for language in ("da", "en"):
            with translation.override(language):
                assert str(Explanation.from_json(row.last_error))
    assert statuses(message)["sent"] == 2
    taken = {recipient for _, recipient in sink.accepted()}
    assert "dropafter@example.org" in taken, "uncertain is the truth: the server had it"


def test_attempts_are_used_up_on_the_row(newsletter: Newsletter, sink: RunningSink) -> None:
    person = residents(newsletter, 1)[0]
    message = ready_mail(newsletter)
    row = rename(person, "grey")
    for _ in range(6):
        Delivery.objects.filter(pk=row.pk).update(due_at=timezone.now())
        run_lane()
    row.refresh_from_db()
    assert (row.status, row.reason, row.attempts) == ("failed", "attempts_used_up", 6)
    assert finish.finish(message.pk, timezone.now())


def test_a_server_that_refuses_us_holds_the_message_and_burns_no_attempt(
    newsletter: Newsletter, sink: RunningSink
) -> None:
    people = residents(newsletter, 3)
    message = ready_mail(newsletter)
    row = rename(people[0], "policy")
    run_lane()
    message.refresh_from_db()
    row.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", "mail_server")
    assert (row.status, row.attempts) == ("pending", 0)
    assert set(statuses(message)) <= {"pending", "sent"}, "other connections may have sent theirs in the same moment"
    assert "5.7.26" in str(Explanation.from_json(message.last_error))


def test_a_server_that_is_away_costs_nothing_and_is_not_hammered(
    newsletter: Newsletter, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_SMTP_URL = "smtp+plain://127.0.0.1:9"
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    assert run_lane() == 0
    assert statuses(message) == {"pending": 3}
    health = TransportHealth.objects.get()
    assert health.failures == 1 and health.paused_until is not None and health.paused_until > timezone.now()
    assert not wanted(timezone.now())


def test_a_connection_that_drops_costs_only_the_one_in_hand(newsletter: Newsletter, sink: RunningSink) -> None:
    people = residents(newsletter, 4)
    message = ready_mail(newsletter)
    row = rename(people[1], "droprcpt")
    run_lane()
    assert statuses(message) == {"sent": 3, "pending": 1}
    row.refresh_from_db()
    assert row.attempts == 1 and row.due_at > timezone.now(), "it may have been this one that broke the conversation"
    assert not TransportHealth.objects.filter(failures__gt=0).exists()


def test_a_damaged_token_fails_that_row_alone(newsletter: Newsletter, sink: RunningSink) -> None:
    people = residents(newsletter, 3)
    message = ready_mail(newsletter)
    Subscription.objects.filter(pk=people[1].pk).update(token="a b")
    Subscriber.objects.filter(pk=people[2].subscriber_id).update(address="en to@example.org")
    run_lane()
    assert statuses(message) == {"sent": 2, "failed": 1} or statuses(message) == {"sent": 1, "failed": 2}


@pytest.mark.django_db(transaction=True)
def test_leaving_pausing_and_stopping_take_effect_in_mid_send(
    newsletter: Newsletter, secretariat: Organisation, tmp_path: Path, settings: pytest.FixtureRequest
) -> None:
    """A slow server (20 messages/s); the lane's claims are 2 s of work, and it looks around once a second."""
    with running_sink(tmp_path / "slow", delay_s=0.05) as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        settings.OPSLAG_SMTP_CONNECTIONS = 1
        people = residents(newsletter, 400)
        message = ready_mail(newsletter)
        late = Delivery.objects.filter(subscription__in=people[60:80])

        lane = lane_on_a_thread()
        while len(sink.accepted()) < 3:
            pass
        Subscription.objects.filter(pk__in=[person.pk for person in people[60:80]]).update(
            unsubscribed_at=timezone.now()
        )
        while len(sink.accepted()) < 100 and lane.is_alive():
            pass
        StopStamp.objects.create(organisation=secretariat)
        lane.join(30)
        taken = {recipient for _, recipient in sink.accepted()}
        gone = {person.subscriber.address for person in people[60:80]}
        assert not taken & gone, "who left was not mailed"
        assert set(late.values_list("status", flat=True)) <= {"suppressed", "pending"}
        assert len(taken) < 200, "the stop stopped it"
        found = statuses(message)
        assert found["sent"] == len(taken) and sum(found.values()) == 400 and "sending" not in found
        assert run_lane() == 0


def test_a_further_lane_starts_only_where_mail_waits_for_the_others(
    newsletter: Newsletter, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_BULK_LANES = 2
    residents(newsletter, 3)
    message, now = ready_mail(newsletter), timezone.now()
    assert wanted(now)
    assert take_slot(KIND, uuid.uuid4(), now) is not None
    long_ago = now - OVERDUE - timedelta(seconds=1)
    for served_at, started_at, is_wanted in (
        (None, now, False),
        (None, long_ago, True),
        (now, long_ago, False),
        (long_ago, long_ago, True),
    ):
        Message.objects.filter(pk=message.pk).update(served_at=served_at, started_at=started_at)
        assert wanted(now) is is_wanted
        assert is_wanted or run_lane() == 0, "nor does one that was woken go on"
    assert take_slot(KIND, uuid.uuid4(), now) is not None
    assert not wanted(now), "no slot is left"
