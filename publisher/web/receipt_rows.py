"""The receipt of a send-out as its page shows it: a row per newsletter and channel, and the history beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.access.audit import timeline
from publisher.accounts.waiting import Wait, waits_of
from publisher.compose.links import view_url
from publisher.compose.past_events import left_out_titles
from publisher.deliver.by_address import Unplaced, unplaced
from publisher.deliver.reconcile import LOOKS_S
from publisher.errors import Explanation
from publisher.models import Campaign, Delivery, Message, Operation
from publisher.review.by_hand import NEEDS_PERSON, still_public
from publisher.review.drafting import CREATED
from publisher.review.progress import Progress, progress
from publisher.track.looks import LookedAt, looks_at
from publisher.track.receipts import Line, campaign_receipt
from publisher.vocabulary import AccountStatus, DeliveryStatus, HoldReason, MessageStatus, Outlet
from publisher.web.course import course_of
from publisher.web.who_did_what import Entry

# Counting the rows of more recipients than this every two seconds would slow the sending itself.
COUNTED_LIVE = 20_000
# How often a page asks what is new, in seconds: while it is sent or about to be, while all is stopped, before.
LIVE_S, STOPPED_S, WAITING_S = 2, 5, 15
COUNTDOWN, STOPPED, WAITS = "countdown", "stopped", "waits"
# How long after its end a page still waits for the address of a post.
READ_BACK = timedelta(minutes=2)
_NOT_NEEDING_WORDS = (DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.SENT)
MOVING = (MessageStatus.SCHEDULED, MessageStatus.SENDING)
_OPEN = (*MOVING, MessageStatus.PAUSED)


@dataclass
class ReceiptRow:
    """What became of one message. `counts`: delivery status → number; `reasons`: why some were skipped or failed.

    `course`: what it waits for while it is being sent, and when its last recipient will have it. `left_out`: headlines
    of the events that were over when it was sent. `place`: what of a post is (or may be) public, nobody knows where;
    `looks`: what was asked about it while it was unconfirmed; `wait`: what a post that is under way waits for;
    `still_public`: what of it was to be taken down and is not, or nobody knows.
    """

    message: Message
    counts: dict[str, int]
    reasons: list[Line] = field(default_factory=list)
    came_back: int = 0
    complained: int = 0
    unsubscribed: int = 0
    delivery: Delivery | None = None
    place: Unplaced | None = None
    looks: list[LookedAt] = field(default_factory=list)
    wait: Wait | None = None
    still_public: list[Operation] = field(default_factory=list)
    course: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail; else a post."""
        return self.message.outlet == Outlet.EMAIL

    @property
    def name(self) -> str:
        """The newsletter or channel."""
        return str(self.message.newsletter or self.message.account)

    @property
    def total(self) -> int:
        """All its recipients."""
        return sum(self.counts.values())

    @property
    def adds_up(self) -> bool:
        """Whether it has exactly the recipients that were counted before sending."""
        return self.message.frozen_count is None or self.total == self.message.frozen_count

    @property
    def address(self) -> str:
        """Where the public sees it, "" if it cannot be seen (yet)."""
        if self.is_mail:
            return view_url(self.message) if self.message.composed_html and self.message.started_at else ""
        parts = list(self.delivery.parts.all()) if self.delivery else []
        return next((part.permalink for part in parts if part.permalink), "")

    @property
    def uncertain(self) -> int:
        """How many are unconfirmed."""
        return self.counts.get(DeliveryStatus.UNCERTAIN, 0)

    @property
    def sent(self) -> int:
        """How many were sent."""
        return self.counts.get(DeliveryStatus.SENT, 0)

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.counts.get(DeliveryStatus.FAILED, 0)

    @property
    def held(self) -> bool:
        """Whether it waits for a person's word."""
        return self.message.status == MessageStatus.HELD

    @property
    def broken(self) -> bool:
        """Whether its channel must be connected again before it can go out."""
        account = self.message.account
        wanted = self.message.status in (*_OPEN, MessageStatus.HELD)
        return account is not None and wanted and account.status != AccountStatus.CONNECTED

    @property
    def held_for_channel(self) -> bool:
        """Whether it is held until its channel is connected again; then it goes by itself, or its time has passed."""
        return self.held and self.broken and self.message.hold_reason == HoldReason.ACCOUNT_BROKEN

    @property
    def failed_for_good(self) -> bool:
        """Whether it is a post that was not published, and may still be: not one that was withdrawn since."""
        return bool(self.failed) and not self.is_mail and self.message.withdrawn_at is None

    @property
    def to_delete(self) -> list[Operation]:
        """What of it only a person can delete, or could not be taken down by us."""
        return [each for each in self.still_public if each.status in NEEDS_PERSON]

    @property
    def needs_person(self) -> bool:
        """Whether somebody must decide or do something."""
        return bool(self.held or self._has_more_to_decide)

    @property
    def _has_more_to_decide(self) -> bool:
        return bool(self.broken or self.uncertain or self.failed_for_good or self.to_delete)

    @property
    def is_looked_for(self) -> bool:
        """Whether it is an unconfirmed post about which the platform is still asked now and then."""
        return bool(self.uncertain and self.delivery and self.delivery.strikes <= len(LOOKS_S))

    @property
    def only_withdrawn(self) -> bool:
        """Whether nothing is to be decided but what becomes of its withdrawn news."""
        return self.held and self.message.hold_reason == HoldReason.WITHDRAWN and not self._has_more_to_decide


