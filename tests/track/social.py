"""Public posts whose figures tests ask for: on a Mastodon server or on X, both in this process."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from publisher.deliver import post
from publisher.models import Account, Campaign, Delivery, Message, PostFigures, PostPart
from publisher.review.approval import approve
from publisher.track import figures
from publisher.vocabulary import DeliveryStatus, Outlet
from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_entities import Status
from tests.deliver.posting import begun


def published(account: Account, *follow_ups: str, title: str = "Åben øvelse") -> Delivery:
    """A post that is out, with what follows it."""
    campaign = Campaign.objects.create(organisation=account.organisation, title=title)
    Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        text=f"{title} – kom & hør",
        link="https://kultur.example.org/nyheder/oevelse",
        follow_ups=list(follow_ups),
    )
    approve(campaign, None, scheduled_at=timezone.now())
    delivery = begun(Delivery.objects.get(message__campaign=campaign))
    assert post.publish(delivery.pk) == DeliveryStatus.SENT
    return delivery


def since(delivery: Delivery, age: timedelta) -> None:
    """As if the post had been published so long ago."""
    PostPart.objects.filter(delivery=delivery).update(published_at=timezone.now() - age)


def asked(account: Account, now: datetime | None = None) -> int:
    """Begin, then ask about all that the channel has as if it were time; answers how many parts said something."""
    now = now or timezone.now()
    figures.begin(now)
    PostFigures.objects.filter(next_at__isnull=False, claim_id=None).update(next_at=now - timedelta(seconds=1))
    return figures.ask(account.pk)


def told(delivery: Delivery, position: int = 0) -> PostFigures:
    """What is kept about one part."""
    return PostFigures.objects.get(part__delivery=delivery, part__position=position)


def on_server(server: MastodonServer, delivery: Delivery, position: int = 0) -> Status:
    """The same part as the server has it."""
    remote_id = delivery.parts.get(position=position).remote_id
    return next(status for status in server.posts() if status.status_id == remote_id)
