"""What the holder of a subscription's token sees and may do without signing in: leave, and come back."""

from __future__ import annotations

import re

from django.utils import timezone

from publisher.audience.subscribe import subscribe
from publisher.models import ConsentText, Newsletter, Subscription, Suppression
from publisher.vocabulary import ConsentPurpose

# As `models.audience.new_token` makes them; what is spelt otherwise never reaches the database.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,32}")
_HIDDEN = "•••"


def subscription_of(token: str) -> Subscription | None:
    """The subscription that a token belongs to, with its person, newsletter and organisation."""
    if not _TOKEN.fullmatch(token):
        return None
    tied = Subscription.objects.select_related("subscriber", "newsletter__organisation")
    return tied.filter(token=token).first()


def masked(address: str) -> str:
    """An address that its owner recognises and nobody else learns: mails get forwarded, and their links with them."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{_HIDDEN}@{domain}"


def consent_words(newsletter: Newsletter, language: str) -> str:
    """What a person agrees to who subscribes now, as the evidence will say it; "" where the newsletter has no text."""
    texts = ConsentText.objects.filter(newsletter=newsletter, language=language, purpose=ConsentPurpose.SUBSCRIPTION)
    return texts.order_by("-pk").values_list("text", flat=True).first() or ""


def may_come_back(subscription: Subscription) -> bool:
    """Whether subscribing again would bring mail: not to an address that is blocked."""
    person = subscription.subscriber
    return not Suppression.objects.filter(
        organisation_id=person.organisation_id, address_key=person.address_key
    ).exists()


def come_back(subscription: Subscription, language: str) -> Subscription:
    """Subscribe the person again who has just left, to the same areas and topics, with new evidence of consent.

    `language` is the one in which they read `consent_words`. Raises InputError (address).
    """
    return subscribe(
        subscription.newsletter,
        subscription.subscriber.address,
        language=language,
        areas=list(subscription.areas.all()),
        topics=list(subscription.topics.all()),
        source="undo",
        confirmed_at=timezone.now(),
    )
