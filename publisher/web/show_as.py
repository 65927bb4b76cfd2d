"""“Show as”: a mail's preview as somebody with certain choices would get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from publisher.audience.aims import aim_of, aims_among
from publisher.items.choices import area_word, offered_areas, offered_topics
from publisher.models import Message
from publisher.vocabulary import Outlet
from publisher.web.staff import OwnRequest, own_message, staff


class Seen(NamedTuple):
    """The one area and the one topic (ids) that somebody chose; None is none of them."""

    area: int | None = None
    topic: int | None = None

    @classmethod
    def posted(cls, data: Mapping[str, str], message: Message) -> Seen:
        """What is chosen beside the preview of `message`; what is no number is nothing."""
        return cls.read(data.get(f"as-area-{message.pk}", ""), data.get(f"as-topic-{message.pk}", ""))

    @classmethod
    def read(cls, area: str, topic: str) -> Seen:
        """From an address or a form."""
        return cls(*(int(value) if value.isascii() and value.isdecimal() else None for value in (area, topic)))

    @property
    def areas(self) -> set[int]:
        """As choices of a subscriber."""
        return {self.area} if self.area else set()

    @property
    def topics(self) -> set[int]:
        """As choices of a subscriber."""
        return {self.topic} if self.topic else set()


class Option(NamedTuple):
    """One way of seeing the mail."""

    value: int
    name: str
    chosen: bool


@dataclass(frozen=True)
class ShowAs:
    """What stands beside a preview: what can be chosen, and which stories the chosen reader does not see.

    `left_out` are their headlines; `skipped`: no story is left, so such a reader gets no mail.
    """

    url: str
    areas_word: str
    areas: list[Option]
    topics: list[Option]
    left_out: list[str]
    skipped: bool


def show_as(message: Message, seen: Seen) -> ShowAs | None:
    """None where every part of the mail is for everyone, so that there is nothing to choose."""
    blocks = [(block, aim_of(block)) for block in message.blocks.prefetch_related("areas", "topics")]
    newsletter = message.newsletter
    if newsletter is None or not any(aim.areas or aim.topics for _block, aim in blocks):
        return None
    aims = aims_among([(block.kind, aim) for block, aim in blocks])
    hidden = [block for block, aim in blocks if not aim.is_for(seen.areas, seen.topics)]
    return ShowAs(
        url=reverse("mail-seen", args=[message.campaign_id, message.pk]),
        areas_word=area_word(newsletter.cooperation, several=False) if newsletter.cooperation else _("Area"),
        areas=[Option(area.pk, area.name, area.pk == seen.area) for area in offered_areas(newsletter)],
        topics=[Option(topic.pk, topic.name, topic.pk == seen.topic) for topic in offered_topics(newsletter)],
        left_out=[title for block in hidden if (title := str(block.content.get("title") or ""))],
        skipped=not aims.tells(aims.choices(seen.areas, seen.topics)),
    )


def mail_address(message: Message, seen: Seen) -> str:
    """Where the frame of a preview finds the mail. Another revision is another address, so it is fetched anew."""
    address = reverse("mail-preview", args=[message.campaign_id, message.pk])
    chosen = "".join(f"&{name}={value}" for name, value in seen._asdict().items() if value)
    return f"{address}?revision={message.campaign.revision}{chosen}"


@staff()
def mail_seen(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """The part of a preview that follows what is chosen: the frame with the mail, and what is left out of it."""
    message = own_message(request, campaign_id, message_id)
    if message.outlet != Outlet.EMAIL:
        raise Http404
    seen = Seen.posted(request.GET, message)
    context = {
        "src": mail_address(message, seen),
        "name": str(message.pk),
        "subject": message.subject,
        "show_as": show_as(message, seen),
    }
    return render(request, "web/parts/mail_seen.html", context)
