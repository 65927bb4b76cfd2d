"""Publishes to a page of an organisation on LinkedIn (Community Management API: posts, images, social actions)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher.errors import AccountError, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.contract import Figures, Missing, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, with_link
from publisher.platforms.linkedin_addresses import is_activity, only_one, shown_of, urn_in
from publisher.platforms.linkedin_calls import (
    KIND,
    call,
    checked,
    comment_parts,
    created_of,
    earlier_post,
    object_of,
    published_as,
    quoted,
)
from publisher.platforms.linkedin_comments import (
    COMMENT_LENGTH,
    comment,
    delete_comment,
    edit_comment,
    find_comment,
    read_comment,
)
from publisher.platforms.linkedin_figures import figures_of
from publisher.platforms.linkedin_match import oldest, posts_of
from publisher.platforms.linkedin_pictures import upload, wait_until_ready
from publisher.platforms.linkedin_sign_in import LinkedInSignIn, administered, profile_of, tokens_for
from publisher.platforms.linkedin_text import little_text, without_mentions
from publisher.platforms.post_address import Shown, place_in
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

# LinkedIn compares a post with those of the last ten minutes; the rest is for clocks and slow calls.
COMPARED_FOR = timedelta(minutes=8)
_ORGANISATION = re.compile(
    r"(?:urn:li:organization:|(?:https?://)?(?:www\.)?linkedin\.com/company/)?([0-9]{1,15})(?:/.*)?", re.IGNORECASE
)
# Before a token runs out that can be renewed without a person.
RENEWED_BEFORE = timedelta(days=7)
TITLE_LENGTH, DESCRIPTION_LENGTH = 400, 4086


@dataclass(frozen=True)
class LinkedInConfig:
    """How we reach a page; all of it comes from signing in. Times in ISO 8601, "" if not known."""

    organisation: str = field(metadata={"label": _("Page"), "hidden": True})
    access_token: str = field(repr=False, metadata={"label": _("Access token"), "secret": True, "hidden": True})
    expires_at: str = field(default="", metadata={"label": _("Access until"), "hidden": True})
    refresh_token: str = field(
        default="", repr=False, metadata={"label": _("Refresh token"), "secret": True, "hidden": True}
    )
    refresh_expires_at: str = field(default="", metadata={"label": _("Can be renewed until"), "hidden": True})


class LinkedInPlatform(Platform):
    """One post is one share; `poll_waits_s` are the pauses (seconds) in which a picture may become ready."""

    kind = "linkedin"
    label = "LinkedIn"
    words = Words(there=pgettext_lazy("Publish …", "on your LinkedIn page"))
    config_class = LinkedInConfig
    # The link is the card's; only beside pictures, where there is no card, it joins the text.
    link_in_text = False
    handle_example = "linkedin.com/company/1234567/admin"
    address_example = "linkedin.com/feed/update/urn:li:share:71234"
    sign_in = LinkedInSignIn()

    def __init__(self, poll_waits_s: tuple[float, ...] = (0.3, 0.7, 1, 2, 4, 4, 8, 10)) -> None:
        self._poll_waits_s = poll_waits_s

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """One comment beneath, our own link card; calls are rationed by the day, so figures are asked for seldom."""
        return Abilities(
            follow_up=FollowUp.COMMENT,
            link_card=LinkCard.OURS,
            edits=True,
            edit_note=_("On LinkedIn only the text can be changed: link card and pictures stay as they are."),
            deletes=True,
            figures=("likes", "reposts", "replies", "views"),
            figures_cost=True,
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """The same for every page."""
        return Limits(
            text=3000,
            pictures=20,
            alt_text=4086,
            picture_bytes=5_000_000,
            picture_types=("image/jpeg", "image/png", "image/gif"),
            comment=COMMENT_LENGTH,
        )

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """UTF-16 units as it is sent, escapes and all: LinkedIn does not say how it counts, and this is never less."""
        return len(little_text(text).encode("utf-16-le", "surrogatepass")) // 2

    def follow_up_length(self, text: str, facts: Mapping[str, Any]) -> int:
        """A comment is plain text, with the bare names of those whom it mentions."""
        return len(without_mentions(text))

    def handle_of(self, typed: str) -> str:
        """An URN: LinkedIn knows nobody by a name. The number of a page stands in its administrators' address."""
        found = _ORGANISATION.fullmatch(typed.strip())
        if found is None:
            raise self.no_handle(typed)
        return f"urn:li:organization:{found[1]}"

    def mention(self, name: str, handle: str) -> str:
        """As little text has it; the name must be the page's own to the letter."""
        return f"@[{name}]({handle})"

    def as_read(self, text: str) -> str:
        """Those who are mentioned by their names."""
        return without_mentions(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """8 minutes: within ten, LinkedIn answers the same post with 422 and the URN of the first, which we adopt.

        A repeat is the same to the letter: the same text, card and uploaded pictures. A call takes up to a minute, so
        one that is begun within 8 minutes is there within ten of the first. Afterwards the post is looked for.
        """
        return COMPARED_FOR

    def repeats_safely(self, facts: Mapping[str, Any], post: Post) -> bool:
        """Comments are not compared: one whose answer was lost is looked for and never repeated."""
        return not post.reply_to

    def verify(self, config: LinkedInConfig) -> Profile:
        """Read the page, and whether we still may publish for it."""
        if config.organisation not in administered(config.access_token):
            raise AccountError(
                gettext_noop(
                    "Whoever connected the channel is no longer super admin or content admin of the page. Connect it "
                    "again as somebody who is."
                ),
                reason=Reason.ACCOUNT,
            )
        return profile_of(config.access_token, config.organisation)

    def prepare(self, config: LinkedInConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures, or the card's, and wait until LinkedIn has processed them."""
        check_fits(post, length=self.length(_text(post) or post.link, facts), limits=self.limits(facts))
        images = [upload(config.access_token, config.organisation, picture) for picture in post.pictures]
        card = post.card.picture if post.card and post.link and not post.pictures else None
        thumbnail = upload(config.access_token, config.organisation, card) if card else ""
        wait_until_ready(config.access_token, [*images, *filter(None, [thumbnail])], self._poll_waits_s)
        return {"media_ids": images, "thumbnail": thumbnail}

    def commit(
        self, config: LinkedInConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Create the post, or the comment beneath one. What LinkedIn has already is taken for ours."""
        if post.reply_to:
            return comment(config.access_token, config.organisation, post)
        created = {
            "author": config.organisation,
            "commentary": little_text(_text(post)),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        } | _content(post, prepared)
        reply = call(config.access_token, "POST", "/posts", commit=True, json=created)
        if reply.status == 409 and not earlier_post(reply):
            # CONFLICT: it was busy with the page and did nothing; once more, and LinkedIn compares.
            reply = call(config.access_token, "POST", "/posts", commit=True, json=created)
        earlier = earlier_post(reply)
        return replace(published_as(earlier), earlier=True) if earlier else published_as(created_of(reply))

    def confirm(self, config: LinkedInConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post or comment. A PermanentError here means that it is no longer there."""
        if comment_parts(published.remote_id):
            read_comment(config.access_token, published.remote_id)
        else:
            object_of(call(config.access_token, "GET", f"/posts/{quoted(published.remote_id)}"))
        return published_as(published.remote_id)

    def find(
        self, config: LinkedInConfig, facts: Mapping[str, Any], post: Post, since: datetime
    ) -> Published | Missing | None:
        """Compare the page's posts, or our comments beneath the post, with the frozen text; the oldest is ours."""
        if post.reply_to:
            urn = find_comment(config.access_token, config.organisation, post, since)
        else:
            rows = list(posts_of(config.access_token, config.organisation, since))
            urn = oldest(rows, _text(post), post, since)
            if not urn:
                return Missing(len(rows))
        return published_as(urn) if urn else None

    def remote_id_of(self, address: str, config: LinkedInConfig, facts: Mapping[str, Any]) -> str:
        """The URN that the address names; often it is that of an activity, which the API does not take."""
        place = place_in(address)
        urn = urn_in(place) if place and place.on(KIND, "linkedin.com") else ""
        if not urn:
            raise self.no_post_address(address)
        return urn

    def shown(self, config: LinkedInConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the post; for an activity it is the one of the page's posts since then that may be ours."""
        if not is_activity(named):
            row = object_of(call(config.access_token, "GET", f"/posts/{quoted(named)}"))
            return shown_of(row, config.organisation)
        rows = posts_of(config.access_token, config.organisation, since)
        return shown_of(only_one(rows, _text(post), post, since), config.organisation)

    def edit(self, config: LinkedInConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Change the text alone; the same again is harmless."""
        check_fits(post, length=self.length(_text(post) or post.link, facts), limits=self.limits(facts))
        if comment_parts(published.remote_id):
            edit_comment(config.access_token, config.organisation, published.remote_id, post.text)
            return published_as(published.remote_id)
        patch = {"patch": {"$set": {"commentary": little_text(_text(post))}}}
        path = f"/posts/{quoted(published.remote_id)}"
        checked(call(config.access_token, "POST", path, restli_method="PARTIAL_UPDATE", json=patch))
        return published_as(published.remote_id)

    def delete(self, config: LinkedInConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Take it down; one that is gone already is no error."""
        if comment_parts(published.remote_id):
            reply = delete_comment(config.access_token, config.organisation, published.remote_id)
        else:
            path = f"/posts/{quoted(published.remote_id)}"
            reply = call(config.access_token, "DELETE", path, restli_method="DELETE")
        if reply.status not in {404, 410}:
            checked(reply)

    def figures(
        self, config: LinkedInConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]
    ) -> dict[str, Figures]:
        """Of posts; LinkedIn counts nothing about comments."""
        return figures_of(config.access_token, config.organisation, remote_ids)

    def renew_at(self, config: LinkedInConfig) -> datetime | None:
        """A week before the token runs out, where we were given one to renew it with."""
        until = _moment(config.expires_at)
        return until - RENEWED_BEFORE if until and config.refresh_token else None

    def lasts_until(self, config: LinkedInConfig) -> datetime | None:
        """60 days from signing in; a year where the token can be renewed."""
        return _moment(config.refresh_expires_at if config.refresh_token else config.expires_at)

    def renew(self, config: LinkedInConfig, app: Any) -> Mapping[str, Any] | None:
        """A new token for the refresh token, which keeps its own end."""
        if app is None or not config.refresh_token:
            return None
        return tokens_for(app, {"grant_type": "refresh_token", "refresh_token": config.refresh_token})


def _text(post: Post) -> str:
    """The text as it is published: beside pictures there is no card, so the link stands in it."""
    return with_link(post.text, post.link) if post.pictures else post.text


def _content(post: Post, prepared: Mapping[str, Any]) -> dict[str, Any]:
    """What hangs beneath the text: the pictures, else the card of the link, else nothing."""
    images = [
        {"id": image, "altText": picture.alt} if picture.alt else {"id": image}
        for image, picture in zip(prepared["media_ids"], post.pictures, strict=False)
    ]
    if len(images) != len(post.pictures):
        raise PermanentError(gettext_noop("The post's pictures were not uploaded."), reason=Reason.REJECTED)
    if len(images) > 1:
        return {"content": {"multiImage": {"images": images}}}
    if images:
        return {"content": {"media": images[0]}}
    return {"content": {"article": _article(post, prepared)}} if post.link else {}


def _article(post: Post, prepared: Mapping[str, Any]) -> dict[str, str]:
    first_line = post.text.strip().partition("\n")[0]
    article = {
        "source": post.link,
        "title": ((post.card.title if post.card else "") or post.title or first_line or post.link)[:TITLE_LENGTH],
        "description": (post.card.description if post.card else "")[:DESCRIPTION_LENGTH],
        "thumbnail": str(prepared.get("thumbnail", "")),
    }
    return {name: value for name, value in article.items() if value}


def _moment(stored: str) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
