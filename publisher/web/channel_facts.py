"""What a channel's platform can do, in words, from what its plug-in declares: no page knows a platform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from publisher.accounts.lasting import days_left, must_reconnect_by
from publisher.accounts.waiting import waits_until
from publisher.errors import Explanation
from publisher.models import Account
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.templatetags.dates import number, write_date
from publisher.vocabulary import AccountStatus, Calls
from publisher.web.course import until_words
from publisher.web.figures import names


@dataclass(frozen=True)
class ChannelFacts:
    """Sentences for a channel's page; `lasts` is "" where the channel is not connected.

    `ends_soon`: to connect it again is what should be done now.
    """

    can: list[str] = field(default_factory=list)
    cannot: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lasts: str = ""
    ends_soon: bool = False
    server: str = ""
    clickable_links: bool = True
    price: str = ""


def facts_of(account: Account, now: datetime) -> ChannelFacts:
    """All of it, from the plug-in and what the account's server told; nothing for a kind that is gone."""
    platform = PLATFORMS.get(account.kind)
    if platform is None:
        return ChannelFacts()
    abilities = platform.abilities(account.facts)
    return ChannelFacts(
        can=list(_can(abilities)),
        cannot=list(_cannot(abilities)),
        limits=list(_limits(platform.limits(account.facts))),
        warnings=[*_waits(account), *(str(Explanation.from_json(stored)) for stored in account.warnings)],
        lasts=_lasts(account, now),
        ends_soon=days_left(account, now) is not None,
        clickable_links=abilities.clickable_links,
        price=str(abilities.price_note),
        server=str(account.config.get("server") or account.facts.get("domain") or ""),
    )


def _can(abilities: Abilities) -> Iterator[str]:
    if abilities.follow_up == FollowUp.THREAD:
        yield _("A thread: several posts, each an answer to the one before")
    if abilities.follow_up == FollowUp.COMMENT:
        yield _("A first comment beneath the post")
    if abilities.link_card == LinkCard.THEIRS:
        yield _("A card for the link, as the platform reads it from the page")
    if abilities.link_card == LinkCard.OURS:
        yield _("A card for the link, as Opslag makes it")
    if abilities.edits:
        yield _with_note(_("Correct the text of a published post"), str(abilities.edit_note))
    if abilities.deletes:
        yield _with_note(_("Take a post down"), str(abilities.delete_note))
    if abilities.languages:
        yield _("Say which language a post is in")
    if abilities.figures:
        told = _("Figures about each post: %(figures)s") % {"figures": names(abilities.figures)}
        seldom = _("They are read seldom, five times in four weeks: each reading is paid for or rationed.")
        yield _with_note(told, seldom if abilities.figures_cost else "")


def _cannot(abilities: Abilities) -> Iterator[str]:
    if abilities.follow_up == FollowUp.NONE:
        yield _("Threads and comments of ours")
    if abilities.link_card == LinkCard.NONE:
        yield _("A card for the link")
    if not abilities.clickable_links:
        yield _("A link in the text that can be clicked")
    if not abilities.edits:
        yield _with_note(_("Correct the text of a published post"), str(abilities.edit_note))
    if not abilities.deletes:
        yield _with_note(_("Take a post down"), str(abilities.delete_note))
    if not abilities.finds:
        yield _("Look for a post whose answer was lost: then a person looks")
    if not abilities.figures:
        yield _("Figures about posts")


def _with_note(words: str, note: str) -> str:
    return f"{words}. {note}" if note else words


def _limits(limits: Limits) -> Iterator[str]:
    yield _("Text: %(number)s characters") % {"number": number(limits.text)}
    if limits.comment is not None:
        yield _("First comment: %(number)s characters") % {"number": number(limits.comment)}
    if limits.pictures:
        size = number(max(limits.picture_bytes // 1_000_000, 1))
        words = _("Up to %(most)s pictures, each of at most %(size)s MB")
        yield words % {"most": number(limits.pictures), "size": size}
        if limits.alt_text:
            yield _("A picture’s description: %(number)s characters") % {"number": number(limits.alt_text)}
        else:
            yield _("No descriptions of pictures for those who cannot see them")


def _waits(account: Account) -> Iterator[str]:
    until = waits_until(account, *Calls)
    if until is not None:
        yield f"{Explanation.from_json(account.blocked_why)} {until_words(until)}."


def _lasts(account: Account, now: datetime) -> str:
    if account.status != AccountStatus.CONNECTED:
        return ""
    until = must_reconnect_by(account, now)
    if until is None and account.renew_at is not None:
        return _("Renews itself")
    until = until or account.lasts_until
    if until is None:
        return _("Until somebody takes it back at the platform")
    return _("Until %(day)s; then a person must connect it again") % {"day": write_date(until, "long")}
