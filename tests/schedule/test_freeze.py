"""Freezing: everyone whom the rule names becomes one row, counted twice, and nobody else does."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from publisher.audience import rule
from publisher.audience.leave import unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.errors import TransientError
from publisher.models import Area, Cooperation, Delivery, DeliveryCount, Message, Newsletter, Subscription, Suppression
from publisher.models.agreement import check_counts
from publisher.schedule.freeze import add_difference, freeze, one_snapshot
from publisher.vocabulary import DeliveryStatus, MessageStatus
from tests.audience_factory import mail, residents

pytestmark = pytest.mark.database


def claimed(message: Message) -> Message:
    message.claim_id = uuid.uuid4()
    Message.objects.filter(pk=message.pk).update(claim_id=message.claim_id)
    return message


def by_status(message: Message) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Delivery.objects.filter(message=message).values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def test_everyone_matched_becomes_a_row_and_the_excluded_say_why(newsletter: Newsletter) -> None:
    people = residents(newsletter, 10)
    Suppression.objects.create(
        organisation=newsletter.organisation, address_key=people[3].subscriber.address_key, reason="bounced"
    )
    Subscription.objects.filter(pk=people[4].pk).update(unsubscribed_at=timezone.now())
    Subscription.objects.filter(pk=people[5].pk).update(confirmed_at=None)
    message = claimed(mail(newsletter))
    freeze(message, timezone.now())
    message.refresh_from_db()
    assert by_status(message) == {"pending": 7, "suppressed": 1}
    assert message.frozen_count == 8
    assert Delivery.objects.get(message=message, status="suppressed").reason == "bounced"
    counted = dict(DeliveryCount.objects.filter(message=message).values_list("status", "count"))
    assert counted == {"pending": 7, "suppressed": 1}


def test_freezing_again_after_a_crash_gives_the_same_rows(newsletter: Newsletter) -> None:
    people = residents(newsletter, 6)
    message = claimed(mail(newsletter))
    freeze(message, timezone.now())
    Subscription.objects.filter(pk=people[0].pk).update(unsubscribed_at=timezone.now())
    freeze(message, timezone.now() + timedelta(seconds=1))
    assert by_status(message) == {"pending": 5}


def test_only_the_difference_is_added_at_the_due_instant(newsletter: Newsletter) -> None:
    people = residents(newsletter, 5)
    message = claimed(mail(newsletter))
    freeze(message, timezone.now())
    Subscription.objects.filter(pk=people[0].pk).update(unsubscribed_at=timezone.now())
    residents(newsletter, 2, prefix="ny")
    Subscription.objects.filter(subscriber__address__startswith="ny").update(confirmed_at=timezone.now())
    with transaction.atomic():
        one_snapshot()
        add_difference(message, timezone.now())
    message.refresh_from_db()
    assert message.frozen_count == 7
    assert by_status(message) == {"pending": 7}, "who left is taken out at the claim, with the reason"


def test_who_leaves_and_comes_back_is_not_counted_twice(newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    since = timezone.now() - timedelta(hours=1)
    person = subscribe(newsletter, "else@example.org", source="form", confirmed_at=since)
    message = claimed(mail(newsletter))
    freeze(message, timezone.now())
    unsubscribe(person.token, source="link")
    subscribe(newsletter, "else@example.org", source="form", confirmed_at=timezone.now())
    subscribe(newsletter, "ny@example.org", source="form", confirmed_at=timezone.now())
    with transaction.atomic():
        one_snapshot()
        add_difference(message, timezone.now())
    assert (message.frozen_count, by_status(message)) == (5, {"pending": 5})
    assert check_counts(message) == []


def test_rows_that_nobody_counted_stop_the_message(newsletter: Newsletter) -> None:
    people = residents(newsletter, 5)
    message = claimed(mail(newsletter))
    freeze(message, timezone.now())
    Delivery.objects.filter(message=message, subscriber=people[0].subscriber).delete()
    with pytest.raises(TransientError):
        add_difference(message, timezone.now())


def test_a_message_changed_meanwhile_is_not_frozen(newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    message = claimed(mail(newsletter))
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.DRAFT)
    with pytest.raises(TransientError):
        freeze(message, timezone.now())
    message.refresh_from_db()
    assert message.frozen_at is None


def test_blocks_aimed_at_areas_reach_those_who_chose_them_or_chose_nothing(
    newsletter: Newsletter, cooperation: Cooperation
) -> None:
    koege = Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")
    herlev = Area.objects.create(cooperation=cooperation, name="Herlev", slug="herlev")
    in_koege, in_herlev, _everywhere = residents(newsletter, 3)
    in_koege.areas.add(koege)
    in_herlev.areas.add(herlev)
    message = mail(newsletter)
    message.blocks.get().areas.add(koege)
    forecast = rule.forecast(message, timezone.now())
    assert (forecast.matched, forecast.blocked, forecast.recipients) == (2, 0, 2)
    freeze(claimed(message), timezone.now())
    reached = set(Delivery.objects.filter(message=message).values_list("subscription_id", flat=True))
    assert in_herlev.pk not in reached and len(reached) == 2
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.PENDING}
