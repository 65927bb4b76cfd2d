"""What of a send-out is out or still would go: for each message what can still be changed, taken down or stopped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q, QuerySet

from publisher.compose.social import abilities_of
from publisher.compose.viewing import BEGUN
from publisher.models import Campaign, Delivery, Message, Operation, PostPart, waiting_of
from publisher.platforms.abilities import Abilities
from publisher.vocabulary import PUBLIC_STEPS, DeliveryStatus, MessageStatus, OperationKind, OperationStatus, PartStep

STOPPABLE = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED, MessageStatus.HELD)
REACHED = (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN)
_COMES_DOWN = (OperationStatus.PENDING, OperationStatus.WORKING, OperationStatus.DONE)


@dataclass(frozen=True)
class Out:
    """One message of a send-out of which something has begun: what can still be done about it."""

    message: Message

    @cached_property
    def parts(self) -> list[PostPart]:
        """The parts of a post that are public and stay so: neither taken down nor about to be; in order."""
        return list(self._standing().filter(step__in=PUBLIC_STEPS))

    @cached_property
    def unconfirmed(self) -> list[PostPart]:
        """The parts that may be public by now, or are about to be: what is asked for them waits until that is known."""
        in_hand = Q(delivery__status=DeliveryStatus.SENDING) & ~Q(step__in=PUBLIC_STEPS)
        lost = Q(delivery__status=DeliveryStatus.UNCERTAIN, step=PartStep.COMMITTING)
        return list(self._standing().filter(in_hand | lost))

    def _standing(self) -> QuerySet[PostPart]:
        comes_down = Operation.objects.filter(kind=OperationKind.DELETE, status__in=_COMES_DOWN)
        rows = PostPart.objects.filter(delivery__message=self.message).exclude(operations__in=comes_down)
        return rows.order_by("position")

    @cached_property
    def within_reach(self) -> list[PostPart]:
        """What a change can be asked for, in order."""
        return [*(part for part in self.parts if part.remote_id), *self.unconfirmed]

    @cached_property
    def abilities(self) -> Abilities | None:
        """What its channel can do; None for a mail."""
        return abilities_of(self.message.account) if self.message.account else None

    @property
    def edits(self) -> bool:
        """Whether its text can be changed where it is public."""
        return bool(self.abilities and self.abilities.edits and self.within_reach)

    @property
    def deletes(self) -> bool:
        """Whether it can be taken down."""
        return bool(self.to_take_down)

    @property
    def to_take_down(self) -> list[PostPart]:
        """Those of its parts that we can: the last of a thread first, so that none is left as an answer to nothing."""
        if self.abilities is None or not self.abilities.deletes:
            return []
        return self.within_reach[::-1]

    @property
    def all_of_it(self) -> list[PostPart]:
        """All that is public or may be, the last first: also what only a person can take down."""
        return [*self.parts, *self.unconfirmed][::-1]

    @cached_property
    def reached(self) -> int:
        """How many have, or may have, got the mail."""
        return Delivery.objects.filter(message=self.message, status__in=REACHED).count()

    @property
    def is_planned(self) -> bool:
        """Whether nothing of it has begun: planned for later, or held before its time."""
        return self.message.status in STOPPABLE and self.message.started_at is None

    @cached_property
    def unsent(self) -> int:
        """How many wait for the rest of it."""
        return 0 if self.is_planned or self.message.status not in STOPPABLE else waiting_of(self.message.pk).count()


def outs(campaign: Campaign) -> list[Out]:
    """The messages of a send-out that have begun and those that still would, mails first; none before one has begun."""
    rows = Message.objects.filter(BEGUN | Q(status__in=STOPPABLE), campaign=campaign)
    known = rows.select_related("newsletter", "account__organisation", "campaign__organisation")
    found = [Out(message) for message in known.order_by("outlet", "pk")]
    return [] if all(out.is_planned for out in found) else found
