"""Publishes to Mastodon and to servers that speak its API (docs.joinmastodon.org: statuses, media, instance)."""

from __future__ import annotations

import mimetypes
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher import http
from publisher.errors import PermanentError, TransientError
from publisher.platforms.abilities import Abilities, Limits
from publisher.platforms.contract import Figures, Missing, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, mastodon_length, with_link
from publisher.platforms.mastodon_abilities import abilities_of, tells_many
from publisher.platforms.mastodon_addresses import check_server, shown_of, status_id_in
from publisher.platforms.mastodon_match import CLOCK_SKEW, created_at, is_this_post
from publisher.platforms.mastodon_profile import profile_of, whoami, with_token
from publisher.platforms.mastodon_server import CALLED, COUNT_CODE_POINTS, limits_of, origin_of
from publisher.platforms.mastodon_sign_in import MastodonSignIn
from publisher.platforms.post_address import Shown, place_in
from publisher.platforms.replies import (
    checked,
    counted_apart,
    identity_of,
    named_object_of,
    published_in,
    published_of,
    rows_of,
)
from publisher.platforms.words import Words
from publisher.vocabulary import Calls, Reason

# The server remembers a key for an hour; the rest is for clocks and slow calls.
KEY_KEPT = timedelta(minutes=50)
PAGE = 40
PAGES_READ = 5
# StatusesController::DEFAULT_STATUSES_LIMIT: more in one call are refused.
AT_ONCE = 20
GONE = frozenset({404, 410})
_PROFILE = re.compile(r"https?://([^/@]+)/@([^/@]+)/?")
_HANDLE = re.compile(r"@[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)


@dataclass(frozen=True)
class MastodonConfig:
    """How we reach the account: its server, and a token with the scopes profile, read:statuses and write."""

    server: str = field(metadata={"label": _("Server address"), "help": _("For example https://mastodon.example.org")})
    access_token: str = field(repr=False, metadata={"label": _("Access token"), "secret": True})


class MastodonPlatform(Platform):
    """One post is one status; `poll_waits_s` are the pauses (seconds) in which a picture may become ready."""

    kind = "mastodon"
    label = "Mastodon"
    words = Words(there=pgettext_lazy("Publish …", "on your Mastodon profile"))
    config_class = MastodonConfig
    sign_in = MastodonSignIn()
    handle_example = "@koegebib@mastodon.social"
    address_example = "mastodon.social/@koegebib/113456789"

    def __init__(self, poll_waits_s: tuple[float, ...] = (0.3, 0.7, 1, 2, 4, 4, 8, 10)) -> None:
        self._poll_waits_s = poll_waits_s

    def called_there(self, facts: Mapping[str, Any]) -> str:
        """By the name of its software, as the server told; what is not known speaks Mastodon's language."""
        return CALLED.get(str(facts.get("software")), "Mastodon")

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """As the server's software and version are known to do."""
        return abilities_of(facts)

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """As the server told in `verify`, else as on a fresh Mastodon."""
        return limits_of(facts)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Graphemes with each http(s) address as 23; GoToSocial and Takahe count code points in full."""
        if facts.get("software") in COUNT_CODE_POINTS:
            return len(text)
        return mastodon_length(text, facts.get("url_length", 23))

    def handle_of(self, typed: str) -> str:
        """With the server, since we are rarely on the same one; a profile's address says both."""
        page = _PROFILE.fullmatch(typed.strip())
        name = f"@{page[2]}@{page[1]}" if page else f"@{typed.strip().removeprefix('@')}"
        if not _HANDLE.fullmatch(name):
            raise self.no_handle(typed)
        return name

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """50 minutes where the server is known to honour the Idempotency-Key, else not at all."""
        return KEY_KEPT if facts.get("honours_key") is True else timedelta(0)

    def verify(self, config: MastodonConfig) -> Profile:
        """Read who the token belongs to and what the server takes."""
        return profile_of(config.server, config.access_token)

    def prepare(self, config: MastodonConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures with their descriptions and wait until the server has processed them."""
        length = self.length(with_link(post.text, post.link), facts)
        check_fits(post, length=length, limits=self.limits(facts))
        if self.abilities(facts).needs_picture and not post.pictures and not post.reply_to:
            raise PermanentError(
                gettext_noop("This server takes posts with a picture only. Choose one."), reason=Reason.REJECTED
            )
        uploads = [self._upload(config, picture) for picture in post.pictures]
        self._wait_until_ready(config, [media_id for media_id, ready in uploads if not ready])
        return {"media_ids": [media_id for media_id, _ready in uploads]}

    def commit(
        self, config: MastodonConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Create the status. Visibility is always named, since servers differ in their default; never scheduled_at."""
        status: dict[str, Any] = {
            "status": with_link(post.text, post.link),
            "visibility": post.visibility or "public",
            "media_ids": prepared["media_ids"],
            "language": post.language.partition("-")[0].lower(),
            "in_reply_to_id": post.reply_to,
        }
        reply = self._call(
            config,
            "POST",
            "/api/v1/statuses",
            commit=True,
            headers={"Idempotency-Key": post.key},
            json={name: value for name, value in status.items() if value},
        )
        return published_of(reply, committing=True)

    def confirm(self, config: MastodonConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the status. A PermanentError here means that it is no longer there."""
        reply = self._call(config, "GET", f"/api/v1/statuses/{_quoted(published.remote_id)}")
        return published_of(reply)

    def find(
        self, config: MastodonConfig, facts: Mapping[str, Any], post: Post, since: datetime
    ) -> Published | Missing:
        """Compare the account's own statuses with the frozen text; of several the oldest is ours."""
        account_id = facts.get("account_id") or identity_of(whoami(config.server, config.access_token))
        found, older_than, among = None, "", 0
        for _page in range(PAGES_READ):
            rows = self._own_statuses(config, account_id, older_than)
            among += len(rows)
            found = next((row for row in reversed(rows) if is_this_post(row, post, since)), found)
            moments = [moment for moment in map(created_at, rows) if moment is not None]
            if not moments or min(moments) < since - CLOCK_SKEW:
                break
            older_than = identity_of(rows[-1])
        return published_in(found) if found else Missing(among)

    def remote_id_of(self, address: str, config: MastodonConfig, facts: Mapping[str, Any]) -> str:
        """The status's id, from an address on the account's own server: elsewhere it has another."""
        place = place_in(address)
        status_id = status_id_in(place.path) if place else ""
        if place is None or not status_id:
            raise self.no_post_address(address)
        check_server(place, origin_of(config.server), str(facts.get("domain", "")))
        return status_id

    def shown(self, config: MastodonConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the status."""
        row = named_object_of(self._call(config, "GET", f"/api/v1/statuses/{_quoted(named)}"))
        account_id = facts.get("account_id") or identity_of(whoami(config.server, config.access_token))
        return shown_of(row, str(account_id))

    def edit(self, config: MastodonConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Change the text. Pictures and warning are said again: what is left out would be taken off."""
        check_fits(post, length=self.length(with_link(post.text, post.link), facts), limits=self.limits(facts))
        path = f"/api/v1/statuses/{_quoted(published.remote_id)}"
        held = named_object_of(self._call(config, "GET", path))
        pictures = held.get("media_attachments")
        content = {
            "status": with_link(post.text, post.link),
            "language": post.language.partition("-")[0].lower(),
            "media_ids": [identity_of(each) for each in (pictures if isinstance(pictures, list) else [])],
            "sensitive": held.get("sensitive") is True,
            "spoiler_text": str(held.get("spoiler_text") or ""),
        }
        changed = {name: value for name, value in content.items() if value}
        return published_of(self._call(config, "PUT", path, json=changed))

    def delete(self, config: MastodonConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Delete the status; one that is gone is no error."""
        reply = self._call(config, "DELETE", f"/api/v1/statuses/{_quoted(published.remote_id)}")
        if reply.status not in GONE:
            with counted_apart(Calls.DELETIONS, told=_has_own_limit(reply)):
                checked(reply)

    def figures(
        self, config: MastodonConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]
    ) -> dict[str, Figures]:
        """Favourites, boosts and answers: many posts in one call where the server has it, else one by one."""
        if not tells_many(facts):
            return dict(self._figures_of_each(config, remote_ids))
        parts = [remote_ids[start : start + AT_ONCE] for start in range(0, len(remote_ids), AT_ONCE)]
        replies = (self._call(config, "GET", "/api/v1/statuses", params={"id[]": list(part)}) for part in parts)
        return {identity_of(row): _figures(row) for reply in replies for row in rows_of(reply) if identity_of(row)}

    def _figures_of_each(self, config: MastodonConfig, remote_ids: Sequence[str]) -> Iterator[tuple[str, Figures]]:
        for remote_id in remote_ids:
            reply = self._call(config, "GET", f"/api/v1/statuses/{_quoted(remote_id)}")
            if reply.status not in GONE:
                yield remote_id, _figures(named_object_of(reply))

    def _own_statuses(self, config: MastodonConfig, account_id: str, older_than: str) -> list[dict[str, Any]]:
        params = {"limit": str(PAGE), "exclude_reblogs": "true"} | ({"max_id": older_than} if older_than else {})
        return rows_of(self._call(config, "GET", f"/api/v1/accounts/{_quoted(account_id)}/statuses", params=params))

    def _upload(self, config: MastodonConfig, picture: PictureFile) -> tuple[str, bool]:
        """The upload's id, and whether it is ready (200) or still being processed (202)."""
        name = f"picture{mimetypes.guess_extension(picture.media_type) or ''}"
        reply = self._call(
            config,
            "POST",
            "/api/v2/media",
            files={"file": (name, picture.content, picture.media_type)},
            data={"description": picture.alt, "focus": _focus(picture)},
        )
        with counted_apart(Calls.UPLOADS, told=_has_own_limit(reply)):
            return identity_of(named_object_of(reply)), reply.status == 200

    def _wait_until_ready(self, config: MastodonConfig, media_ids: list[str]) -> None:
        """Ask (206: not yet, 200: ready) with growing pauses. Raises TransientError after the last."""
        for pause in self._poll_waits_s:
            if not media_ids:
                return
            time.sleep(pause)
            media_ids = [media_id for media_id in media_ids if not self._is_ready(config, media_id)]
        if media_ids:
            raise TransientError(gettext_noop("The platform is still working on the picture."), reason=Reason.BUSY)

    def _is_ready(self, config: MastodonConfig, media_id: str) -> bool:
        return checked(self._call(config, "GET", f"/api/v1/media/{_quoted(media_id)}")).status == 200

    def _call(
        self,
        config: MastodonConfig,
        method: str,
        path: str,
        *,
        commit: bool = False,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> http.Reply:
        own = with_token(config.access_token)
        url = f"{origin_of(config.server)}{path}"
        return http.send(method, url, commit=commit, headers=own | dict(headers or {}), **content)


def _quoted(identity: str) -> str:
    """An opaque id as one segment of a path."""
    return quote(identity, safe="")


def _has_own_limit(reply: http.Reply) -> bool:
    """Whether it names the limit of uploads and deletions, 30 in half an hour each (rack_attack), not that of all."""
    return bool(reply.headers.get("X-RateLimit-Limit") == "30")


def _figures(status: Mapping[str, Any]) -> Figures:
    """The counters of a status, None where the server leaves one out."""
    told = (status.get(name) for name in ("favourites_count", "reblogs_count", "replies_count"))
    likes, reposts, replies = (n if isinstance(n, int) and n >= 0 else None for n in told)
    return Figures(likes=likes, reposts=reposts, replies=replies)


def _focus(picture: PictureFile) -> str:
    """The focal point as Mastodon counts it: from the centre, -1 to 1, upwards (docs.joinmastodon.org, media)."""
    across, down = picture.focal
    return f"{2 * across - 1:.2f},{1 - 2 * down:.2f}"
