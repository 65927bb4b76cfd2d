"""Mails and posts as their readers will see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.http import Http404, HttpResponse
from django.shortcuts import render

from publisher.compose.editions import page_as
from publisher.compose.post_checks import fewer_pictures, part_name
from publisher.compose.social import abilities_of, length, published
from publisher.errors import Explanation, OpslagError
from publisher.models import Message
from publisher.platforms import PLATFORMS
from publisher.templatetags.pictures import focal
from publisher.templatetags.sendouts import picture_src
from publisher.vocabulary import Outlet
from publisher.web.documents import mail_document
from publisher.web.more_form import post_account
from publisher.web.show_as import Seen, mail_address, show_as
from publisher.web.staff import OwnRequest, own_message, staff

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PICTURE_WIDTH = 600


@dataclass(frozen=True)
class Preview:
    """One message as a part of a page: `mail` for web/parts/mail.html, or `post` with `counter` for post.html.

    `fewer` says that the channel shows fewer pictures than were chosen.
    """

    message: Message
    mail: dict[str, Any] | None = None
    post: dict[str, Any] | None = None
    counter: dict[str, int] | None = None
    price: StrOrPromise = ""
    fewer: Explanation | None = None


def preview(message: Message, seen: Seen = Seen()) -> Preview:  # noqa: B008 - it cannot be changed
    """How `message` will look to a reader with the choices `seen`, from the row as it is in memory."""
    if message.outlet == Outlet.EMAIL:
        return Preview(message, mail=_mail(message, seen))
    used, limit = length(message)
    price = abilities_of(post_account(message)).price_note
    counter = {"used": used, "limit": limit}
    return Preview(message, post=_post(message), counter=counter, price=price, fewer=fewer_pictures(message))


def _mail(message: Message, seen: Seen) -> dict[str, Any]:
    newsletter = message.newsletter
    return {
        "sender": newsletter.sender_name if newsletter else "",
        "subject": message.subject,
        "preview": message.preview_text,
        "name": str(message.pk),
        "src": mail_address(message, seen),
        "show_as": show_as(message, seen),
    }


def _post(message: Message) -> dict[str, Any]:
    account = post_account(message)
    shown = published(message)
    pictures = [
        {"url": picture_src(each.picture, PICTURE_WIDTH), "alt": each.alt, "focal": focal(each.picture)}
        for each in shown.pictures
    ]
    return {
        "kind": account.kind,
        "name": account.name,
        "handle": account.handle,
        "text": shown.text,
        "pictures": pictures,
        "one_at_a_time": PLATFORMS[account.kind].one_at_a_time,
        "follow_ups": [(str(part_name(account, number)), text) for number, text in enumerate(shown.follow_ups, 1)],
        "card": _card(message) if shown.card else None,
    }


def _card(message: Message) -> dict[str, str]:
    return {"url": message.link, "host": urlsplit(message.link).hostname or "", "title": message.campaign.title}


@staff()
def mail_preview(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """The mail itself, for the frame of a preview: under a policy of its own, in a box without any origin."""
    message = own_message(request, campaign_id, message_id)
    if message.outlet != Outlet.EMAIL:
        raise Http404
    seen = Seen.read(request.GET.get("area", ""), request.GET.get("topic", ""))
    try:
        html = page_as(message, seen.areas, seen.topics)
    except OpslagError as error:
        return render(request, "web/composer/no_mail.html", {"why": error})
    response = mail_document(html, message.language, sandboxed=True)
    response["Cache-Control"] = "private, no-store"
    return response
