"""What waits because of an account goes on at once when it is connected anew."""

from __future__ import annotations

from datetime import datetime

from publisher.models import Account, Delivery, Message, Operation
from publisher.vocabulary import DeliveryStatus, MessageStatus, OperationStatus


def let_go(account: Account, now: datetime) -> None:
    """Try now what was put off: posts, uploads ahead of their time, later changes. What is held is released elsewhere.

    To be called in the transaction that stores the new connection.
    """
    Delivery.objects.filter(
        account=account, status=DeliveryStatus.PENDING, due_at__gt=now, message__status=MessageStatus.SENDING
    ).update(due_at=now)
    # Of a message that nobody has in hand this is when its uploads are tried again (deliver.post).
    waits = Message.objects.filter(account=account, status=MessageStatus.SCHEDULED, claim_id=None)
    waits.filter(lease_until__gt=now).update(lease_until=None)
    changes = Operation.objects.filter(part__delivery__account=account, status=OperationStatus.PENDING)
    changes.filter(due_at__gt=now).update(due_at=now)
