"""A person settles all unconfirmed or failed deliveries of a message at once."""

from __future__ import annotations

from publisher.access.roles import require
from publisher.errors import InputError, TransitionError
from publisher.models import Delivery, Message, User
from publisher.review.control import decide
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.vocabulary import DeliveryStatus

# Each delivery is a decision of its own; so many are taken in one go, so that the page answers soon.
AT_ONCE = 200
# From which status each decision of `control.decide` starts.
STARTS = {
    "resend": (DeliveryStatus.UNCERTAIN, DeliveryStatus.FAILED),
    "sent": (DeliveryStatus.UNCERTAIN,),
    "failed": (DeliveryStatus.UNCERTAIN,),
}


def settle(message: Message, user: User, action: str, status: str) -> tuple[int, int]:
    """Do `action` ("resend", "sent", "failed") to the message's deliveries in `status`; answers how many, and are left.

    At most AT_ONCE of them. What somebody else settled meanwhile is left alone. Raises InputError if it fits none.
    """
    require(user, "send", message.campaign.organisation)
    if status not in STARTS.get(action, ()):
        raise InputError(CHANGED_MEANWHILE)
    waiting = Delivery.objects.filter(message=message, status=status).order_by("pk")
    settled, refused = 0, None
    for delivery in waiting.select_related("message__campaign__organisation", "message__account")[:AT_ONCE]:
        try:
            decide(delivery, user, action)
            settled += 1
        except (InputError, TransitionError) as error:
            refused = error
    if not settled and refused is not None:
        raise refused
    return settled, Delivery.objects.filter(message=message, status=status).count()
