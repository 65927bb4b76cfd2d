"""What the tests of later changes share: a post that is out, corrected or withdrawn."""

from __future__ import annotations

import pytest

from publisher.deliver import post
from publisher.models import Account, Campaign, Operation, PostPart
from publisher.review.afterwards import Wish, carry_through
from publisher.vocabulary import DeliveryStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun, scheduled

EDIT = "PUT /api/v1/statuses"
DELETE = "DELETE /api/v1/statuses"


@pytest.fixture
def published(account: Account, server: MastodonServer) -> PostPart:
    """A post that is out."""
    delivery = begun(scheduled(account))
    assert post.publish(delivery.pk) == DeliveryStatus.SENT
    return delivery.parts.get()


def campaign_of(part: PostPart) -> Campaign:
    return part.delivery.message.campaign


def corrected(part: PostPart, text: str = "Øvelsen er på Møn") -> Operation:
    carry_through(campaign_of(part), Wish("Forkert ø.", texts={part.pk: text}), None)
    return Operation.objects.latest("pk")


def withdraw(part: PostPart) -> None:
    carry_through(campaign_of(part), Wish("Forkert nyhed.", withdraw=True), None)


def withdrawn(part: PostPart) -> Operation:
    withdraw(part)
    return Operation.objects.latest("pk")
