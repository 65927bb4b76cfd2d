"""A crowd: any number of subscribers, made by the database itself (PostgreSQL), and the issue that they are sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.models import Area, Block, Item, Message, Newsletter, Subscription, Topic
from publisher.review.approval import approve
from publisher.vocabulary import LinkCounting
from tests.audience_factory import residents

LINKS = 14
SENTENCE = "Orkestret åbner dørene for alle, og der er kaffe, kage og korsang på scenen fra klokken ti. "


def crowd(of: Newsletter, number: int, *, consented: bool = False) -> None:
    """Subscribe `number` people to it; `consented`: it counts links one by one, and all of them have said yes."""
    _subscribe(of, number)
    if consented:
        Newsletter.objects.filter(pk=of.pk).update(link_counting=LinkCounting.ONE_BY_ONE)
        Subscription.objects.filter(newsletter=of).update(tracking_consent_at=timezone.now())


def _subscribe(of: Newsletter, number: int) -> None:
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
        cursor.execute("VACUUM ANALYZE publisher_subscriber")
        cursor.execute("VACUUM ANALYZE publisher_subscription")


def choices(of: Newsletter) -> None:
    """Let the people of the newsletter choose areas and topics, as they do: one in eleven and one in seven none.

    There are ten areas and six topics; each person has at most one of each, by the number of their subscription.
    """
    areas = [Area.objects.create(organisation=of.organisation, name=f"Kommune {n}", slug=f"k{n}") for n in range(10)]
    topics = [Topic.objects.create(organisation=of.organisation, name=f"Emne {n}", slug=f"e{n}") for n in range(6)]
    of.areas.set(areas)
    of.topics.set(topics)
    with connection.cursor() as cursor:
        for what, labels in (("area", areas), ("topic", topics)):
            cursor.execute(
                f"INSERT INTO publisher_subscription_{what}s (subscription_id, {what}_id) "
                f"SELECT s.id, (%s::bigint[])[s.id %% {len(labels) + 1}] FROM publisher_subscription s "
                f"WHERE s.newsletter_id = %s AND s.id %% {len(labels) + 1} > 0",
                [[label.pk for label in labels], of.pk],
            )
            cursor.execute(f"ANALYZE publisher_subscription_{what}s")


def aim(message: Message) -> int:
    """Aim the message's blocks at nine of the areas and five of the topics; answers for how many people it now is.

    Whoever chose the tenth area and the sixth topic sees none of them.
    """
    assert message.newsletter is not None
    areas, topics = list(message.newsletter.areas.order_by("pk")), list(message.newsletter.topics.order_by("pk"))
    first = message.blocks.get(position=0)
    places = range(1, len(areas) + len(topics) - 2)
    blocks = [Block(message=message, kind=first.kind, position=n, content=first.content) for n in places]
    blocks = [first, *Block.objects.bulk_create(blocks)]
    for block, label in zip(blocks, [*areas[:-1], *topics[:-1]], strict=True):
        (block.areas if isinstance(label, Area) else block.topics).add(label)
    everybody = list(message.newsletter.subscriptions.values_list("pk", flat=True))
    unreached = (len(areas), len(topics))
    return sum((pk % (len(areas) + 1), pk % (len(topics) + 1)) != unreached for pk in everybody)


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