def receipt_rows(campaign: Campaign) -> list[ReceiptRow]:
    """A row for each message; reasons and what came back are left out while a big mail is being sent."""
    messages = list(campaign.messages.select_related("newsletter", "account").prefetch_related("counts"))
    rows = [ReceiptRow(message, _figures(message)) for message in messages]
    begun = [row for row in rows if row.total]
    live = any(row.message.status == MessageStatus.SENDING for row in rows)
    if begun and not (live and sum(row.total for row in rows) > COUNTED_LIVE):
        _count_reasons(campaign, rows)
    _add_deliveries(campaign, rows)
    _add_still_public(rows)
    left_out = left_out_titles(campaign)
    waits = waits_of(messages)
    for row in rows:
        row.wait = waits.get(row.message.pk)
        row.course = course_of(row.message, row.counts, row.wait)
        row.left_out = left_out.get(row.message.pk, [])
    return rows


def _figures(message: Message) -> dict[str, int]:
    totals: dict[str, int] = dict.fromkeys(DeliveryStatus.values, 0)
    for row in message.counts.all():
        totals[row.status] += row.count
    return totals


def _count_reasons(campaign: Campaign, rows: list[ReceiptRow]) -> None:
    receipts = {each.message.pk: each for each in campaign_receipt(campaign).messages if each.message}
    for row in rows:
        found = receipts.get(row.message.pk)
        if found is None:
            continue
        row.reasons = [line for line in found.rows if line.reason and line.status not in _NOT_NEEDING_WORDS]
        row.came_back, row.complained, row.unsubscribed = found.came_back, found.complained, found.unsubscribed


def _add_deliveries(campaign: Campaign, rows: list[ReceiptRow]) -> None:
    """A post has one delivery: its error and its address stand in the row."""
    posts = {row.message.pk: row for row in rows if not row.is_mail}
    found = Delivery.objects.for_organisation(campaign.organisation).filter(message__in=posts)
    looks = looks_at(row.message for row in rows)
    for delivery in found.prefetch_related("parts"):
        row = posts[delivery.message_id]
        delivery.account = row.message.account
        row.delivery, row.place, row.looks = delivery, unplaced(delivery), looks.get(row.message.pk, [])


def _add_still_public(rows: list[ReceiptRow]) -> None:
    changed = {row.message.pk: row for row in rows if row.message.withdrawn_at or row.message.corrected_at}
    if changed:
        for operation in still_public([row.message for row in changed.values()]):
            changed[operation.part.delivery.message_id].still_public.append(operation)


