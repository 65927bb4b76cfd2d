"""A lane under limits, against real servers: the pace, a destination that asks for less, a tired mail server."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from publisher.deliver import claim
from publisher.deliver.bag import Bag
from publisher.deliver.batches import batch_of
from publisher.deliver.journal import Journal
from publisher.deliver.lane import run_lane, wanted
from publisher.deliver.outcome import Outcome
from publisher.deliver.slots import Lease
from publisher.models import Delivery, Destination, Message, Newsletter, Subscriber, TransportHealth
from publisher.paces import parse_pace
from publisher.transports.smtp_replies import asked_to_wait
from tests.audience_factory import ready_mail, residents
from tests.claiming import statuses
from tests.scripted_smtp import USUAL, Answer, ScriptedServer, scripted_smtp
from tests.smtp_sink import running_sink

pytestmark = pytest.mark.database


def move_to(domain: str, rows: Any) -> None:
    """These deliveries go to addresses there."""
    for row in rows:
        Subscriber.objects.filter(pk=row.subscriber_id).update(address=f"a{row.pk}@{domain}", domain=domain)
        Delivery.objects.filter(pk=row.pk).update(domain=domain)


def test_a_lane_keeps_the_pace_and_goes_on_by_itself(
    newsletter: Newsletter, tmp_path: Path, settings: Any, broker_url: str
) -> None:
    settings.REDIS_URL, settings.OPSLAG_SMTP_PACE = broker_url, parse_pace("20/second")
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        run_lane()
        times = [at for _, _, at in sink.entries()]
    assert statuses(message) == {"sent": 60}
    for first in times:
        assert sum(first <= at < first + 0.9 for at in times) <= 20


def test_without_redis_a_paced_lane_sends_nothing_and_is_not_started(
    newsletter: Newsletter, settings: Any, tmp_path: Path
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        settings.OPSLAG_SMTP_PACE = parse_pace("1/day")
        assert not wanted(timezone.now())
        settings.OPSLAG_SMTP_PACE = None
        assert wanted(timezone.now()) and run_lane() == 3
    assert statuses(message) == {"sent": 3}


@pytest.mark.parametrize("answer", [b"421 4.7.0 [TSS04] deferred\r\n", b"451 4.3.2 Busy\r\n"])
@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
def test_a_destination_that_asks_for_less_rests_and_everybody_else_gets_their_mail(
    newsletter: Newsletter, settings: Any, broker_url: str, stage: str, answer: bytes
) -> None:
    settings.REDIS_URL, settings.OPSLAG_SMTP_CONNECTIONS = broker_url, 2
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    move_to("yahoo.dk", message.deliveries.order_by("pk")[:20])
    move_to("aol.com", message.deliveries.order_by("pk")[20:30])

    def script(now: str, recipient: str) -> Answer:
        return answer if now == stage and recipient.endswith(("yahoo.dk", "aol.com")) else USUAL[now]

    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
    row = Destination.objects.get()
    assert row.name == "yahoo.com" and row.rest_until > timezone.now()
    slow = message.deliveries.filter(domain__in=["yahoo.dk", "aol.com"])
    assert message.deliveries.exclude(pk__in=slow).filter(status="sent").count() == 30
    assert slow.filter(status="pending", due_at__gt=timezone.now()).count() == 30
    assert slow.filter(attempts__gt=0).count() <= 8, "few were tried, the others waited"
    message.refresh_from_db()
    assert message.status == "sending" and not wanted(timezone.now())


def test_after_its_rest_it_is_tried_with_few_and_one_refusal_lets_it_rest_longer(
    newsletter: Newsletter, settings: Any, broker_url: str
) -> None:
    settings.REDIS_URL = broker_url
    residents(newsletter, 30)
    message = ready_mail(newsletter)
    move_to("tried.example.org", message.deliveries.all())
    Destination.objects.create(name="tried.example.org", rest_until=timezone.now(), rests=1)
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
        assert 1 <= statuses(message)["sent"] <= 4
        server.answer = lambda stage, recipient: b"451 4.3.2 Busy\r\n" if stage == "rcpt" else USUAL[stage]
        Destination.objects.update(rest_until=timezone.now() - timedelta(minutes=3))
        redis.Redis.from_url(broker_url.replace("redis+socket", "unix")).flushall()
        Delivery.objects.filter(status="pending").update(due_at=timezone.now())
        run_lane()
    row = Destination.objects.get()
    assert row.rests == 2 and row.rest_until > timezone.now() + timedelta(seconds=100)


def test_the_same_answer_for_everybody_is_a_pause_for_the_mail_server(newsletter: Newsletter, settings: Any) -> None:
    residents(newsletter, 60)
    message = ready_mail(newsletter)
    for n in range(20):
        move_to(f"d{n}.example.org", message.deliveries.order_by("pk")[3 * n : 3 * n + 3])
    script = ScriptedServer(lambda stage, to: b"452 4.3.1 Disk full\r\n" if stage == "rcpt" else USUAL[stage])
    with scripted_smtp(script) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
    health = TransportHealth.objects.get()
    assert health.paused_until is not None and health.paused_until > timezone.now()
    assert message.deliveries.filter(attempts=0, status="pending").count() >= 35
    assert not wanted(timezone.now())


def test_a_lane_does_not_spin_while_the_first_wave_has_no_outcome_yet(
    newsletter: Newsletter, settings: Any, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    """Another lane has the whole wave in hand, and some destination rests: nothing to do but to look now and then."""
    residents(newsletter, 10)
    message = ready_mail(newsletter)
    Message.objects.filter(pk=message.pk).update(wave_size=4, wave_minutes=10)
    Destination.objects.create(name="gmail.com", rest_until=timezone.now() + timedelta(hours=1))
    message.refresh_from_db()
    elsewhere = uuid.uuid4()
    taker = claim.Taker(elsewhere, 2, "elsewhere.journal")
    assert len(claim.take(message, elsewhere, taker, 10, timezone.now()).in_hand) == 4
    with running_sink(tmp_path / "sink") as sink, django_assert_max_num_queries(1500):
        settings.OPSLAG_SMTP_URL = sink.url
        assert run_lane() == 0
    assert statuses(message) == {"pending": 6, "sending": 4}


def test_the_very_next_letter_is_not_for_who_asked_us_to_slow_down(newsletter: Newsletter) -> None:
    """In the couriers' own thread, before any lane has looked."""
    residents(newsletter, 10)
    message = ready_mail(newsletter)
    move_to("yahoo.dk", message.deliveries.order_by("pk")[:6])
    mine = uuid.uuid4()
    journal = Journal(mine)
    number = journal.claim(mine)
    taken = claim.take(message, mine, claim.Taker(mine, 1, journal.name), 10, timezone.now())
    bag = Bag(journal, Lease(mine), lambda: None)
    read = Message.objects.select_related("campaign", "newsletter").get(pk=message.pk)
    bag.put_in(batch_of(read, mine, number, taken.in_hand))
    letter = bag.take()
    assert letter is not None and letter.recipient.endswith("@yahoo.dk")
    bag.ended(letter, asked_to_wait(421, b"4.7.0 [TSS04] Messages temporarily deferred"))
    left = [letter.recipient for letter in iter(bag.take, None)]
    journal.close(keep=False)
    assert len(left) == 4 and not [to for to in left if to.endswith("@yahoo.dk")]
    back = [result for _, result in bag.outcomes() if isinstance(result, Outcome) and not result.started]
    assert len(back) == 5, "they go back as they were, without an attempt"
