"""Publishes to Threads (developers.facebook.com: Threads API): a container first, also of words alone, then its post.

Never with `auto_publish_text`: in one step there would be nothing to look at after a lost answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher import http
from publisher.errors import AccountError, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Figures, Missing, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, with_link
from publisher.platforms.meta_containers import (
    CONTAINER_KEPT,
    SAMPLE_LOOKS,
    Container,
    check_fetchable,
    check_quota,
    public_address,
    publish_once,
    renewal_of,
    renewed_token,
    wait_until_ready,
)
from publisher.platforms.meta_graph import measured, moment_of
from publisher.platforms.meta_replies import GONE, PERMISSION, named_object_of, object_of, pages_of, rows_of, unhurried
from publisher.platforms.meta_shown import listed_row, oldest_like, shown_row, threads_code
from publisher.platforms.post_address import Shown, place_in
from publisher.platforms.replies import identity_of, public_url
from publisher.platforms.threads_sign_in import GRAPH, ThreadsSignIn, base, profile_of
from publisher.platforms.threads_text import MAX_LINKS, threads_length, unique_links
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

_SHOWN = {"address": "permalink", "text": "text", "at": "timestamp"}
_METRICS = "views,likes,replies,reposts,quotes"
# Posts have a quota of their own, and so have answers.
_POSTS, _ANSWERS = ("quota_usage", "config"), ("reply_quota_usage", "reply_config")


@dataclass(frozen=True)
class ThreadsConfig:
    """The profile's access, which lasts 60 days and is renewed halfway."""

    access_token: str = field(repr=False, metadata={"label": _("Access token"), "secret": True})
    ends_at: str = field(default="", metadata={"label": _("Access until"), "hidden": True})


