"""The words of a receipt's rows and of its page's head: how far each has come, and what else its figures say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from publisher.review.progress import Progress
from publisher.templatetags.dates import number
from publisher.templatetags.marks import LOOKS
from publisher.templatetags.sendouts import LOOKS as OF_PROGRESS
from publisher.templatetags.sendouts import names, reason_words
from publisher.track.receipts import Line
from publisher.vocabulary import DeliveryStatus, MessageStatus, OperationStatus
from publisher.web.needs import Button, acts_of, place_url, waits_for_channel
from publisher.web.receipt_rows import MOVING, STOPPED, ReceiptRow

_REASONED = {
    DeliveryStatus.SUPPRESSED: gettext_lazy("skipped:"),
    DeliveryStatus.FAILED: gettext_lazy("failed:"),
    DeliveryStatus.UNCERTAIN: gettext_lazy("unconfirmed:"),
    DeliveryStatus.CANCELLED: gettext_lazy("cancelled:"),
}


@dataclass(frozen=True)
class Mark:
    """A word with its shape and tone, for web/parts/status.html."""

    word: str
    shape: str
    tone: str


@dataclass(frozen=True)
class RowOnPage:
    """A row of the receipt with what the page says of it.

    `course`: what it waits for and when its last recipient will have it; `facts`: why some got nothing, what came back;
    `sum_words`: whether it adds up; `place_url`: where a person says at which address it is.
    """

    row: ReceiptRow
    mark: Mark
    course: str
    facts: list[str]
    sum_words: str
    place_url: str
    acts: list[Button]


def on_page(rows: Sequence[ReceiptRow], stage: str) -> list[RowOnPage]:
    """The rows as the page shows them."""
    return [_on_page(row, stage) for row in rows]


def _on_page(row: ReceiptRow, stage: str) -> RowOnPage:
    asks_where = row.place is not None and not row.place.is_open and row.place.takes_address and row.sent
    return RowOnPage(
        row,
        mark_of(row, stage),
        "" if stage == STOPPED else " ".join(row.course),
        facts_of(row),
        sum_words(row),
        place_url(row.message) if asks_where else "",
        [] if row.held else acts_of(row, stage),
    )


def mark_of(row: ReceiptRow, stage: str) -> Mark:
    """How far one mail or post has come."""
    message = row.message
    if row.wait or (stage == STOPPED and message.status in MOVING):
        return _stored("delivery", DeliveryStatus.PENDING)
    if message.withdrawn_at and message.started_at:
        return _of_withdrawn(row)
    if waits_for_channel(row):
        return Mark(_("Waits for its channel"), "clock", "warn")
    if row.is_mail or message.status != MessageStatus.FINISHED:
        return _stored("message", message.status)
    return _stored("delivery", row.delivery.status if row.delivery else DeliveryStatus.SENT)


def _stored(cycle: str, value: str) -> Mark:
    choices, looks = LOOKS[cycle]
    return Mark(str(choices(value).label), *looks[value])


def _of_withdrawn(row: ReceiptRow) -> Mark:
    if row.to_delete:
        is_certain = any(each.status == OperationStatus.FAILED for each in row.to_delete)
        return Mark(_("Still public"), "cross", "bad") if is_certain else _stored("delivery", DeliveryStatus.UNCERTAIN)
    if row.still_public:
        return Mark(_("Being taken down"), "half", "plan")
    return Mark(str(Progress.WITHDRAWN.label), *OF_PROGRESS[Progress.WITHDRAWN])


def withdrawn_mark(rows: Sequence[ReceiptRow]) -> Mark:
    """The head of a page of which something is still public: where, and who must do something about it."""
    left = [row.name for row in rows if row.to_delete]
    if left:
        words = ngettext(
            "Withdrawn, except %(names)s: delete it yourself",
            "Withdrawn, except %(names)s: delete them yourself",
            len(left),
        )
        return Mark(words % {"names": names(left)}, "cross", "bad")
    on_the_way = [row.name for row in rows if row.still_public]
    return Mark(_("Withdrawn; not down yet: %(names)s") % {"names": names(on_the_way)}, "half", "warn")


def facts_of(row: ReceiptRow) -> list[str]:
    """Why some got nothing, and what came back."""
    found = [_reasoned(line) for line in row.reasons]
    if row.came_back:
        words = ngettext(
            "Sent %(sent)s, of which %(back)s came back", "Sent %(sent)s, of which %(back)s came back", row.came_back
        )
        found.append(words % {"sent": number(row.sent), "back": number(row.came_back)})
    if row.unsubscribed:
        words = ngettext("%(number)s unsubscribed after it", "%(number)s unsubscribed after it", row.unsubscribed)
        found.append(words % {"number": number(row.unsubscribed)})
    if row.complained:
        words = ngettext("%(number)s marked it as spam", "%(number)s marked it as spam", row.complained)
        found.append(words % {"number": number(row.complained)})
    return found


def _reasoned(line: Line) -> str:
    return f"{number(line.number)} {_REASONED[DeliveryStatus(line.status)]} {reason_words(line.reason)}"


def sum_words(row: ReceiptRow) -> str:
    """Whether a finished mail has exactly the recipients that were counted before; "" for others."""
    if not row.is_mail or row.message.status != MessageStatus.FINISHED:
        return ""
    counted = row.message.frozen_count or 0
    if not row.adds_up:
        words = _("It does not add up: %(number)s recipients were counted before sending.")
        return words % {"number": number(counted)}
    words = ngettext(
        "It adds up: %(number)s recipient was counted before sending, and has exactly one line here.",
        "It adds up: %(number)s recipients were counted before sending, and each has exactly one line here.",
        counted,
    )
    return words % {"number": number(counted)}
