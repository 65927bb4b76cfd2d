"""Freezing: everyone whom the rule names becomes one row, counted twice, and nobody else does."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from publisher.audience import rule
from publisher.audience.aims import current_aims
from publisher.audience.leave import unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.errors import TransientError
from publisher.models import Delivery, DeliveryCount, Message, Newsletter, Subscription, Suppression
from publisher.models.agreement import check_counts
from publisher.schedule.freeze import add_difference, freeze, one_snapshot
from publisher.track.receipts import Line, receipt
from publisher.vocabulary import BlockKind, MessageStatus
from tests.aimed import areas_of, chose, story, topics_of
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


def test_who_would_see_no_story_is_skipped_and_the_receipt_says_why(newsletter: Newsletter) -> None:
    koege, herlev = areas_of(newsletter, ["Køge", "Herlev"])
    (music,) = topics_of(newsletter, ["Musik"])
    in_koege, in_herlev, everywhere, blocked, both = residents(newsletter, 5)
    chose(in_koege, [koege], [music])
    chose(in_herlev, [herlev])
    chose(blocked, [herlev])
    chose(both, [koege, herlev])
    Suppression.objects.create(
        organisation=newsletter.organisation, address_key=blocked.subscriber.address_key, reason="bounced"
    )
    message = mail(newsletter)
    message.blocks.get().areas.add(koege)
    story(message, "Musik i Herlev", [herlev], [music], BlockKind.TEXT)
    forecast = rule.forecast(message, timezone.now())
    assert (forecast.matched, forecast.blocked, forecast.untold, forecast.recipients) == (5, 1, 1, 3)
    freeze(claimed(message), timezone.now())
    assert (message.frozen_count, check_counts(message)) == (5, [])
    aims, rows = current_aims(message), Delivery.objects.filter(message=message)
    assert dict(rows.values_list("subscription_id", "reason")) == {
        in_koege.pk: "", in_herlev.pk: "nothing_for_them", everywhere.pk: "", blocked.pk: "bounced", both.pk: "",
    }  # fmt: skip
    assert dict(rows.values_list("subscription_id", "choices")) == {
        in_koege.pk: aims.choices([koege.pk], [music.pk]),
        in_herlev.pk: aims.choices([herlev.pk], []),
        everywhere.pk: aims.choices([], []),
        blocked.pk: aims.choices([herlev.pk], []),
        both.pk: aims.choices([koege.pk, herlev.pk], []),
    }
    assert receipt(message).rows == [
        Line("pending", "", 3), Line("suppressed", "bounced", 1), Line("suppressed", "nothing_for_them", 1)
    ]  # fmt: skip
    assert receipt(message).adds_up


def test_whoever_joins_late_is_sorted_too(newsletter: Newsletter) -> None:
    koege, herlev = areas_of(newsletter, ["Køge", "Herlev"])
    residents(newsletter, 2)
    message = claimed(mail(newsletter))
    message.blocks.get().areas.add(koege)
    freeze(message, timezone.now())
    late = {name: chose(person, [area]) for name, area, person in zip(
        ("here", "there"), (koege, herlev), residents(newsletter, 2, prefix="ny"), strict=True
    )}  # fmt: skip
    Subscription.objects.filter(subscriber__address__startswith="ny").update(confirmed_at=timezone.now())
    with transaction.atomic():
        one_snapshot()
        add_difference(message, timezone.now())
    assert (message.frozen_count, by_status(message)) == (4, {"pending": 3, "suppressed": 1})
    assert Delivery.objects.get(subscription=late["here"]).choices == 1
    assert Delivery.objects.get(subscription=late["there"]).reason == "nothing_for_them"
    assert check_counts(message) == []


def test_freezing_again_sorts_by_what_people_chose_meanwhile(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks of two on SQLite, so that several of them meet."""
    monkeypatch.setattr("publisher.schedule.freeze.SQLITE_CHUNK", 2)
    koege, herlev = areas_of(newsletter, ["Køge", "Herlev"])
    people = residents(newsletter, 5)
    for person in people:
        chose(person, [herlev])
    message = claimed(mail(newsletter))
    message.blocks.get().areas.add(koege)
    freeze(message, timezone.now())
    assert by_status(message) == {"suppressed": 5}
    chose(people[0], [koege])
    chose(people[4])
    freeze(message, timezone.now())
    assert (message.frozen_count, by_status(message)) == (5, {"suppressed": 3, "pending": 2})
    assert check_counts(message) == []
