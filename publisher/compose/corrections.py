"""Corrections: drafts that tell those who were told of an event that it is off, or what else was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone, translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from publisher.compose.drafts import PREVIEW_LENGTH, SUBJECT_LENGTH, TITLE_LENGTH, content_of
from publisher.compose.event_words import NOT_ON, event_words
from publisher.compose.post_text import News, links_of, made_of
from publisher.compose.values import many_lines, one_line, shorten
from publisher.items.content import excerpt
from publisher.items.events import Facts, facts_of
from publisher.models import Account, Block, Campaign, CampaignItem, Item, Message, Newsletter
from publisher.vocabulary import BlockKind, EventStatus, Outlet


@dataclass(frozen=True)
class Told:
    """What one outlet has told of an event: in which messages, and the facts as the last of them had it."""

    messages: Sequence[Message]
    facts: Facts

    @property
    def newsletter(self) -> Newsletter | None:
        """The newsletter, if it was told by mail."""
        return self.messages[-1].newsletter

    @property
    def account(self) -> Account | None:
        """The channel, if it was told by post."""
        return self.messages[-1].account


@dataclass(frozen=True)
class _Words:
    headline: str
    sentence: str


def create_correction(item: Item, told: Sequence[Told]) -> Campaign:
    """Make the draft, with a message for each outlet. Call it inside a transaction; nothing is sent by it."""
    with translation.override(item.organisation.language):
        title = _words(item, told[0].facts).headline
    campaign = Campaign.objects.create(organisation=item.organisation, title=shorten(title, TITLE_LENGTH))
    CampaignItem.objects.create(campaign=campaign, item=item, item_revision=item.revision)
    for each in told:
        message = _mail(campaign, item, each) if each.newsletter else _post(campaign, item, each)
        message.corrects.set(each.messages)
    return campaign


def _mail(campaign: Campaign, item: Item, told: Told) -> Message:
    newsletter = told.newsletter
    assert newsletter is not None, "only a newsletter gets a mail"
    with translation.override(newsletter.language):
        words = _words(item, told.facts)
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.EMAIL,
        newsletter=newsletter,
        language=newsletter.language,
        subject=shorten(words.headline, SUBJECT_LENGTH),
        preview_text=shorten(excerpt(words.sentence, PREVIEW_LENGTH), PREVIEW_LENGTH),
    )
    facts = facts_of(item)
    if facts.get("status") in NOT_ON:
        facts |= {"price": "", "booking_url": ""}
    said = {"title": words.headline, "lead": words.sentence, "html": "", "text": "", "published_at": "", "event": facts}
    content = content_of(item) | said
    Block.objects.create(message=message, kind=BlockKind.LEAD_STORY, position=0, item=item, content=content)
    return message


def _post(campaign: Campaign, item: Item, told: Told) -> Message:
    account = told.account
    assert account is not None, "only a channel gets a post"
    with translation.override(account.language):
        words = _words(item, told.facts)
    news = News(words.headline, words.sentence, links_of(item), cuts_lead=True)
    made = made_of(news, account, campaign.title)
    return Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        language=account.language,
        visibility=account.visibility,
        text=made.text,
        link=made.link,
    )


def _words(item: Item, told: Facts) -> _Words:
    """Headline and sentence, in the language that is active."""
    zone, year = item.organisation.timezone, timezone.now().year
    before, now = event_words(told, zone, year), event_words(facts_of(item), zone, year)
    title = one_line(item.title)
    params = {"title": title, "before": before.line if before else "", "now": now.line if now else ""}
    if item.event_status == EventStatus.CANCELLED:
        headline = _("Called off: %(title)s")
        sentence = _("“%(title)s” is called off. It should have taken place %(before)s.")
    elif item.event_status == EventStatus.POSTPONED:
        headline = _("Put off: %(title)s")
        sentence = _("“%(title)s” is put off, and has no new time yet. It should have taken place %(before)s.")
    elif told.get("status") in NOT_ON:
        headline = _("Takes place after all: %(title)s")
        sentence = _("“%(title)s” takes place after all: %(now)s.")
    else:
        headline = _("Moved: %(title)s")
        sentence = _("“%(title)s” is moved. Now: %(now)s. Before: %(before)s.")
    return _Words(headline % params, sentence % params)


def create_note(campaign: Campaign, mails: Sequence[Message], note: str, *, withdrawn: bool) -> Campaign:
    """Make the draft of a mail for those who got `mails` of `campaign`: what was wrong, in the words of staff.

    Call it inside a transaction; nothing is sent by it.
    """
    with translation.override(campaign.organisation.language):
        headline = _headline(campaign.title, withdrawn=withdrawn)
    made = Campaign.objects.create(organisation=campaign.organisation, title=shorten(headline, TITLE_LENGTH))
    CampaignItem.objects.bulk_create(
        CampaignItem(campaign=made, item=chosen.item, item_revision=chosen.item.revision, position=chosen.position)
        for chosen in campaign.chosen.select_related("item").order_by("position")
    )
    for mail in mails:
        with translation.override(mail.language):
            headline = _headline(mail.subject or campaign.title, withdrawn=withdrawn)
        message = Message.objects.create(
            campaign=made,
            outlet=Outlet.EMAIL,
            newsletter=mail.newsletter,
            language=mail.language,
            subject=shorten(headline, SUBJECT_LENGTH),
            preview_text=shorten(excerpt(one_line(note), PREVIEW_LENGTH), PREVIEW_LENGTH),
        )
        message.corrects.set([mail])
        Block.objects.create(message=message, kind=BlockKind.HEADING, position=0, content={"title": headline})
        Block.objects.create(message=message, kind=BlockKind.TEXT, position=1, content={"html": _paragraphs(note)})
    return made


def _headline(title: str, *, withdrawn: bool) -> str:
    words = _("Withdrawn: %(title)s") if withdrawn else _("Correction: %(title)s")
    return words % {"title": one_line(title)}


def _paragraphs(typed: str) -> str:
    parts = (escape(part.strip()).replace("\n", "<br>") for part in many_lines(typed).split("\n\n"))
    return "".join(f"<p>{part}</p>" for part in parts if part)
