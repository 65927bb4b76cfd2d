"""What claims have in hand, for tests."""

from __future__ import annotations

import uuid
from collections import Counter

from publisher.models import Claim, Delivery, Message, in_hand, status_now


def held(claim_id: uuid.UUID) -> list[int]:
    """The deliveries that the claim has in hand, in the line's order."""
    return list(in_hand(Claim.objects.get(pk=claim_id)).order_by("due_at", "pk").values_list("pk", flat=True))


def statuses(message: Message) -> Counter[str]:
    """How many deliveries stand where: what is in hand counts as `sending`, whatever its row says."""
    return Counter(Delivery.objects.filter(message=message).annotate(now=status_now()).values_list("now", flat=True))
