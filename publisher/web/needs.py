"""What a person must decide about one mail or post, as pages show it: sentences, what to look at, and buttons.

Nothing is decided in templates: which button stands where, and under which condition, is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from publisher.compose.social import abilities_of
from publisher.errors import Explanation
from publisher.models import Message, Operation, PostPart
from publisher.platforms.abilities import FollowUp
from publisher.review.by_hand import why_by_hand
from publisher.templatetags.dates import number, write_date
from publisher.templatetags.sendouts import hold_words
from publisher.vocabulary import AccountStatus, DeliveryStatus, HoldReason, MessageStatus, OperationStatus
from publisher.web.receipt_rows import STOPPED, ReceiptRow

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Button:
    """Pressed, it posts `do` about the deliveries in `status` ("": none); with `url` it is a link that leads there.

    `away`: it leads to the platform. `quiet`: it stands back. `icon`: of the lucide set.
    """

    label: StrOrPromise
    do: str = ""
    url: str = ""
    status: str = ""
    quiet: bool = False
    away: bool = False
    icon: str = ""
    key: str = ""


@dataclass
class Need:
    """What one message needs of a person. `buttons` are for those who may send, `links` for everybody.

    `is_certain`: nobody has to look first whether it is so.
    """

    message: Message
    sentences: list[str] = field(default_factory=list)
    links: list[Button] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    is_certain: bool = True

    def add(self, other: Need) -> None:
        """Take in what it needs besides."""
        self.sentences += other.sentences
        self.links += other.links
        self.buttons += other.buttons


# The button that lets a held message go, where it is another than `_RELEASE`.
_RELEASE = gettext_lazy("Send it after all")
_ALL_THE_SAME = gettext_lazy("Send it all the same")
_RELEASES: dict[str, StrOrPromise] = {
    HoldReason.RESTORED: _ALL_THE_SAME,
    HoldReason.WITHDRAWN: _ALL_THE_SAME,
    HoldReason.EVENT_OVER: _ALL_THE_SAME,
    HoldReason.BOUNCES: gettext_lazy("Go on all the same"),
}


def need_of(row: ReceiptRow) -> Need:
    """Everything that is to be decided about one row of a receipt."""
    need = Need(row.message)
    if row.broken:
        need.add(_of_broken_channel(row))
    if row.held:
        need.add(_of_held(row))
    if row.uncertain:
        need.add(_of_unconfirmed(row))
    elif row.failed_for_good:
        need.add(_of_failed(row))
    if row.to_delete:
        need.add(deletion_of(row.message, row.to_delete))
    return need


def _of_broken_channel(row: ReceiptRow) -> Need:
    account = row.message.account
    assert account is not None, "only a post has a channel"
    why = str(Explanation.from_json(account.last_error))
    sentences = [why or _("The channel refuses us. Posts to it wait until it is connected again.")]
    if row.held_for_channel:
        sentences.append(_goes_when(row.message))
    url = reverse("channel", args=[account.pk])
    words = _("See what to do") if account.mended_there else _("Connect again")
    return Need(row.message, sentences, [Button(words, url=url, key="reconnect")])


def _goes_when(message: Message) -> str:
    """What becomes of a post that waits for its channel (schedule.healed)."""
    lateness = timedelta(minutes=settings.OPSLAG_ALLOWED_LATENESS_MINUTES)
    until = message.scheduled_at + lateness if message.scheduled_at else None
    if until is None or until <= timezone.now():
        return _("Its time has passed. Once the channel is connected again, decide here whether it goes out after all.")
    words = _("Connected again before %(at)s, it goes out at once by itself; after that somebody decides here.")
    return words % {"at": write_date(until, "short")}


def _of_held(row: ReceiptRow) -> Need:
    need = Need(row.message, [] if row.held_for_channel else [hold_words(row.message)])
    if not row.held_for_channel:
        label = _RELEASES.get(row.message.hold_reason, _RELEASE)
        need.buttons.append(Button(label, "release", key="release"))
    need.buttons.append(_cancel(row.message, "drop"))
    return need


def _cancel(message: Message, key: str) -> Button:
    url = reverse("message-cancel", args=[message.campaign_id, message.pk])
    return Button(_("Cancel this one"), url=url, quiet=True, key=key)


def _of_unconfirmed(row: ReceiptRow) -> Need:
    return Need(row.message, [_unconfirmed_words(row)], buttons=list(_ways_out(row)))


def _unconfirmed_words(row: ReceiptRow) -> str:
    if not row.is_mail:
        return _("The post was handed over, but the answer was lost. Look at the channel: is it there?")
    words = ngettext(
        "%(number)s mail was handed over, but the answer was lost. Sent again, it may arrive twice.",
        "%(number)s mails were handed over, but the answers were lost. Sent again, they may arrive twice.",
        row.uncertain,
    )
    return words % {"number": number(row.uncertain)}


def _ways_out(row: ReceiptRow) -> Iterator[Button]:
    status = DeliveryStatus.UNCERTAIN.value
    if row.place and (row.place.takes_address or row.place.rest):
        yield Button(pgettext("button", "It is there"), url=place_url(row.message), key="sent")
    else:
        yield Button(ngettext("It was sent", "They were sent", row.uncertain), "sent", status=status, key="sent")
    yield Button(
        ngettext("It was not sent", "They were not sent", row.uncertain), "failed", status=status, key="failed"
    )
    if not row.message.withdrawn_at:
        yield Button(_("Send again"), "resend", status=status, key="again")


def place_url(message: Message) -> str:
    """Where a person says at which address a post is."""
    return reverse("post-place", args=[message.campaign_id, message.pk])


def _of_failed(row: ReceiptRow) -> Need:
    why = str(Explanation.from_json(row.delivery.last_error)) if row.delivery else ""
    need = Need(row.message, [" ".join(filter(None, [_("The post was not published."), why]))])
    if row.place and row.place.takes_address:
        need.buttons.append(Button(_("Say where the post is"), url=place_url(row.message), key="place"))
    else:
        need.buttons.append(Button(_("Try again"), "resend", status=DeliveryStatus.FAILED.value, key="retry"))
    return need


def deletion_of(message: Message, left: Iterable[Operation]) -> Need:
    """What stays public of a post until a person deletes it: why, where each part of it is, and how to say it is done.

    `left`: what of it could not be taken down.
    """
    left = list(left)
    why = [str(Explanation.from_json(each.last_error)) for each in left]
    parts = [each.part for each in left]
    need = Need(message, list(dict.fromkeys(filter(None, why))) or [_("Nobody knows whether the post is gone.")])
    need.is_certain = any(each.status == OperationStatus.FAILED for each in left)
    need.links = [
        Button(_see(part), url=part.permalink, away=True, key=f"see-{part.position}")
        for part in parts
        if part.permalink
    ]
    if any(part.position for part in parts) and _has_comment(message):
        need.sentences.append(_("The first comment is to go as well."))
    need.buttons.append(Button(_("It is deleted"), "deleted", key="deleted"))
    if any(why_by_hand(part) is None for part in parts):
        need.buttons.append(Button(_("Try again"), "delete", quiet=True, key="delete"))
    return need


def _has_comment(message: Message) -> bool:
    return message.account is not None and abilities_of(message.account).follow_up == FollowUp.COMMENT


def _see(part: PostPart) -> str:
    if not part.position:
        return _("See the post")
    return _("See post %(number)s of the thread") % {"number": number(part.position + 1)}


def acts_of(row: ReceiptRow, stage: str) -> list[Button]:
    """What may be done to a message that goes its way; nothing while it waits for a person's decision."""
    message = row.message
    open_ones = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED)
    if message.status in open_ones:
        return [*_brake(message, stage), _cancel(message, "cancel")]
    if row.is_mail and row.failed and message.status == MessageStatus.FINISHED and not message.withdrawn_at:
        label = ngettext("Try the %(number)s that failed again", "Try the %(number)s that failed again", row.failed)
        status = DeliveryStatus.FAILED.value
        return [Button(label % {"number": number(row.failed)}, "resend", status=status, key="resend")]
    return []


def _brake(message: Message, stage: str) -> Iterator[Button]:
    if message.status == MessageStatus.PAUSED:
        yield Button(_("Resume"), "resume", icon="play", key="resume")
    elif stage != STOPPED:
        yield Button(pgettext("button", "Pause"), "pause", icon="pause", key="pause")


def waits_for_channel(row: ReceiptRow) -> bool:
    """Whether it should be on its way, and its channel must be connected first."""
    account = row.message.account
    return row.message.status == MessageStatus.SENDING and bool(account and account.status != AccountStatus.CONNECTED)
