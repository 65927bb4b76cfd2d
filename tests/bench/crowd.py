"""A crowd: any number of subscribers, made by the database itself (PostgreSQL), and the issue that they are sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.models import Item, Message, Newsletter
from publisher.review.approval import approve
from tests.audience_factory import residents

LINKS = 14
SENTENCE = "Orkestret åbner dørene for alle, og der er kaffe, kage og korsang på scenen fra klokken ti. "


def crowd(of: Newsletter, number: int) -> None:
    """Subscribe `number` people to it."""
    if connection.vendor != "postgresql":
        for start in range(0, number, 10_000):
            residents(of, min(10_000, number - start), prefix=f"beboer{start}-")
        return
    since = timezone.now() - timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO publisher_subscriber "
            "(organisation_id, address, address_key, domain, name, language, created_at) "
            "SELECT %s, 'beboer' || n || '@d' || n %% 50 || '.example.org', md5('o' || %s || n), "
            "'d' || n %% 50 || '.example.org', 'Beboer Nr. ' || n, 'da', %s FROM generate_series(1, %s) n",
            [of.organisation_id, of.organisation_id, since, number],
        )
        cursor.execute(
            "INSERT INTO publisher_subscription (newsletter_id, subscriber_id, token, created_at, confirmed_at) "
            "SELECT %s, p.id, substr(md5('t' || p.id), 1, 22), %s, %s FROM publisher_subscriber p "
            "WHERE p.organisation_id = %s",
            [of.pk, since, since, of.organisation_id],
        )
        cursor.execute("ANALYZE publisher_subscriber")
        cursor.execute("ANALYZE publisher_subscription")


def issue(of: Newsletter, at: datetime, *, kilobytes: float = 29.5) -> Message:
    """An approved issue of the newsletter, due at `at`: 15 links, about so large on the wire."""
    links = "".join(
        f"<p>{SENTENCE}<a href='https://kultur.example.org/nyheder/{n}'>Læs mere om nr. {n}</a>.</p>"
        for n in range(LINKS - 1)
    )
    # Every letter stands in both parts; about 45 % of a kilobyte of text is markup and encoding.
    filler = f"<p>{SENTENCE * 3}</p>" * max(0, round((kilobytes - 16.4) / 0.83))
    item = Item.objects.create(
        organisation=of.organisation,
        title="Åben øvelse på Ærø: kom & hør",
        lead="Orkestret åbner dørene. Alle er velkomne.",
        body_html=links + filler,
        body_text="Orkestret åbner dørene for alle.",
        link="https://kultur.example.org/nyheder/oevelse",
    )
    campaign = create_campaign(of.organisation, [item], newsletter=of)
    approve(campaign, None, scheduled_at=at)
    return Message.objects.get(campaign=campaign)
