"""Publishes to a page of our own, the practice channel: nothing leaves the installation.

Its server (`/practice/api/…`, part of the web app) keeps a key for ever, so that a repeat never posts twice.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from publisher import http
from publisher.platforms.abilities import Abilities, FollowUp, Limits
from publisher.platforms.contract import Figures, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, graphemes
from publisher.platforms.post_address import Shown, anothers_post, place_in
from publisher.platforms.replies import (
    checked,
    identity_of,
    named_object_of,
    object_of,
    public_url,
    published_in,
    published_of,
)


@dataclass(frozen=True)
class PracticeConfig:
    """Which practice channel, and the token that it was made with."""

    channel: str = field(metadata={"label": _("Channel")})
    token: str = field(repr=False, metadata={"label": _("Access token"), "secret": True})


class PracticePlatform(Platform):
    """Posts with a link field of their own, 500 graphemes and 4 pictures."""

    kind = "practice"
    handle_example = "@koegebib"
    address_example = "opslag.example.org/practice/koege/posts/12"
    label = _("Practice channel")
    config_class = PracticeConfig
    link_in_text = False
    picture_and_card = True

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """All that a network can do; what it counts is little, since nobody else can like or answer there."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            edits=True,
            deletes=True,
            languages=True,
            figures=("likes", "reposts", "replies"),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """The same for every practice channel."""
        return Limits(text=500, pictures=4)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Graphemes."""
        return graphemes(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """Without limit in practice: ten years."""
        return timedelta(days=3650)

    def verify(self, config: PracticeConfig) -> Profile:
        """Read which channel the token belongs to."""
        channel = named_object_of(self._call(config, "GET"))
        return Profile(
            remote_id=identity_of(channel),
            name=str(channel.get("name", "")),
            handle=str(channel.get("handle", "")),
            url=public_url(channel.get("url")),
        )

    def prepare(self, config: PracticeConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures with their descriptions."""
        check_fits(post, length=self.length(post.text or post.link, facts), limits=self.limits(facts))
        return {"media_ids": [self._upload(config, picture) for picture in post.pictures]}

    def commit(
        self, config: PracticeConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Create the post; a repeat with the same key answers the first one."""
        content = {
            "key": post.key,
            "text": post.text,
            "link": post.link,
            "language": post.language,
            "media_ids": prepared["media_ids"],
            "planned_at": post.planned_at.isoformat(),
            "reply_to": post.reply_to,
        }
        return published_of(self._call(config, "POST", "/posts", commit=True, json=content), committing=True)

    def confirm(self, config: PracticeConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post back."""
        return published_of(self._call(config, "GET", _path(published.remote_id)))

    def find(self, config: PracticeConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        """Ask for the key, which is surer than any comparison of texts."""
        posts = object_of(self._call(config, "GET", "/posts", params={"key": post.key})).get("posts")
        return published_in(posts[0]) if isinstance(posts, list) and posts else None

    def remote_id_of(self, address: str, config: PracticeConfig, facts: Mapping[str, Any]) -> str:
        """The number in the post's own address, which begins as those of all our pages."""
        place, ours = place_in(address), place_in(settings.OPSLAG_BASE_URL)
        match place.path[-4:] if place and ours and place.host == ours.host else ():
            case ("practice", channel, "posts", number) if number.isascii() and number.isdigit() and len(number) < 19:
                if channel != config.channel:
                    raise anothers_post()
                return number
        raise self.no_post_address(address)

    def shown(self, config: PracticeConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the post back; the channel does not tell its words."""
        published = self.confirm(config, facts, Published(named))
        return Shown(published.remote_id, published.permalink)

    def edit(self, config: PracticeConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Change the text and the link; the page says that it was corrected."""
        check_fits(post, length=self.length(post.text or post.link, facts), limits=self.limits(facts))
        content = {"text": post.text, "link": post.link}
        return published_of(self._call(config, "PUT", _path(published.remote_id), json=content))

    def delete(self, config: PracticeConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Take the post down; one that is gone is no error."""
        reply = self._call(config, "DELETE", _path(published.remote_id))
        if reply.status != 404:
            checked(reply)

    def figures(
        self, config: PracticeConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]
    ) -> dict[str, Figures]:
        """What the channel's own server counts."""
        replies = {each: self._call(config, "GET", _path(each)) for each in remote_ids}
        there = {each: named_object_of(reply) for each, reply in replies.items() if reply.status != 404}
        return {
            each: Figures(likes=told.get("likes"), reposts=told.get("reposts"), replies=told.get("replies"))
            for each, told in there.items()
        }

    def _upload(self, config: PracticeConfig, picture: PictureFile) -> str:
        name = f"picture{mimetypes.guess_extension(picture.media_type) or ''}"
        files = {"file": (name, picture.content, picture.media_type)}
        reply = self._call(config, "POST", "/media", files=files, data={"alt": picture.alt})
        return identity_of(named_object_of(reply))

    def _call(
        self, config: PracticeConfig, method: str, path: str = "", *, commit: bool = False, **content: Any
    ) -> http.Reply:
        url = f"{settings.OPSLAG_PRACTICE_URL.rstrip('/')}/practice/api/{quote(config.channel, safe='')}{path}"
        headers = {"Authorization": f"Bearer {config.token}", "Accept": "application/json"}
        return http.send(method, url, commit=commit, headers=headers, **content)


def _path(remote_id: str) -> str:
    return f"/posts/{quote(remote_id, safe='')}"
