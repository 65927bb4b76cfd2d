"""Many residents at once, for tests of freezing and sending."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from publisher.models import Block, Campaign, CompiledMail, Message, Newsletter, Organisation, Subscriber, Subscription
from publisher.vocabulary import BlockKind, CampaignStatus, MessageStatus, Outlet


def own_newsletter(name: str) -> Newsletter:
    """A newsletter of an organisation of its own, ready to be sent."""
    slug = name.lower()
    organisation = Organisation.objects.create(
        name=name, slug=slug, postal_line="Rådhusvej 1, 2620 Albertslund", email="kontor@kultur.example.org"
    )
    return Newsletter.objects.create(
        organisation=organisation,
        name=name,
        slug=slug,
        sender_name=name,
        sender_email="nyt@kultur.example.org",
        reply_to="kontor@kultur.example.org",
    )


def residents(newsletter: Newsletter, number: int, *, prefix: str = "beboer") -> list[Subscription]:
    """`number` confirmed subscribers at example addresses, subscribed since an hour."""
    since = timezone.now() - timedelta(hours=1)
    people = Subscriber.objects.bulk_create(
        Subscriber(
            organisation=newsletter.organisation,
            address=f"{prefix}{n}@example.org",
            address_key=f"{prefix}-{n}",
            domain="example.org",
            name=f"Beboer Nr. {n}",
        )
        for n in range(number)
    )
    subscriptions = Subscription.objects.bulk_create(
        Subscription(newsletter=newsletter, subscriber=person, confirmed_at=since) for person in people
    )
    Subscription.objects.filter(newsletter=newsletter).update(created_at=since)
    return subscriptions


def mail(newsletter: Newsletter, *, minutes: float = 0, organisation: Organisation | None = None) -> Message:
    """An approved mail with one block for everyone, due `minutes` from now."""
    at = timezone.now() + timedelta(minutes=minutes)
    campaign = Campaign.objects.create(
        organisation=organisation or newsletter.organisation,
        title="Kulturnyt",
        status=CampaignStatus.APPROVED,
        approved_revision=1,
        scheduled_at=at,
    )
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.EMAIL,
        newsletter=newsletter,
        subject="Åben øvelse",
        status=MessageStatus.SCHEDULED,
        scheduled_at=at,
    )
    Block.objects.create(
        message=message,
        kind=BlockKind.LEAD_STORY,
        position=0,
        content={"title": "Åben øvelse", "lead": "Kom og hør.", "html": "<p>Kom og hør.</p>", "link": ""},
    )
    return message


def ready_mail(newsletter: Newsletter) -> Message:
    """A mail in `sending` whose content is a bare text: for tests of the engine that need no composing."""
    from publisher.schedule.freeze import freeze
    from tests.editions import bare_segments

    message = mail(newsletter)
    message.claim_id = uuid.uuid4()
    Message.objects.filter(pk=message.pk).update(claim_id=message.claim_id)
    freeze(message, timezone.now())
    segments = bare_segments(message)
    CompiledMail.objects.create(message=message, segments=segments)
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING, claim_id=None)
    message.refresh_from_db()
    return message
