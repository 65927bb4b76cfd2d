"""What pages of news and send-outs write: names in a row, sizes of pictures, outlets, progress, reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils.translation import gettext, ngettext

from publisher.compose.already_out import Earlier
from publisher.errors import Explanation
from publisher.items.pictures import picture_url
from publisher.models import Campaign, Message, Operation, Picture
from publisher.review.progress import Progress, progress, progress_of_message
from publisher.review.standing import Standing
from publisher.templatetags.dates import write_date
from publisher.track.tally import tally
from publisher.vocabulary import DeliveryStatus, HoldReason, OperationStatus, Outlet, PartStep, Reason

register = template.Library()

_SENT, _PUBLISHED = DeliveryStatus.SENT.label, PartStep.COMMITTED.label

# Shape and tone of each word of `progress`, as in `marks.LOOKS`.
LOOKS: dict[str, tuple[str, str]] = {
    Progress.DRAFT: ("dashes", "muted"),
    Progress.IN_REVIEW: ("eye", "plan"),
    Progress.SCHEDULED: ("clock", "plan"),
    Progress.SENDING: ("half", "plan"),
    Progress.PAUSED: ("bars", "warn"),
    Progress.HELD: ("square", "warn"),
    Progress.PARTLY_PUBLISHED: ("tick-open", "warn"),
    Progress.FINISHED: ("tick", "good"),
    Progress.UNCERTAIN: ("diamond", "warn"),
    Progress.FAILED: ("cross", "bad"),
    Progress.CANCELLED: ("cross-open", "muted"),
    Progress.WITHDRAWN_IN_PART: ("half", "warn"),
    Progress.WITHDRAWN: ("cross-open", "warn"),
}


# The same for where a news item stands.
STANDINGS: dict[str, tuple[str, str]] = {
    Standing.NEW: ("ring", "plan"),
    Standing.IN_HAND: ("dashes", "plan"),
    Standing.PLANNED: ("clock", "plan"),
    Standing.PUBLISHED: ("tick", "good"),
    Standing.WITHDRAWN: ("cross-open", "muted"),
    Standing.HELD: ("square", "warn"),
    Standing.SEEN: ("dashes", "muted"),
}


@register.inclusion_tag("web/parts/status.html")
def standing_mark(standing: str) -> dict[str, str]:
    """The mark of where a news item stands."""
    shape, tone = STANDINGS[standing]
    return {"word": str(Standing(standing).label), "shape": shape, "tone": tone}


OPERATIONS: dict[str, tuple[str, str]] = {
    OperationStatus.PENDING: ("clock", "plan"),
    OperationStatus.WORKING: ("half", "plan"),
    OperationStatus.DONE: ("tick", "good"),
    OperationStatus.FAILED: ("cross", "bad"),
    OperationStatus.UNCERTAIN: ("diamond", "warn"),
    OperationStatus.CANCELLED: ("cross-open", "muted"),
}


@register.inclusion_tag("web/parts/status.html")
def operation_mark(operation: Operation) -> dict[str, str]:
    """The mark of where a later change of a post stands."""
    shape, tone = OPERATIONS[operation.status]
    return {"word": operation.get_status_display(), "shape": shape, "tone": tone}


@register.inclusion_tag("web/parts/status.html")
def message_mark(message: Message) -> dict[str, str]:
    """The mark of how far one mail or post has come; its campaign's review comes first."""
    word = progress_of_message(message)
    shape, tone = LOOKS[word]
    done = word == Progress.FINISHED
    label = (_SENT if message.outlet == Outlet.EMAIL else _PUBLISHED) if done else Progress(word).label
    return {"word": str(label), "shape": shape, "tone": tone}


@register.inclusion_tag("web/parts/status.html")
def progress_mark(campaign: Campaign) -> dict[str, str]:
    """The mark of how far a campaign has come."""
    word = progress(campaign)
    shape, tone = LOOKS[word]
    return {"word": str(Progress(word).label), "shape": shape, "tone": tone}


@register.filter
def one_line_receipt(campaign: Campaign) -> str:
    """What became of it, in one line; "" before it began."""
    return tally(campaign)


@register.filter
def picture_src(picture: Picture, width: int) -> str:
    """The address of a picture for our own pages: a path, so that it works under every name of this server."""
    return urlsplit(picture_url(picture, width)).path


@register.filter
def names(rows: Iterable[object], limit: int = 3) -> str:
    """“Furesø, Ishøj and 7 more”: at most `limit` names, and how many more."""
    words = [str(row) for row in rows]
    if len(words) <= limit:
        return _and(words)
    more = len(words) - (limit - 1)
    return _and([*words[: limit - 1], ngettext("%(number)s more", "%(number)s more", more) % {"number": more}])


def _and(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return gettext("%(first)s and %(last)s") % {"first": ", ".join(words[:-1]), "last": words[-1]}


@register.filter
def outlet(message: Message) -> str:
    """The newsletter or channel that a message is for."""
    return str(message.newsletter or message.account)


@register.filter
def outlet_names(rows: Iterable[Message]) -> str:
    """The newsletters and channels of some messages: “Kulturnyt and Prøvekanal”."""
    return names([outlet(message) for message in rows], 4)


@register.filter
def earlier_words(earlier: Earlier) -> str:
    """Where and when an item went out before, or will: “Sent in Kulturnyt Thursday 26 November at 08:00.”"""
    if earlier.message.outlet == Outlet.EMAIL:
        words = gettext("Sent in %(name)s %(at)s.") if earlier.is_out else gettext("Is to be sent in %(name)s %(at)s.")
    else:
        words = (
            gettext("Posted on %(name)s %(at)s.") if earlier.is_out else gettext("Is to be posted on %(name)s %(at)s.")
        )
    return words % {"name": outlet(earlier.message), "at": write_date(earlier.at, "long")}


@register.filter
def outlets(campaign: Campaign) -> str:
    """Where a campaign goes: “Kulturnyt, Prøvekanal”."""
    return names([outlet(message) for message in campaign.messages.all()], 4)


@register.filter
def thumbnail(campaign: Campaign) -> Picture | None:
    """The picture of the first chosen item that has one."""
    return next((each.item.picture for each in campaign.chosen.all() if each.item.picture), None)


@register.filter
def explained(stored: Mapping[str, Any] | None) -> str:
    """An explanation from a row, in the reader's language; "" if there is none."""
    return str(Explanation.from_json(stored))


@register.filter
def reason_words(reason: str) -> str:
    """Why deliveries were skipped or failed; a plug-in's own word as it is."""
    return str(Reason(reason).label) if reason in Reason.values else reason


@register.filter
def hold_words(message: Message) -> str:
    """Why a message is held back, with what exactly happened where that is known."""
    general = str(HoldReason(message.hold_reason).label) if message.hold_reason in HoldReason.values else ""
    return ". ".join(part.rstrip(".") for part in (general, explained(message.last_error)) if part) + "."


@register.filter
def at(rows: Mapping[Any, Any], key: object) -> object:
    """The row of a mapping under `key`; None if there is none."""
    return rows.get(key)
