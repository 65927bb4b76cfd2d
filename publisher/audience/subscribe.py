"""Subscribing: one person at a time with evidence of consent, or many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from publisher.audience.addresses import domain_of, key_of_normalised, normalise_address
from publisher.models import Area, Consent, ConsentText, Newsletter, Subscriber, Subscription, Topic
from publisher.vocabulary import ConsentPurpose

BATCH = 500
_SOURCE_LENGTH = 60


@dataclass(frozen=True)
class SubscriberRow:
    """One person in a list: `source` says where the consent comes from; without `confirmed_at` they get no mail yet."""

    address: str
    name: str = ""
    language: str = "da"
    areas: tuple[Area, ...] = ()
    topics: tuple[Topic, ...] = ()
    source: str = "import"
    confirmed_at: datetime | None = None


@transaction.atomic
def subscribe(
    newsletter: Newsletter,
    address: str,
    *,
    name: str = "",
    language: str = "da",
    areas: Iterable[Area] = (),
    topics: Iterable[Topic] = (),
    source: str,
    confirmed_at: datetime | None = None,
) -> Subscription:
    """Tie a person to a newsletter, with the consent's evidence; doing it again changes nothing.

    Without `confirmed_at` the subscription waits for a confirmation, also one that had ended: nobody can be signed up
    again by others. Choices of areas and topics replace earlier ones if any are given. Raises InputError (address).
    """
    person = _person(newsletter, normalise_address(address), name, language)
    subscription, created = Subscription.objects.select_for_update().get_or_create(
        newsletter=newsletter, subscriber=person, defaults={"confirmed_at": confirmed_at}
    )
    ended = subscription.unsubscribed_at is not None
    confirms = confirmed_at is not None and subscription.confirmed_at is None
    if ended or confirms:
        subscription.confirmed_at, subscription.unsubscribed_at = confirmed_at, None
        subscription.save(update_fields=["confirmed_at", "unsubscribed_at"])
    if created or ended or confirms:
        _evidence(subscription, language, source).save()
    _choose(subscription, list(areas), list(topics), afresh=created or ended)
    return subscription


def subscribe_many(newsletter: Newsletter, rows: Iterable[SubscriberRow]) -> int:
    """Add many subscriptions, 500 to a transaction; gives how many are new.

    Who is or ever was subscribed keeps the subscription as it is: a list brings nobody back who has left.
    Raises InputError for a wrong address; the batches before it are in.
    """
    people = iter(rows)
    return sum(_subscribe_batch(newsletter, batch) for batch in _batches(people))


def _person(newsletter: Newsletter, address: str, name: str, language: str) -> Subscriber:
    person, _created = Subscriber.objects.get_or_create(
        organisation_id=newsletter.organisation_id,
        address_key=key_of_normalised(address),
        defaults={"address": address, "domain": domain_of(address), "name": name[:120], "language": language},
    )
    if name and person.name != name[:120]:
        person.name = name[:120]
        person.save(update_fields=["name"])
    return person


def _texts(newsletter_id: int) -> QuerySet[ConsentText]:
    return ConsentText.objects.filter(newsletter=newsletter_id, purpose=ConsentPurpose.SUBSCRIPTION)


def _evidence(subscription: Subscription, language: str, source: str) -> Consent:
    texts = _texts(subscription.newsletter_id).filter(language=language)
    return Consent(subscription=subscription, text=texts.order_by("-pk").first(), source=source[:_SOURCE_LENGTH])


def _choose(subscription: Subscription, areas: list[Area], topics: list[Topic], *, afresh: bool) -> None:
    if areas or afresh:
        subscription.areas.set(areas)
    if topics or afresh:
        subscription.topics.set(topics)


def _batches(rows: Iterator[SubscriberRow]) -> Iterator[dict[str, tuple[str, SubscriberRow]]]:
    """The rows by address key with their normalised address, a person who stands there twice once."""
    while chunk := list(islice(rows, BATCH)):
        batch: dict[str, tuple[str, SubscriberRow]] = {}
        for row in chunk:
            address = normalise_address(row.address)
            batch.setdefault(key_of_normalised(address), (address, row))
        yield batch


@transaction.atomic
def _subscribe_batch(newsletter: Newsletter, batch: dict[str, tuple[str, SubscriberRow]]) -> int:
    Subscriber.objects.bulk_create(
        [
            Subscriber(
                organisation_id=newsletter.organisation_id,
                address=address,
                address_key=key,
                domain=domain_of(address),
                name=row.name[:120],
                language=row.language,
            )
            for key, (address, row) in batch.items()
        ],
        ignore_conflicts=True,
    )
    people = Subscriber.objects.filter(organisation_id=newsletter.organisation_id, address_key__in=batch)
    keys = dict(people.values_list("pk", "address_key"))
    known = set(
        Subscription.objects.filter(newsletter=newsletter, subscriber__in=keys).values_list("subscriber_id", flat=True)
    )
    Subscription.objects.bulk_create(
        [
            Subscription(newsletter=newsletter, subscriber_id=pk, confirmed_at=batch[key][1].confirmed_at)
            for pk, key in keys.items()
            if pk not in known
        ],
        ignore_conflicts=True,
    )
    fresh = Subscription.objects.filter(newsletter=newsletter, subscriber__in=keys.keys() - known)
    return _complete(newsletter, [(subscription, batch[keys[subscription.subscriber_id]][1]) for subscription in fresh])


def _complete(newsletter: Newsletter, fresh: list[tuple[Subscription, SubscriberRow]]) -> int:
    texts = {text.language: text for text in _texts(newsletter.pk).order_by("pk")}
    Consent.objects.bulk_create(
        Consent(subscription=subscription, text=texts.get(row.language), source=row.source[:_SOURCE_LENGTH])
        for subscription, row in fresh
    )
    area_of, topic_of = Subscription.areas.through, Subscription.topics.through
    area_of.objects.bulk_create(
        area_of(subscription=subscription, area=area) for subscription, row in fresh for area in set(row.areas)
    )
    topic_of.objects.bulk_create(
        topic_of(subscription=subscription, topic=topic) for subscription, row in fresh for topic in set(row.topics)
    )
    return len(fresh)