class ThreadsPlatform(Platform):
    """Threads of posts, each an answer to the one before; `poll_waits_s`: the pauses in which a container gets ready.

    Threads advises 30 seconds before the first look; most are ready long before.
    """

    kind = "threads"
    one_at_a_time = True
    handle_example = "@koegebib"
    address_example = "threads.com/@koegebib/post/C9xYz12AbCd"
    label = "Threads"
    words = Words(there=pgettext_lazy("Publish …", "on your Threads profile"))
    config_class = ThreadsConfig
    # A post of words alone has a field for its link; beside pictures the link joins the text.
    link_in_text = False
    sign_in = ThreadsSignIn()

    def __init__(self, poll_waits_s: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 60, 60)) -> None:
        self._poll_waits_s = poll_waits_s

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """Posts can be taken down, 100 a day, and not changed."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            link_card=LinkCard.THEIRS,
            deletes=True,
            edit_note=_("Threads lets no program change a post. Take it down and publish it anew."),
            delete_note=_("Threads takes down at most 100 posts a day."),
            fetches_pictures=True,
            figures=("likes", "reposts", "replies", "views"),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """500, and up to 20 pictures."""
        return Limits(
            text=500,
            pictures=20,
            alt_text=1000,
            picture_bytes=8_000_000,
            picture_types=("image/jpeg", "image/png"),
            picture_side=1440,
            picture_aspects=(0.1, 10.0),
        )

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Characters; an emoji is as long as its UTF-8 bytes."""
        return threads_length(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """As long as the container lives: `commit` looks at it first, and one that is published is only looked up."""
        return CONTAINER_KEPT

    def verify(self, config: ThreadsConfig) -> Profile:
        """Whose the access is; Threads tells nothing about permissions before a call needs one."""
        return profile_of(config.access_token)

    def check_pictures(self, config: ThreadsConfig, facts: Mapping[str, Any], url: str) -> None:
        """Have Threads fetch a picture from `url`, for a container that nobody publishes."""
        asked = {"media_type": "IMAGE", "image_url": url}
        waits_s = self._poll_waits_s[:SAMPLE_LOOKS]
        check_fetchable(url, lambda: self._ready(config, [self._container(config, facts, asked)], waits_s))

    def prepare(self, config: ThreadsConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Make the container and wait until Threads has fetched the pictures."""
        _check_words(post, self.length(_text(post) or post.link, facts), self.limits(facts))
        fields = {"fields": "quota_usage,config,reply_quota_usage,reply_config"}
        used = rows_of(self._call(config, "GET", f"{_at(facts)}/threads_publishing_limit", params=fields))
        check_quota(used, *(_ANSWERS if post.reply_to else _POSTS))
        container = self._container(config, facts, self._asked(config, facts, post))
        self._ready(config, [container])
        return {"container": container}

    def commit(
        self, config: ThreadsConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Publish the container; one that is published already is looked up."""
        container = str(prepared.get("container", ""))

        def publish() -> Published:
            path, asked = f"{_at(facts)}/threads_publish", {"creation_id": container}
            reply = self._call(config, "POST", path, commit=True, data=asked)
            return Published(identity_of(named_object_of(reply, committing=True)))

        found = self._look(config, container)
        return publish_once(found, publish, lambda: self.find(config, facts, post, post.planned_at))

    def confirm(self, config: ThreadsConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post's own address."""
        path, asked = _quoted(published.remote_id), {"fields": "id,permalink"}
        row = named_object_of(self._call(config, "GET", path, params=asked))
        return Published(identity_of(row), public_url(row.get("permalink")) or published.permalink)

    def find(self, config: ThreadsConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | Missing:
        """Compare the profile's own posts (or answers) with the frozen text; of several the oldest is ours."""
        path = f"{_at(facts)}/{'replies' if post.reply_to else 'threads'}"
        asked = {"fields": "id,text,timestamp,permalink", "limit": "50"}
        pages = pages_of(lambda page: self._call(config, "GET", path, params={**asked, **page}))
        found = oldest_like(pages, "text", _text(post), post, since)
        if isinstance(found, Missing):
            return found
        return Published(identity_of(found), public_url(found.get("permalink")))

    def remote_id_of(self, address: str, config: ThreadsConfig, facts: Mapping[str, Any]) -> str:
        """The short code, of which the id cannot be told."""
        place = place_in(address)
        code = threads_code(place) if place and place.on(self.kind, "threads.com", "threads.net") else ""
        if not code:
            raise self.no_post_address(address)
        return code

    def shown(self, config: ThreadsConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Look for the code among the profile's own posts, or answers."""
        path = f"{_at(facts)}/{'replies' if post.reply_to else 'threads'}"
        asked = {"fields": "id,text,timestamp,permalink", "limit": "50"}
        pages = pages_of(lambda page: self._call(config, "GET", path, params={**asked, **page}))
        return shown_row(listed_row(pages, "permalink", named, threads_code), **_SHOWN)

    def delete(self, config: ThreadsConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Take the post down."""
        try:
            object_of(self._call(config, "DELETE", _quoted(published.remote_id)))
        except PermanentError as error:
            if error.reason != GONE:
                raise

    def figures(self, config: ThreadsConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]) -> dict[str, Figures]:
        """Likes, reposts with quotes, answers and views; nothing where the permission for insights is missing."""
        found = {}
        for remote_id in remote_ids:
            path, asked = f"{_quoted(remote_id)}/insights", {"metric": _METRICS}
            try:
                seen = measured(rows_of(unhurried(self._call(config, "GET", path, params=asked))))
            except AccountError as error:
                if error.reason != PERMISSION:
                    raise
                seen = {}
            except PermanentError as error:
                if error.reason != GONE:
                    raise
                continue
            again = [seen[name] for name in ("reposts", "quotes") if name in seen]
            found[remote_id] = Figures(
                likes=seen.get("likes"),
                reposts=sum(again) if again else None,
                replies=seen.get("replies"),
                views=seen.get("views"),
            )
        return found

    def renew_at(self, config: ThreadsConfig) -> datetime | None:
        """Halfway through its 60 days."""
        return renewal_of(config.ends_at)

    def lasts_until(self, config: ThreadsConfig) -> datetime | None:
        """When the access ends if it is not renewed."""
        return moment_of(config.ends_at)

    def renew(self, config: ThreadsConfig, app: Any) -> Mapping[str, Any]:
        """Another 60 days."""
        asked = {"grant_type": "th_refresh_token", "access_token": config.access_token}
        return renewed_token(
            http.send("GET", f"{origin(self.kind, GRAPH)}/refresh_access_token", params=asked), datetime.now(UTC)
        )

    def _asked(self, config: ThreadsConfig, facts: Mapping[str, Any], post: Post) -> dict[str, str]:
        """The container of the post itself; those of several pictures are made and ready before it."""
        asked = {"text": _text(post), "reply_to_id": post.reply_to}
        if not post.pictures:
            return asked | {"media_type": "TEXT", "link_attachment": post.link}
        if len(post.pictures) == 1:
            return asked | _picture(post.pictures[0])
        children = [
            self._container(config, facts, _picture(each) | {"is_carousel_item": "true"}) for each in post.pictures
        ]
        self._ready(config, children)
        return asked | {"media_type": "CAROUSEL", "children": ",".join(children)}

    def _container(self, config: ThreadsConfig, facts: Mapping[str, Any], asked: Mapping[str, str]) -> str:
        filled = {name: value for name, value in asked.items() if value}
        return identity_of(named_object_of(self._call(config, "POST", f"{_at(facts)}/threads", data=filled)))

    def _ready(self, config: ThreadsConfig, containers: Sequence[str], waits_s: Sequence[float] | None = None) -> None:
        waits_s = self._poll_waits_s if waits_s is None else waits_s
        wait_until_ready(lambda each: self._look(config, each), containers, waits_s)

    def _look(self, config: ThreadsConfig, container: str) -> Container:
        path, asked = _quoted(container or "0"), {"fields": "id,status,error_message"}
        row = object_of(self._call(config, "GET", path, params=asked))
        return Container(str(row.get("status", "")), str(row.get("error_message") or ""))

    def _call(
        self,
        config: ThreadsConfig,
        method: str,
        path: str,
        *,
        commit: bool = False,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> http.Reply:
        """One call with the token as Threads documents it: in the form, or among the parameters."""
        token = {"access_token": config.access_token}
        if data is not None:
            return http.send(method, f"{base()}/{path}", commit=commit, data={**data, **token})
        return http.send(method, f"{base()}/{path}", commit=commit, params={**(params or {}), **token})


def _check_words(post: Post, length: int, limits: Limits) -> None:
    check_fits(post, length=length, limits=limits)
    links = unique_links(_text(post), (post.link,))
    if links > MAX_LINKS:
        words = gettext_noop("The post has %(count)s different links; Threads takes 5.")
        raise PermanentError(words, reason=Reason.REJECTED, count=links)


def _text(post: Post) -> str:
    return with_link(post.text, post.link) if post.pictures else post.text


def _picture(picture: PictureFile) -> dict[str, str]:
    return {"media_type": "IMAGE", "image_url": public_address(picture), "alt_text": picture.alt}


def _at(facts: Mapping[str, Any]) -> str:
    return _quoted(str(facts.get("user_id") or "me"))


def _quoted(identity: str) -> str:
    """An opaque id as one segment of a path."""
    return quote(identity, safe="")
