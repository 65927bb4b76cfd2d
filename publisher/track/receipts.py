"""Receipts: a message's deliveries by status and reason, counted from the rows and compared with who was frozen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Count, Q
from django.utils.translation import gettext, ngettext

from publisher.models import Campaign, Delivery, Message, status_now
from publisher.vocabulary import DeliveryStatus, Reason

_ORDER = [status.value for status in DeliveryStatus]


class Line(NamedTuple):
    """How many deliveries ended in one status for one reason ("" where none is needed)."""

    status: str
    reason: str
    number: int


@dataclass(frozen=True)
class Receipt:
    """What became of a message's deliveries, or of several messages' together.

    `frozen_count` is how many recipients were counted from the audience rule when they were frozen (None: not yet);
    the receipt adds up if exactly so many deliveries exist. The last four are facts that arrived later; `came_back`
    counts those sent, since what was unclear and came back is a failure with a line of its own.
    """

    rows: list[Line]
    frozen_count: int | None
    came_back: int = 0
    delivered: int = 0
    complained: int = 0
    unsubscribed: int = 0
    message: Message | None = None

    @property
    def total(self) -> int:
        """All deliveries."""
        return sum(line.number for line in self.rows)

    @property
    def adds_up(self) -> bool:
        """Whether every frozen recipient has exactly one delivery here, and nobody else has."""
        return self.total == (self.frozen_count or 0)

    def of(self, status: str) -> int:
        """Deliveries in one status."""
        return sum(line.number for line in self.rows if line.status == status)

    def sentence(self) -> str:
        """In the reader's language: how many were sent, and how many of those came back."""
        sent = self.of(DeliveryStatus.SENT)
        if not self.came_back:
            return ngettext("Sent %(sent)s", "Sent %(sent)s", sent) % {"sent": in_groups(sent)}
        words = ngettext(
            "Sent %(sent)s, of which %(back)s came back", "Sent %(sent)s, of which %(back)s came back", self.came_back
        )
        return words % {"sent": in_groups(sent), "back": in_groups(self.came_back)}


@dataclass(frozen=True)
class CampaignReceipt:
    """The receipts of a campaign's messages, and all of them together."""

    messages: list[Receipt] = field(default_factory=list)

    @property
    def together(self) -> Receipt:
        """One receipt over all messages; it adds up as a sum, so look at `adds_up` here for each of them."""
        lines: Counter[tuple[str, str]] = Counter()
        for receipt in self.messages:
            lines.update({(line.status, line.reason): line.number for line in receipt.rows})
        frozen = [receipt.frozen_count for receipt in self.messages if receipt.frozen_count is not None]
        return Receipt(
            rows=_sorted(Line(status, reason, number) for (status, reason), number in lines.items()),
            frozen_count=sum(frozen) if frozen else None,
            came_back=sum(receipt.came_back for receipt in self.messages),
            delivered=sum(receipt.delivered for receipt in self.messages),
            complained=sum(receipt.complained for receipt in self.messages),
            unsubscribed=sum(receipt.unsubscribed for receipt in self.messages),
        )

    @property
    def adds_up(self) -> bool:
        """Whether each message's receipt adds up."""
        return all(receipt.adds_up for receipt in self.messages)


def receipt(message: Message) -> Receipt:
    """The receipt of one message, counted now from its rows."""
    return _receipts([message])[0]


def campaign_receipt(campaign: Campaign) -> CampaignReceipt:
    """The receipts of all messages of a campaign, counted now from their rows."""
    messages = Message.objects.filter(campaign=campaign).select_related("newsletter", "account")
    return CampaignReceipt(_receipts(list(messages)))


def as_text_table(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Rows of (status, reason, number) in the reader's language; the last two are the total and who was frozen."""
    rows = [(_status_words(line.status), _reason_words(line.reason), in_groups(line.number)) for line in receipt.rows]
    frozen = "–" if receipt.frozen_count is None else in_groups(receipt.frozen_count)
    return [
        *rows,
        (gettext("Together"), "", in_groups(receipt.total)),
        (gettext("Recipients counted before sending"), "", frozen),
    ]


def in_groups(number: int) -> str:
    """4180 as “4 180”, with a space at which no line breaks."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


def _receipts(messages: Sequence[Message]) -> list[Receipt]:
    """One statement for all, the frozen count included: a freeze that goes on meanwhile cannot come between them."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    grouped = (
        Delivery.objects.filter(message__in=messages)
        .order_by()
        .annotate(now=status_now())
        .values("message_id", "now", "reason", "message__frozen_count")
        .annotate(
            number=Count("pk"),
            came_back=_with("bounced_at"),
            delivered=_with("delivered_at"),
            complained=_with("complained_at"),
            unsubscribed=_with("unsubscribed_at"),
        )
    )
    for row in grouped:
        found[row["message_id"]].append(dict(row))
    return [_receipt_of(message, found[message.pk]) for message in messages]


def _with(fact: str) -> Count:
    return Count("pk", filter=Q(**{f"{fact}__isnull": False}))


def _receipt_of(message: Message, rows: list[dict[str, Any]]) -> Receipt:
    fresh = Message.objects.values_list("frozen_count", flat=True)
    frozen = rows[0]["message__frozen_count"] if rows else fresh.get(pk=message.pk)
    return Receipt(
        rows=_sorted(Line(str(row["now"]), str(row["reason"]), row["number"]) for row in rows),
        frozen_count=frozen,
        came_back=sum(row["came_back"] for row in rows if row["now"] == DeliveryStatus.SENT),
        delivered=sum(row["delivered"] for row in rows),
        complained=sum(row["complained"] for row in rows),
        unsubscribed=sum(row["unsubscribed"] for row in rows),
        message=message,
    )


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (_ORDER.index(line.status), -line.number, line.reason))


def _status_words(status: str) -> str:
    return str(DeliveryStatus(status).label)


def _reason_words(reason: str) -> str:
    """Plug-ins may use words of their own; those are shown as they are."""
    return str(Reason(reason).label) if reason in Reason.values else reason
