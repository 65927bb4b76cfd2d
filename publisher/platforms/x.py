"""Publishes to X (API v2), which is paid per call: reads are few, and what a post costs is said before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher.errors import PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Figures, Missing, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, with_link
from publisher.platforms.mastodon_match import created_at
from publisher.platforms.post_address import Shown, after, place_in
from publisher.platforms.replies import counted_apart
from publisher.platforms.words import Words
from publisher.platforms.x_calls import KIND, NO_CREDIT, SITE, call, data_of, identified, rows_of
from publisher.platforms.x_match import FIELDS, answered, expanded, is_this_post
from publisher.platforms.x_media import upload
from publisher.platforms.x_sign_in import XSignIn, profile_of, tokens_for
from publisher.platforms.x_text import weighted_length
from publisher.vocabulary import Calls, Reason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# An access token lasts two hours; a lost answer or an hour's pause of X's must not end it.
RENEWED_BEFORE = timedelta(minutes=30)
# X's clock may differ from ours by this much.
CLOCK_SKEW = timedelta(minutes=1)
PAGE, PAGES_READ = 100, 2
_NUMBER = re.compile(r"[0-9]{1,19}")
_COUNTED = ("like_count", "retweet_count", "reply_count", "impression_count")


@dataclass(frozen=True)
class XConfig:
    """How we reach the account; all of it comes from signing in. `expires_at` in ISO 8601."""

    access_token: str = field(repr=False, metadata={"label": _("Access token"), "secret": True, "hidden": True})
    refresh_token: str = field(
        default="", repr=False, metadata={"label": _("Refresh token"), "secret": True, "hidden": True}
    )
    expires_at: str = field(default="", metadata={"label": _("Access until"), "hidden": True})


class XPlatform(Platform):
    """One post is one post there; `poll_waits_s` are the pauses (seconds) in which a picture may become ready."""

    kind = "x"
    handle_example = "@koegebib"
    address_example = "x.com/koegebib/status/1812345678901234567"
    label = "X"
    words = Words(there=pgettext_lazy("Publish …", "on your X profile"))
    config_class = XConfig
    sign_in = XSignIn()
    mended_there: ClassVar[Mapping[str, StrOrPromise]] = {NO_CREDIT: _("Credit used up")}

    def __init__(self, poll_waits_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 10)) -> None:
        self._poll_waits_s = poll_waits_s

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """Threads, deleting and figures; changing is for paying subscribers within 30 minutes, so not for us."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            edit_note=_("A post on X cannot be changed from here: X allows it for 30 minutes, to paying subscribers."),
            deletes=True,
            delete_note=_("X charges 0.01 US dollars for taking a post down."),
            figures=("likes", "reposts", "replies", "views"),
            figures_cost=True,
            price_note=_(
                "X charges for each post: 0.015 US dollars, with a link 0.20 US dollars, and 0.005 US dollars for each "
                "picture's description."
            ),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """As for accounts that do not pay: longer posts of paying ones are folded anyway."""
        return Limits(
            text=280,
            pictures=4,
            alt_text=1000,
            picture_bytes=5_000_000,
            picture_types=("image/jpeg", "image/png", "image/webp"),
        )

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Weighted as X weighs it."""
        return weighted_length(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """Not at all: X refuses a duplicate in most cases, which it does not promise. The post is looked for."""
        return timedelta(0)

    def verify(self, config: XConfig) -> Profile:
        """Read who the token belongs to."""
        return profile_of(config.access_token)

    def prepare(self, config: XConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures with their descriptions; X keeps them for a day."""
        check_fits(post, length=weighted_length(with_link(post.text, post.link)), limits=self.limits(facts))
        token, waits_s = config.access_token, self._poll_waits_s
        with counted_apart(Calls.UPLOADS):
            return {"media_ids": [upload(token, picture, waits_s) for picture in post.pictures]}

    def commit(self, config: XConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]) -> Published:
        """Create the post. UncertainError also where X calls it a duplicate: then the earlier one is looked for."""
        media_ids = prepared["media_ids"]
        created = {
            "text": with_link(post.text, post.link),
            "media": {"media_ids": media_ids} if media_ids else None,
            "reply": {"in_reply_to_tweet_id": post.reply_to} if post.reply_to else None,
        }
        sent = {name: value for name, value in created.items() if value}
        reply = call(config.access_token, "POST", "/2/tweets", commit=True, json=sent)
        with counted_apart(Calls.POSTS):
            row = data_of(reply, committing=True, answering=bool(post.reply_to))
        return _published(identified(row, reply, committing=True), facts)

    def confirm(self, config: XConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post. A PermanentError here means that it is no longer there."""
        rows, _meta = rows_of(call(config.access_token, "GET", "/2/tweets", params={"ids": published.remote_id}))
        if not any(row.get("id") == published.remote_id for row in rows):
            raise PermanentError(gettext_noop("The post is no longer on X."), reason=Reason.REJECTED)
        return _published(published.remote_id, facts)

    def find(self, config: XConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | Missing:
        """Compare the account's posts since the attempt with the frozen text; of several the oldest is ours."""
        user_id = str(facts.get("user_id") or profile_of(config.access_token).remote_id)
        begins = (since.astimezone(UTC) - CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%SZ")
        asked = {"start_time": begins, "max_results": str(PAGE), "exclude": "retweets", "tweet.fields": FIELDS}
        found, among = "", 0
        for _page in range(PAGES_READ):
            path = f"/2/users/{quote(user_id, safe='')}/tweets"
            rows, meta = rows_of(call(config.access_token, "GET", path, params=asked))
            among += len(rows)
            found = next((str(row.get("id")) for row in reversed(rows) if is_this_post(row, post)), found)
            if not meta.get("next_token"):
                break
            asked["pagination_token"] = str(meta["next_token"])
        return _published(found, facts) if found else Missing(among)

    def remote_id_of(self, address: str, config: XConfig, facts: Mapping[str, Any]) -> str:
        """The number behind “status”; X itself does not look at the name before it."""
        place = place_in(address)
        number = after(place.path, "status", "statuses") if place and place.on(KIND, "x.com", "twitter.com") else ""
        if not _NUMBER.fullmatch(number):
            raise self.no_post_address(address)
        return number

    def shown(self, config: XConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the post."""
        user_id = str(facts.get("user_id") or profile_of(config.access_token).remote_id)
        asked = {"ids": named, "tweet.fields": f"{FIELDS},author_id"}
        rows, _meta = rows_of(call(config.access_token, "GET", "/2/tweets", params=asked))
        row = next((row for row in rows if row.get("id") == named), None)
        if row is None:
            raise PermanentError(gettext_noop("The post is no longer on X."), reason=Reason.REJECTED)
        return Shown(
            named,
            _published(named, facts).permalink,
            text=expanded(row),
            at=created_at(row),
            own=row.get("author_id") == user_id,
            reply_to=answered(row),
        )

    def delete(self, config: XConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Take it down; one that is gone already is no error."""
        reply = call(config.access_token, "DELETE", f"/2/tweets/{quote(published.remote_id, safe='')}")
        if reply.status != 404:
            with counted_apart(Calls.DELETIONS):
                data_of(reply)

    def figures(self, config: XConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]) -> dict[str, Figures]:
        """A hundred posts a call, each paid for."""
        found: dict[str, Figures] = {}
        for first in range(0, len(remote_ids), PAGE):
            asked = {"ids": ",".join(remote_ids[first : first + PAGE]), "tweet.fields": "public_metrics"}
            rows, _meta = rows_of(call(config.access_token, "GET", "/2/tweets", params=asked))
            found |= {str(row.get("id")): _figures(row) for row in rows}
        return found

    def renew_at(self, config: XConfig) -> datetime | None:
        """Half an hour before the access token runs out."""
        if not config.expires_at or not config.refresh_token:
            return None
        return datetime.fromisoformat(config.expires_at) - RENEWED_BEFORE

    def renew(self, config: XConfig, app: Any) -> Mapping[str, Any] | None:
        """A new pair for the refresh token, which is worthless from then on: used again, it ends the new ones too."""
        if app is None or not config.refresh_token:
            return None
        tokens = tokens_for(app, {"grant_type": "refresh_token", "refresh_token": config.refresh_token})
        return {name: value for name, value in tokens.items() if value}


def _published(remote_id: str, facts: Mapping[str, Any]) -> Published:
    author = quote(str(facts.get("username") or "i/web"))
    return Published(remote_id, f"{origin(KIND, SITE)}/{author}/status/{remote_id}")


def _figures(row: Mapping[str, Any]) -> Figures:
    told = row.get("public_metrics")
    told = told if isinstance(told, dict) else {}
    return Figures(*(value if isinstance(value := told.get(name), int) else None for name in _COUNTED))
