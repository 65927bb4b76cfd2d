"""What a claim may take: the first wave, the warm-up, slow destinations, and each organisation's share. Counts only."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from publisher.deliver import claim, outcome
from publisher.deliver.turns import Turns, anything_due
from publisher.models import Claim, Delivery, Message, Newsletter, WarmupDay
from publisher.models.line import LINE_BEGINS, held
from publisher.models.raw import db_values
from publisher.schedule import dispatch
from publisher.schedule.destinations import Slow, Slowed
from publisher.schedule.warm_up import waits_until
from publisher.vocabulary import DeliveryStatus, MessageStatus
from tests.audience_factory import mail, own_newsletter, ready_mail, residents
from tests.claiming import statuses

pytestmark = pytest.mark.database


def take(message: Message, limit: int = 100, slowed: Slowed | None = None) -> tuple[uuid.UUID, int]:
    claim_id = uuid.uuid4()
    message.refresh_from_db()
    taker = claim.Taker(claim_id, 1, "x.journal")
    return claim_id, len(claim.take(message, claim_id, taker, limit, timezone.now(), slowed=slowed).in_hand)


def next_message(now: datetime) -> Message | None:
    """As a lane that has just begun sees it."""
    return Turns().next(now) if anything_due(now) else None


def settle(message: Message, claim_id: uuid.UUID, *, back: bool = False) -> None:
    """Everything of the claim is sent, or handed back."""
    now, rows = timezone.now(), held(claim_id)
    results = [outcome.handed_back(pk, now) if back else outcome.sent(pk, 250, now) for pk in rows]
    outcome.store(claim_id, message.pk, 1, results, was=DeliveryStatus.SENDING)
    claim.close([claim_id])


def in_waves(newsletter: Newsletter, people: int, size: int) -> Message:
    residents(newsletter, people)
    message = ready_mail(newsletter)
    Message.objects.filter(pk=message.pk).update(wave_size=size, wave_minutes=10)
    message.refresh_from_db()
    return message


def test_the_first_wave_is_exact_and_the_rest_waits_until_it_has_its_outcome(newsletter: Newsletter) -> None:
    message = in_waves(newsletter, 30, 12)
    first, taken = take(message, 8)
    second, rest = take(message, 8)
    assert (taken, rest) == (8, 4) and take(message)[1] == 0
    message.refresh_from_db()
    assert message.wave_until is None, "some are still on their way"
    settle(message, first)
    settle(message, second)
    now = timezone.now()
    assert next_message(now) == message and take(message)[1] == 0
    message.refresh_from_db()
    assert message.wave_until is not None
    assert timedelta(minutes=9) < message.wave_until - now <= timedelta(minutes=10, seconds=5)
    assert next_message(timezone.now()) is None, "no lane is started for it meanwhile"
    with time_machine.travel(message.wave_until + timedelta(seconds=1), tick=False):
        assert next_message(timezone.now()) == message
        assert take(message)[1] == 18


def test_what_a_dead_lane_had_of_the_first_wave_is_claimed_again_before_the_wait(newsletter: Newsletter) -> None:
    message = in_waves(newsletter, 30, 12)
    first, taken = take(message)
    assert taken == 12
    settle(message, first, back=True)
    second, taken = take(message)
    assert taken == 12
    settle(message, second)
    assert take(message)[1] == 0 and statuses(message) == {"sent": 12, "pending": 18}


@pytest.mark.django_db(transaction=True)
def test_lanes_that_claim_at_once_never_exceed_the_wave(newsletter: Newsletter) -> None:
    message = in_waves(newsletter, 80, 25)
    taken: list[int] = []
    together = threading.Barrier(4)

    def claim_some() -> None:
        try:
            mine, found = uuid.uuid4(), Message.objects.select_related("newsletter").get(pk=message.pk)
            together.wait(20)
            taker = claim.Taker(mine, 1, "x.journal")
            taken.append(len(claim.take(found, mine, taker, 10, timezone.now()).in_hand))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == [0, 5, 10, 10] and statuses(message)["sending"] == 25


NOON = datetime(2026, 12, 3, 11, tzinfo=UTC)


@pytest.fixture
def warming(newsletter: Newsletter, settings: Any) -> Newsletter:
    """The third of December is the third day: 9."""
    settings.OPSLAG_WARMUP_DOMAINS = {"kultur.example.org": date(2026, 12, 1)}
    settings.OPSLAG_WARMUP_PLAN = (4, 6, 9, 12)
    return newsletter


def test_a_day_of_warm_up_is_counted_from_the_rows(warming: Newsletter) -> None:
    with time_machine.travel(NOON, tick=False):
        residents(warming, 40)
        one, other = ready_mail(warming), ready_mail(warming)
        first, taken = take(one, 5)
        second, rest = take(other, 100)
        assert (taken, rest) == (5, 4)
        assert take(one)[1] == 0 and next_message(NOON) is None
        assert waits_until(one, NOON) == datetime(2026, 12, 3, 23, tzinfo=UTC), "midnight in Denmark"
        settle(other, second, back=True)
        assert waits_until(one, NOON) is None and take(one)[1] == 4, "what was handed back was not used"
        settle(one, first)
        WarmupDay.objects.get()
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        assert next_message(timezone.now()) is not None
        assert take(other)[1] == 12
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        assert take(one)[1] == 31, "the plan is over"


def test_warm_up_concerns_its_own_domain_and_begins_with_the_first_day(warming: Newsletter) -> None:
    other = own_newsletter("Museumsnyt")
    Newsletter.objects.filter(pk=other.pk).update(sender_email="nyt@museum.example.org")
    with time_machine.travel(NOON - timedelta(days=9), tick=False):
        residents(other, 20)
        residents(warming, 20)
        assert take(ready_mail(warming))[1] == 4
        assert take(ready_mail(Newsletter.objects.get(pk=other.pk)))[1] == 20


def started(message: Message) -> Message:
    """As `dispatch.start` notes it: now."""
    Message.objects.filter(pk=message.pk).update(started_at=timezone.now())
    return message


def test_a_domain_that_starts_tomorrow_has_the_first_days_figure_today(warming: Newsletter) -> None:
    with time_machine.travel(NOON - timedelta(days=3), tick=False):
        residents(warming, 20)
        message = started(ready_mail(warming))
        assert take(message)[1] == 4 and take(message)[1] == 0


def test_a_message_begun_before_the_first_day_counts_on_it(warming: Newsletter) -> None:
    with time_machine.travel(NOON - timedelta(days=3), tick=False):
        residents(warming, 30)
        message = started(ready_mail(warming))
        assert take(message)[1] == 4
    with time_machine.travel(NOON - timedelta(days=2), tick=False):
        assert take(message)[1] == 4, "the first day, whatever went the day before"
        assert take(message)[1] == 0
    with time_machine.travel(NOON - timedelta(days=1), tick=False):
        assert take(message)[1] == 6 and take(message)[1] == 0


def test_slow_destinations_get_a_later_time_and_the_others_their_mail(
    newsletter: Newsletter, settings: Any, broker_url: str
) -> None:
    settings.REDIS_URL = broker_url
    residents(newsletter, 30)
    message = ready_mail(newsletter)
    slow = Delivery.objects.filter(pk__in=list(message.deliveries.order_by("pk").values_list("pk", flat=True)[:20]))
    slow.update(domain="googlemail.com")
    until = timezone.now() + timedelta(minutes=1)
    slowed = Slowed({"gmail.com": Slow("gmail.com", until)})
    assert take(message, 25, slowed)[1] == 5
    assert take(message, 25, slowed)[1] == 5
    message.deliveries.filter(pk__in=held(Claim.objects.earliest("created_at").pk)).update(domain="gmail.com")
    assert take(message, 25, slowed)[1] == 0 and statuses(message)["sending"] == 10, "what is in hand stays there"
    assert slow.filter(status="pending", due_at__gte=until, attempts=0).count() == 20
    assert take(message, 25, slowed)[1] == 0 and next_message(timezone.now()) is None
    assert Claim.objects.count() == 2
    with time_machine.travel(until + timedelta(minutes=20), tick=False):
        assert take(message)[1] == 20


def serve_in_turn(times: int) -> Counter[int]:
    """So many claims of ten, settled two claims later as a lane does; answers the turns of each organisation."""
    turns: Counter[int] = Counter()
    open_claims: list[tuple[Message, uuid.UUID]] = []
    for _ in range(times):
        message = next_message(timezone.now())
        assert message is not None
        claim_id, taken = take(message, 10)
        assert taken == 10
        open_claims.append((message, claim_id))
        if len(open_claims) > 2:
            settle(*open_claims.pop(0))
        turns[message.campaign.organisation_id] += 1
    for left in open_claims:
        settle(*left)
    return turns


def test_an_organisation_with_many_mails_gets_no_more_than_one_with_few(newsletter: Newsletter) -> None:
    other = own_newsletter("Museumsnyt")
    residents(newsletter, 100)
    residents(other, 100)
    for _ in range(4):
        ready_mail(newsletter)
    ready_mail(other)
    turns = serve_in_turn(20)
    assert turns == {newsletter.organisation_id: 10, other.organisation_id: 10}


def test_who_comes_later_has_the_next_turn_and_claims_of_the_dead_do_not_count(newsletter: Newsletter) -> None:
    other = own_newsletter("Museumsnyt")
    residents(newsletter, 60)
    residents(other, 40)
    ready_mail(newsletter)
    serve_in_turn(3)
    late = ready_mail(other)
    Claim.objects.create(
        run_id=uuid.uuid4(),
        message=late,
        host="elsewhere",
        boot_id="x",
        journal="x",
        lease_until=timezone.now() - timedelta(seconds=5),
    )
    assert next_message(timezone.now()) == late
    assert serve_in_turn(4) == {newsletter.organisation_id: 2, other.organisation_id: 2}


def test_within_an_organisation_the_mail_least_recently_served_goes_first(newsletter: Newsletter) -> None:
    other = own_newsletter("Museumsnyt")
    residents(newsletter, 40)
    residents(other, 40)
    first, second = ready_mail(newsletter), ready_mail(newsletter)
    ready_mail(other)
    served = []
    for _ in range(4):
        message = next_message(timezone.now())
        assert message is not None
        served.append(message.pk)
        settle(message, take(message, 5)[0])
    assert served[0] == first.pk and second.pk in served[:3]
    assert Message.objects.filter(status=MessageStatus.SENDING).count() == 3


def test_the_pending_index_finds_what_is_next(newsletter: Newsletter) -> None:
    residents(newsletter, 3000)
    message = ready_mail(newsletter)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE publisher_delivery")
        explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(explain + claim._NEXT, db_values([message.pk, LINE_BEGINS, 0, timezone.now(), 50]))
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "delivery_pending" in plan
    assert "Seq Scan on publisher_delivery" not in plan and "SCAN publisher_delivery" not in plan


def test_a_message_takes_its_first_wave_from_its_newsletter(newsletter: Newsletter) -> None:
    Newsletter.objects.filter(pk=newsletter.pk).update(first_wave=200, first_wave_minutes=7)
    residents(newsletter, 2)
    message = mail(newsletter)
    now = timezone.now()
    assert dispatch.prepare(message.pk, now) and dispatch.start(message.pk, now)
    message.refresh_from_db()
    assert (message.wave_size, message.wave_minutes, message.wave_until) == (200, 7, None)