def stage(campaign: Campaign, rows: list[ReceiptRow], *, stopped: bool) -> str:
    """What the page is about now: a word of `progress`, COUNTDOWN while Undo is offered, STOPPED while none may go.

    WAITS while all that is under way waits for its platforms.
    """
    word = progress(campaign)
    if stopped and any(row.message.status in MOVING for row in rows) and word not in (Progress.HELD, Progress.PAUSED):
        return STOPPED
    if word == Progress.SCHEDULED and seconds_left(rows) is not None:
        return COUNTDOWN
    going = [row for row in rows if row.message.status == MessageStatus.SENDING]
    return WAITS if word == Progress.SENDING and all(row.wait for row in going) else word


def seconds_left(rows: list[ReceiptRow]) -> int | None:
    """Seconds until the first message begins, if Undo is to be offered for it now; 0 once it is due."""
    left = _until_first(rows)
    if left is None or left > settings.OPSLAG_UNDO_SECONDS:
        return None
    return max(0, round(left))


def _until_first(rows: list[ReceiptRow]) -> float | None:
    """Seconds until the first message that waits for its time is due; negative once it has passed."""
    times = [row.message.scheduled_at for row in rows if row.message.status == MessageStatus.SCHEDULED]
    first = min((at for at in times if at), default=None)
    return (first - timezone.now()).total_seconds() if first else None


def poll_seconds(now_at: str, rows: list[ReceiptRow]) -> int:
    """How often the page should ask what is new; 0 for not at all."""
    if now_at == COUNTDOWN:
        return 1
    if now_at in (STOPPED, WAITS):
        return STOPPED_S
    if any(row.message.status == MessageStatus.SENDING for row in rows):
        return LIVE_S
    left = _until_first(rows)
    if left is not None and left <= settings.OPSLAG_UNDO_SECONDS + 2 * WAITING_S:
        return LIVE_S
    waits = any(row.message.status in (*_OPEN, MessageStatus.HELD) for row in rows)
    if waits or any(row.still_public or row.is_looked_for for row in rows):
        return WAITING_S
    fresh = timezone.now() - READ_BACK
    unread = any(
        row.message.finished_at and row.message.finished_at > fresh and not row.address and not row.is_mail
        for row in rows
    )
    return 5 if unread else 0


def fingerprint(rows: list[ReceiptRow], poll: int) -> str:
    """Changes when the page would show something else or should ask more often; a countdown each second."""
    shown: list[object] = []
    for row in rows:
        message = row.message
        shown += [message.pk, message.status, message.hold_reason, message.finished_at, row.address, row.broken]
        shown += [bool(row.place), len(row.looks), [look.at for look in row.looks[-1:]]]
        shown += [[(each.pk, each.status) for each in row.still_public]]
        shown += [row.counts, row.course, row.reasons, row.came_back, row.complained, row.unsubscribed]
    return hashlib.sha256(repr((shown, poll, seconds_left(rows))).encode()).hexdigest()[:16]


def history(campaign: Campaign, rows: list[ReceiptRow]) -> list[Entry]:
    """Who did what, with when the sending began and ended, oldest first."""
    noted = timeline(campaign)
    entries = [
        Entry(entry.at, str(entry.user or ""), f"· {Explanation.from_json(entry.explanation)}") for entry in noted
    ]
    if not any(entry.action == CREATED for entry in noted):
        entries.append(Entry(campaign.created_at, str(campaign.created_by or ""), "· " + _("Draft made")))
    entries += _together([(row.message.started_at, row.name) for row in rows], _("%(names)s: began to send"))
    entries += _together([(row.message.finished_at, row.name) for row in rows], _("%(names)s: finished"))
    return sorted(entries, key=lambda entry: entry.at)


def _together(moments: list[tuple[datetime | None, str]], words: str) -> list[Entry]:
    """What happened in the same minute is one line, which stands where the first of it belongs."""
    minutes: dict[datetime, list[tuple[datetime, str]]] = {}
    for at, name in moments:
        if at is not None:
            minutes.setdefault(at.replace(second=0, microsecond=0), []).append((at, name))
    return [
        Entry(min(at for at, _name in named), "", "· " + words % {"names": ", ".join(name for _at, name in named)})
        for named in minutes.values()
    ]
