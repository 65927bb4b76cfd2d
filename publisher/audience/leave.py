"""Leaving: unsubscribing, addresses that must not be mailed, erasing a person."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from publisher.audience.addresses import address_key
from publisher.audience.tracking import refuse_tracking
from publisher.errors import Explanation
from publisher.models import (
    Consent,
    Delivery,
    Event,
    InboundMail,
    Message,
    Organisation,
    Subscriber,
    Subscription,
    Suppression,
    deliveries_to,
)
from publisher.vocabulary import InboundStatus, MessageStatus, SuppressionReason

# Reports come late, twice and in any order; the weightiest reason stays.
_WEIGHT = {SuppressionReason.BOUNCED: 0, SuppressionReason.BLOCKED: 1, SuppressionReason.COMPLAINED: 2}
_SOURCE_LENGTH = 60
# Mails whose audience may be frozen now, or in a moment.
_NOT_BEGUN = (MessageStatus.DRAFT, MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)


@transaction.atomic
def unsubscribe(token: str, *, source: str) -> Subscription | None:
    """End the subscription that `token` belongs to; None if there is none. Again, it keeps the time of the first.

    `source` says how they left (“link”, “one-click”, “staff” …) in the evidence.
    """
    subscription = Subscription.objects.select_for_update().filter(token=token).first()
    if subscription is None or subscription.unsubscribed_at is not None:
        return subscription
    # A clock that was set back must not stand between a person and the way out.
    subscription.unsubscribed_at = max(timezone.now(), subscription.created_at)
    subscription.save(update_fields=["unsubscribed_at"])
    # Whoever leaves is no longer looked at, what was noted goes, and they are asked again should they come back.
    refuse_tracking(subscription)
    subscription.tracking_consent_at = None
    Consent.objects.create(subscription=subscription, source=source[:_SOURCE_LENGTH], given=False)
    return subscription


def suppress(organisation: Organisation, address: str, reason: str) -> Suppression:
    """Never mail this address again, in all newsletters of the organisation. Raises InputError (address).

    Any order of reports leaves the same row: a complaint outweighs a block by hand, and that a bounce.
    """
    return suppress_key(organisation.pk, address_key(address), reason)


def suppress_key(organisation_id: int, key: str, reason: str, explanation: Explanation | None = None) -> Suppression:
    """As `suppress`, for an address known by its key; `explanation` tells staff why, without personal data."""
    new, words = SuppressionReason(reason), explanation.as_json() if explanation else {}
    suppression, created = Suppression.objects.get_or_create(
        organisation_id=organisation_id, address_key=key, defaults={"reason": new, "explanation": words}
    )
    if not created:
        lighter = [other for other, weight in _WEIGHT.items() if weight < _WEIGHT[new]]
        Suppression.objects.filter(pk=suppression.pk, reason__in=lighter).update(reason=new, explanation=words)
        suppression.refresh_from_db()
    return suppression


@transaction.atomic
def reopen(subscriber: Subscriber) -> bool:
    """Mail the address again, in all newsletters of the organisation; false if it was not blocked.

    What came back before counts no more. Subscriptions that ended stay ended.
    """
    theirs = Suppression.objects.filter(organisation_id=subscriber.organisation_id, address_key=subscriber.address_key)
    deleted, _kinds = theirs.delete()
    if deleted:
        subscriber.reopened_at = timezone.now()
        subscriber.save(update_fields=["reopened_at"])
    return bool(deleted)


@transaction.atomic
def erase(subscriber: Subscriber) -> None:
    """Erase a person: address, choices and evidence go, what was sent is still counted but is nobody's any more.

    A suppression of the address stays, as its keyed hash: it keeps the promise not to write there again.
    """
    _interrupt_freezes(subscriber)
    theirs = list(deliveries_to(subscriber).values_list("pk", flat=True))
    # What a server answered may quote the address, and a rare domain names a family.
    Event.objects.filter(delivery__in=theirs).update(detail={}, address_key="")
    Delivery.objects.filter(pk__in=theirs).update(subscriber=None, subscription=None, domain="", last_error={})
    # A reply that still waits goes with the person who wrote it.
    InboundMail.objects.filter(subscription__subscriber=subscriber).update(
        status=InboundStatus.DONE, settled_at=timezone.now(), raw=b"", sender="", excerpt=""
    )
    subscriber.delete()


def _interrupt_freezes(subscriber: Subscriber) -> None:
    """Who freezes or starts a mail sees the rows of the instant at which it began, so the person would be among them.

    PostgreSQL refuses its end (serialisation) if the message was written meanwhile, and the next tick does it anew;
    whoever has ended already, but not committed yet, is waited for, and whoever wants to begin waits for us. On SQLite
    nobody writes beside us anyway.
    """
    unsent = Message.objects.filter(newsletter__organisation=subscriber.organisation_id, status__in=_NOT_BEGUN)
    locked = unsent.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)
    Message.objects.filter(pk__in=list(locked)).update(status=F("status"))
