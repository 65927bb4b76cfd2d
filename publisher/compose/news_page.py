"""Our page of a news item that has no address of its own: public once a send-out that tells of it has begun.

It says what was approved: the item as it was when the latest of those send-outs was composed from it, or when one of
them was corrected everywhere. What somebody edits after that waits until somebody who may send says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone

from publisher.access.roles import can
from publisher.compose.event_words import NOT_ON, EventWords, event_words
from publisher.compose.links import event_url, item_of_news, news_url
from publisher.compose.values import one_line
from publisher.compose.viewing import BEGUN
from publisher.items.content import clean_html, excerpt, lead_before
from publisher.items.events import facts_in
from publisher.items.history import content_at
from publisher.items.recording import content_of
from publisher.models import Block, CampaignItem, Item, ItemRevision, Message, Organisation, Picture, User
from publisher.vocabulary import Outlet

DESCRIPTION_LENGTH = 200


@dataclass(frozen=True)
class NewsPage:
    """What a reader gets. `content` as items.recording.content_of keeps it; `picture` None where none may be shown.

    `preview` is for the organisation's staff alone. `note`: what was wrong with it, said at the instant `noted_at`.
    `published_at`: when it first went out.
    """

    item: Item
    content: Mapping[str, Any]
    picture: Picture | None
    published_at: datetime | None
    preview: bool = False
    note: str = ""
    noted_at: datetime | None = None

    @property
    def organisation(self) -> Organisation:
        """Whose page it is."""
        return self.item.organisation

    @property
    def url(self) -> str:
        """Its public address."""
        return news_url(self.item.pk)

    @property
    def language(self) -> str:
        """The news item's own; of several words for it the organisation's."""
        return self.item.language or self.organisation.language

    @property
    def page_language(self) -> str:
        """The one in which the page speaks around it."""
        known = dict(settings.LANGUAGES)
        return self.language if self.language in known else self.organisation.language

    @property
    def title(self) -> str:
        """The headline."""
        return one_line(str(self.content["title"]))

    @property
    def lead(self) -> str:
        """The lead, unless the text begins with it."""
        return lead_before(one_line(str(self.content["lead"])), str(self.content["body_text"]))

    @property
    def body(self) -> str:
        """The text as safe HTML."""
        return clean_html(str(self.content["body_html"]))

    @property
    def alt(self) -> str:
        """What the picture shows, as it is read aloud: as it is said with this news, if it is."""
        if self.picture is None:
            return ""
        return self.item.alt if self.item.picture_id == self.picture.pk else self.picture.alt

    @property
    def description(self) -> str:
        """What a link's card says beneath the headline."""
        return excerpt(one_line(str(self.content["lead"] or self.content["body_text"])), DESCRIPTION_LENGTH)

    @property
    def event(self) -> EventWords | None:
        """When and where it takes place, in the language that is active; None for what is no event."""
        zone = self.organisation.timezone
        return event_words(facts_in(self.content, zone), zone, timezone.localdate().year)

    @property
    def calendar_url(self) -> str:
        """The event as a file, "" for what is no event or is called off."""
        is_on = self.content.get("event_starts_at") and self.content.get("event_status") not in NOT_ON
        return event_url(self.item.pk) if is_on and self.item.event_starts_at else ""


@dataclass(frozen=True)
class NoPage:
    """There is no page to read: it is not published yet, or (`withdrawn`) not any more; `note` says why."""

    organisation: Organisation
    withdrawn: bool = False
    note: str = ""
    noted_at: datetime | None = None


def news_page(token: str, reader: User | AnonymousUser) -> NewsPage | NoPage | None:
    """What `reader` gets to see under a token; None for one that we did not sign."""
    item_id = item_of_news(token)
    if item_id is None:
        return None
    item = Item.objects.filter(pk=item_id).select_related("organisation", "picture").first()
    if item is None:
        return None
    told = _telling(item)
    standing = [message for message in told if message.withdrawn_at is None]
    if item.withdrawn_at or (told and not standing):
        return _withdrawn(item, told)
    if standing:
        return _public(item, standing)
    if reader.is_authenticated and can(reader, "view", item.organisation):
        return NewsPage(item, content_of(item), _shown(item.picture), item.published_at, preview=True)
    return NoPage(item.organisation)


def links_here(message: Message, *, told: bool) -> bool:
    """Whether a post's link is our page of its news; `told`: one that would say what was wrong with it, and can be
    read."""
    chosen = message.campaign.chosen.filter(item__withdrawn_at=None) if told else message.campaign.chosen
    leads = message.link in {news_url(item_id) for item_id in chosen.values_list("item_id", flat=True)}
    return leads and (_is_about_it_alone(message) or not told)


def _telling(item: Item) -> list[Message]:
    """The mails that have begun and tell of it, and the posts that lead here; the earliest first."""
    leads_here = Q(outlet=Outlet.POST, link=news_url(item.pk))
    has_story = Q(outlet=Outlet.EMAIL, pk__in=Block.objects.filter(item=item).values("message"))
    begun = Message.objects.filter(BEGUN, campaign__chosen__item=item, campaign__organisation=item.organisation)
    rows = begun.filter(leads_here | has_story)
    return sorted(rows, key=lambda message: (message.started_at is None, message.started_at, message.pk))


def _public(item: Item, standing: Sequence[Message]) -> NewsPage:
    alone = [message for message in standing if _is_about_it_alone(message)]
    corrected = max((each for each in alone if each.corrected_at), key=_corrected, default=None)
    content = _approved(item, standing, corrected.corrected_at if corrected else None)
    picture = Picture.objects.filter(pk=content.get("picture_id") or 0).first()
    return NewsPage(
        item,
        content,
        _shown(picture),
        standing[0].started_at or item.published_at,
        note=corrected.correction_note if corrected else "",
        noted_at=corrected.corrected_at if corrected else None,
    )


def _withdrawn(item: Item, told: Sequence[Message]) -> NoPage:
    last = max((each for each in told if each.withdrawn_at), key=lambda each: str(each.withdrawn_at), default=None)
    note = last.correction_note if last and _is_about_it_alone(last) else ""
    return NoPage(item.organisation, True, note, last.withdrawn_at if last else item.withdrawn_at)


def _approved(item: Item, standing: Sequence[Message], corrected_at: datetime | None) -> Mapping[str, Any]:
    """The item at the latest revision that somebody approved; as it is now where that was not kept."""
    campaigns = {message.campaign_id for message in standing}
    chosen = CampaignItem.objects.filter(item=item, campaign__in=campaigns)
    number = max(chosen.values_list("item_revision", flat=True), default=item.revision)
    if corrected_at:
        by_then = ItemRevision.objects.filter(item=item, at__lte=corrected_at).order_by("-number")
        number = max(number, by_then.values_list("number", flat=True).first() or 0)
    return content_at(item, number) or content_of(item)


def _is_about_it_alone(message: Message) -> bool:
    """Whether what was said to be wrong with a send-out was said of this news, and not of another in it."""
    return message.campaign.chosen.count() == 1


def _corrected(message: Message) -> datetime:
    assert message.corrected_at is not None, "only those that were corrected are compared"
    return message.corrected_at


def _shown(picture: Picture | None) -> Picture | None:
    """Only while those who are in it agree."""
    if picture is None or picture.withdrawn_at is not None:
        return None
    return picture if picture.consent_until is None or picture.consent_until >= timezone.localdate() else None
