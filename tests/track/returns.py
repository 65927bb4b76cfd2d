"""Mails to the same people over many weeks, and what comes back of them: for tests of addresses and the breaker."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from publisher.models import Delivery, Message, Newsletter, Subscriber, Subscription
from publisher.models.counting import move_counts
from publisher.track.events import Fact, apply_waiting, keep
from publisher.vocabulary import BounceClass, EventKind
from tests.audience_factory import mail

NOON = timezone.now()


def days(number: float) -> timedelta:
    return timedelta(days=number)


def sent(
    newsletter: Newsletter, at: datetime, people: list[Subscriber] | None = None
) -> tuple[Message, list[Delivery]]:
    """A mail that each of the people (default: all) got at `at`; it is still `sending`."""
    message = mail(newsletter)
    chosen = people if people is not None else list(Subscriber.objects.filter(organisation=newsletter.organisation))
    ties = dict(Subscription.objects.filter(newsletter=newsletter).values_list("subscriber_id", "pk"))
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            message=message, subscriber=person, subscription_id=ties[person.pk], status="sent", due_at=at,
            first_started_at=at, sent_at=at, attempts=1,
        )
        for person in chosen
    )  # fmt: skip
    move_counts(message.pk, 1, {"sent": len(deliveries)})
    Message.objects.filter(pk=message.pk).update(status="sending", started_at=at, frozen_count=len(deliveries))
    message.refresh_from_db()
    return message, deliveries


def comes_back(
    delivery: Delivery, bounce: BounceClass, at: datetime, *, status: str = "", is_certain: bool = True
) -> None:
    """Report and apply."""
    keep(
        [
            Fact("test", f"{delivery.pk}-{bounce}-{at.isoformat()}", EventKind.BOUNCED, at, delivery_id=delivery.pk,
                 bounce=bounce, detail={"status": status}, is_certain=is_certain)
        ]
    )  # fmt: skip
    apply_waiting(timezone.now())
