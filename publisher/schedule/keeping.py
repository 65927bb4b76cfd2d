"""Keeping a message while it is prepared: the claim on its row is renewed as the work goes on, or found to be lost."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import TransientError
from publisher.models import Message
from publisher.vocabulary import MessageStatus

# A worker that was killed costs so much; one that lives renews it between two steps.
LEASE = timedelta(seconds=60)


def keep(message: Message, *, longer: timedelta = timedelta(0)) -> None:
    """Renew the claim for LEASE and `longer`; inside a transaction it also locks the message until that ends.

    Raises TransientError if the message has moved on or somebody else has claimed it: then nothing may be written.
    """
    ours = Message.objects.filter(pk=message.pk, status=MessageStatus.SCHEDULED, claim_id=message.claim_id)
    if not ours.update(lease_until=timezone.now() + LEASE + longer):
        raise overtaken()


def overtaken() -> TransientError:
    """The claim is lost; whoever has the message now goes on with it."""
    return TransientError(gettext_noop("The send-out was changed while its audience was being counted."))
