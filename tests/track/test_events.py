"""What comes back: kept once, applied in any order with the same result, and figures that agree with the rows."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from publisher.audience.addresses import address_key
from publisher.models import Claim, Delivery, Event, Message, Newsletter, Notice, Role, Suppression, User
from publisher.models.agreement import check_counts
from publisher.models.counting import move_counts
from publisher.models.ledger import EVENT_IN_TROUBLE, TRIES_TOLD
from publisher.models.line import held
from publisher.track import breaker, events
from publisher.track.events import Fact, anything_waits, apply_waiting, keep
from publisher.vocabulary import BounceClass, DeliveryStatus, EventKind, Reason, RoleKind, SuppressionReason
from tests.audience_factory import own_newsletter, ready_mail, residents
from tests.claiming import settle_in_hand, take_in_hand

pytestmark = pytest.mark.database


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return own_newsletter("Kulturnyt")


def handed_over(message: Message, status: DeliveryStatus, number: int = 1, days_ago: float = 0) -> list[Delivery]:
    """The first waiting deliveries as a lane leaves them."""
    at = timezone.now() - timedelta(days=days_ago, hours=1)
    ids = list(Delivery.objects.filter(message=message, status="pending").values_list("pk", flat=True)[:number])
    Delivery.objects.filter(pk__in=ids).update(
        status=status, first_started_at=at, sent_at=at if status == DeliveryStatus.SENT else None, attempts=1
    )
    move_counts(message.pk, 1, {"pending": -len(ids), status.value: len(ids)})
    Message.objects.filter(pk=message.pk, started_at=None).update(started_at=at)
    return list(Delivery.objects.filter(pk__in=ids).order_by("pk"))


@pytest.fixture
def mail(newsletter: Newsletter) -> Message:
    """A mail being sent to five people."""
    residents(newsletter, 5)
    return ready_mail(newsletter)


def fact(delivery: Delivery, kind: EventKind, event_id: str = "1", **more: object) -> Fact:
    at = more.pop("at", timezone.now())
    return Fact("esp", event_id, kind, at, delivery_id=delivery.pk, **more)  # type: ignore[arg-type]


def test_a_fact_is_kept_once(mail: Message) -> None:
    [delivery] = handed_over(mail, DeliveryStatus.SENT)
    told = fact(delivery, EventKind.DELIVERED)
    assert keep([told, told]) == 1
    assert keep([told]) == 0
    assert keep([fact(delivery, EventKind.DELIVERED, "2")]) == 1
    assert apply_waiting(timezone.now()) == 2
    assert apply_waiting(timezone.now()) == 0


def test_it_is_found_by_message_id_and_by_address(mail: Message) -> None:
    first, second = handed_over(mail, DeliveryStatus.SENT, 2)
    at = timezone.now()
    person = second.subscriber
    assert person is not None
    person.address_key = address_key(person.address)
    person.save()
    keep(
        [
            Fact("a", "1", EventKind.BOUNCED, at, message_id=f"<d{first.pk}.{mail.public_id.hex}@opslag.test>"),
            Fact("a", "2", EventKind.BOUNCED, at, recipient=person.address.upper()),
            Fact("a", "3", EventKind.BOUNCED, at, message_id=f"<d{second.pk}.{'0' * 32}@opslag.test>"),
            Fact("a", "4", EventKind.BOUNCED, at, recipient="nobody@example.org"),
            Fact("a", "5", EventKind.BOUNCED, at, delivery_id=999_999),
            Fact("a", "6", EventKind.BOUNCED, at, recipient="not an address"),
        ]
    )
    assert apply_waiting(at) == 6
    found = dict(Event.objects.values_list("event_id", "delivery_id"))
    assert found == {"1": first.pk, "2": second.pk, "3": None, "4": None, "5": None, "6": None}


def test_no_address_is_stored(mail: Message) -> None:
    [delivery] = handed_over(mail, DeliveryStatus.SENT)
    text = "550 5.1.1 <beboer0@example.org>: unknown\x00\x1b[31m beboer0@example.org"
    keep([fact(delivery, EventKind.BOUNCED, detail={"text": text}, recipient="beboer0@example.org")])
    stored = str(Event.objects.values().get())
    assert "@" not in stored
    assert "550 5.1.1" in stored


@pytest.mark.parametrize("start", [DeliveryStatus.UNCERTAIN, DeliveryStatus.SENT])
def test_any_order_leaves_the_same_row(mail: Message, start: DeliveryStatus) -> None:
    at = timezone.now()
    outcomes = set()
    for number, order in enumerate(permutations([EventKind.BOUNCED, EventKind.DELIVERED, EventKind.COMPLAINED])):
        delivery = Delivery.objects.filter(message=mail).order_by("pk").first()
        assert delivery is not None
        old = delivery.status
        fresh = {"bounced_at": None, "delivered_at": None, "complained_at": None, "reason": "", "sent_at": None}
        Delivery.objects.filter(pk=delivery.pk).update(status=start, first_started_at=at, **fresh)
        move_counts(mail.pk, 0, {old: -1})
        move_counts(mail.pk, 0, {start.value: 1})
        for kind in order:
            times = {EventKind.BOUNCED: 3, EventKind.DELIVERED: 1, EventKind.COMPLAINED: 5}
            when = at + timedelta(minutes=times[kind])
            keep(
                [
                    fact(delivery, kind, f"{number}-{kind}", at=when),
                    fact(delivery, kind, f"{number}-{kind}-late", at=at),
                ]
            )
            apply_waiting(at)
            keep([fact(delivery, kind, f"{number}-{kind}", at=when)])
            apply_waiting(at)
            assert check_counts(mail) == []
        outcomes.add(
            Delivery.objects.values_list("status", "reason", "bounced_at", "delivered_at", "complained_at").get(
                pk=delivery.pk
            )
        )
    assert outcomes == {("sent", "", at, at, at)}


def test_what_was_unclear_is_settled(mail: Message) -> None:
    bounced, delivered, silent = handed_over(mail, DeliveryStatus.UNCERTAIN, 3)
    keep([fact(bounced, EventKind.BOUNCED, "1"), fact(delivered, EventKind.DELIVERED, "2")])
    apply_waiting(timezone.now())
    rows = dict(Delivery.objects.filter(message=mail).values_list("pk", "status"))
    assert (rows[bounced.pk], rows[delivered.pk], rows[silent.pk]) == ("failed", "sent", "uncertain")
    bounced.refresh_from_db()
    assert bounced.reason == Reason.RETURNED
    assert check_counts(mail) == []


def test_a_delivery_in_hand_is_waited_for(mail: Message) -> None:
    assert take_in_hand(mail, 2) == 2
    delivery, waiting = mail.deliveries.get(pk=held(Claim.objects.get().pk)[0]), mail.deliveries.latest("pk")
    keep([fact(delivery, EventKind.DELIVERED), fact(waiting, EventKind.DELIVERED, "2")])
    assert apply_waiting(timezone.now()) == 1, "of what waits nothing else is to be waited for"
    assert settle_in_hand(mail, DeliveryStatus.UNCERTAIN, 1) == 1
    assert apply_waiting(timezone.now()) == 1
    delivery.refresh_from_db()
    assert delivery.status == "sent"


def test_a_complaint_unsubscribes_and_blocks(mail: Message) -> None:
    [delivery] = handed_over(mail, DeliveryStatus.SENT)
    keep([fact(delivery, EventKind.COMPLAINED)])
    apply_waiting(timezone.now())
    assert delivery.subscription is not None and delivery.subscriber is not None
    delivery.subscription.refresh_from_db()
    assert delivery.subscription.unsubscribed_at is not None
    blocked = Suppression.objects.get()
    assert (blocked.address_key, blocked.reason) == (delivery.subscriber.address_key, SuppressionReason.COMPLAINED)


def test_unsubscribing_at_the_other_end_counts_here(mail: Message) -> None:
    [delivery] = handed_over(mail, DeliveryStatus.SENT)
    keep([fact(delivery, EventKind.UNSUBSCRIBED)])
    apply_waiting(timezone.now())
    assert delivery.subscription is not None
    delivery.subscription.refresh_from_db()
    assert delivery.subscription.unsubscribed_at is not None
    assert not Suppression.objects.exists()


def broken(*_: object) -> None:
    raise ValueError("an address nobody foresaw")


def test_one_fact_that_cannot_be_applied_does_not_keep_the_others_and_is_not_lost(
    mail: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = handed_over(mail, DeliveryStatus.SENT, 2)
    keep([fact(bad, EventKind.COMPLAINED, "1"), fact(good, EventKind.DELIVERED, "2")])
    now = timezone.now()
    with monkeypatch.context() as wrong:
        wrong.setattr("publisher.track.applying._let_go", broken)
        assert apply_waiting(now) == 2
        good.refresh_from_db()
        assert good.delivered_at is not None
        [waits] = Event.objects.filter(applied_at=None)
        assert (waits.delivery_id, waits.attempts) == (bad.pk, 1) and waits.due_at is not None
        assert not anything_waits(now) and apply_waiting(now) == 0, "not before its pause is over"
        assert anything_waits(waits.due_at)
    assert apply_waiting(waits.due_at) == 1
    assert bad.subscription is not None
    bad.subscription.refresh_from_db()
    assert bad.subscription.unsubscribed_at is not None and Suppression.objects.count() == 1
    assert not Event.objects.filter(applied_at=None).exists()


def test_what_is_never_applied_is_told_once_and_tried_for_ever(
    mail: Message, newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create_user("bo@kultur.example.org", name="Bo")
    Role.objects.create(user=user, organisation=newsletter.organisation, kind=RoleKind.APPROVER)
    monkeypatch.setattr("publisher.track.applying._let_go", broken)
    bad, good = handed_over(mail, DeliveryStatus.SENT, 2)
    keep([fact(bad, EventKind.COMPLAINED)])
    now, pauses = timezone.now(), []
    for attempt in range(1, 10):
        assert apply_waiting(now) == 1
        event = Event.objects.get()
        assert event.applied_at is None and event.attempts == attempt and event.due_at is not None
        assert Notice.objects.count() == Event.objects.filter(EVENT_IN_TROUBLE).count() == (attempt >= TRIES_TOLD)
        pauses.append(event.due_at - now)
        now = event.due_at
    assert pauses == sorted(pauses) and pauses[-1] == timedelta(days=1)
    assert "complained" in str(Notice.objects.get().explanation)
    keep([fact(good, EventKind.DELIVERED, "2")])
    assert apply_waiting(now) == 2
    good.refresh_from_db()
    assert good.delivered_at is not None


def test_they_are_applied_in_batches_until_the_time_is_up(mail: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BATCH", 2)
    assert not anything_waits(timezone.now())
    keep([fact(each, EventKind.DELIVERED, str(each.pk)) for each in handed_over(mail, DeliveryStatus.SENT, 5)])
    with monkeypatch.context() as hurried:
        hurried.setattr(events, "LONGEST_S", -1.0)
        assert apply_waiting(timezone.now()) == 2 and anything_waits(timezone.now())
    assert apply_waiting(timezone.now()) == 3 and not anything_waits(timezone.now())


@pytest.mark.parametrize("alone", [False, True])
def test_the_breaker_looks_when_no_delivery_is_locked_any_more(
    mail: Message, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """Decisions of people lock a message and then its deliveries; the other way round would be a deadlock."""
    outside, looked = len(connection.savepoint_ids), []

    def look_at(messages: set[int], _now: object) -> None:
        looked.append((messages, len(connection.savepoint_ids)))

    monkeypatch.setattr(breaker, "look_at", look_at)
    good, bad = handed_over(mail, DeliveryStatus.SENT, 2)
    keep([fact(good, EventKind.BOUNCED, "1", bounce=BounceClass.SOFT)])
    if alone:
        monkeypatch.setattr("publisher.track.applying._let_go", broken)
        keep([fact(bad, EventKind.COMPLAINED, "2")])
    apply_waiting(timezone.now())
    assert looked == [({mail.pk}, outside)]


def test_what_is_stored_is_found_by_the_index(mail: Message) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads so small a table whole, whatever indexes it has")
    [delivery] = handed_over(mail, DeliveryStatus.SENT)
    with CaptureQueriesContext(connection) as asked:
        keep([fact(delivery, EventKind.DELIVERED)])
    look_up = next(each["sql"] for each in asked if each["sql"].startswith("SELECT") and '"event_id"' in each["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {look_up}")
        plan = str(cursor.fetchall())
    assert "SEARCH" in plan and "source=? AND event_id=?" in plan, plan
