"""Whether the live figures, the frozen count and the rows of a message say the same."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import BigIntegerField, Count, F, Sum, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.models.ledger import Delivery, DeliveryCount, status_now
from publisher.models.sendout import Message
from publisher.vocabulary import DeliveryStatus

FROZEN = "frozen"


@dataclass(frozen=True)
class Disagreement:
    """One figure that is not what the rows say; `status` is a delivery status, or "frozen" for the whole audience."""

    status: str
    counted: int
    rows: int

    def explanation(self) -> Explanation:
        """For staff and logs."""
        values = {"status": self.status, "counted": str(self.counted), "rows": str(self.rows)}
        if self.status == FROZEN:
            return Explanation(gettext_noop("%(counted)s recipients were counted, but there are %(rows)s."), values)
        return Explanation(gettext_noop("The figure for “%(status)s” says %(counted)s, the rows %(rows)s."), values)


def check_counts(message: Message) -> list[Disagreement]:
    """Compare frozen count (first) and counters with the rows; empty if all agree.

    It is one statement, so that work that goes on meanwhile cannot come between the two counts.
    """
    number = BigIntegerField()
    rows = Delivery.objects.filter(message=message).order_by().annotate(now=status_now()).values("now")
    counters = DeliveryCount.objects.filter(message=message).order_by().values("status")
    frozen = Message.objects.filter(pk=message.pk, frozen_count__isnull=False).order_by()
    found = (
        rows.annotate(origin=Value("rows"), number=Count("pk"))
        .values_list("origin", "now", "number")
        .union(
            counters.annotate(origin=Value("counters"), number=Cast(Sum("count"), number)).values_list(
                "origin", "status", "number"
            ),
            frozen.annotate(origin=Value(FROZEN), number=Cast(F("frozen_count"), number)).values_list(
                "origin", "status", "number"
            ),
            all=True,
        )
    )
    return _compared(list(found))


def _compared(found: list[tuple[str, str, int]]) -> list[Disagreement]:
    rows = {status: number for origin, status, number in found if origin == "rows"}
    counters = {status: number for origin, status, number in found if origin == "counters"}
    disagreements = [
        Disagreement(status, counters.get(status, 0), rows.get(status, 0))
        for status in DeliveryStatus.values
        if counters.get(status, 0) != rows.get(status, 0)
    ]
    frozen = sum(number for origin, _, number in found if origin == FROZEN)
    if frozen != sum(rows.values()):
        return [Disagreement(FROZEN, frozen, sum(rows.values())), *disagreements]
    return disagreements


def accept_rows(message: Message) -> list[Disagreement]:
    """Set frozen count and counters to what the rows say; answers what had to be set. Call it inside a transaction.

    The difference is added, not the number written: what a lane stores in the same moment is not lost.
    """
    found = check_counts(message)
    for each in found:
        if each.status == FROZEN:
            Message.objects.filter(pk=message.pk).update(frozen_count=each.rows)
    move_counts(
        message.pk, COMMON_LANE, {each.status: each.rows - each.counted for each in found if each.status != FROZEN}
    )
    return found
