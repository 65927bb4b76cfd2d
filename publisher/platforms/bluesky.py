"""Publishes to Bluesky (AT Protocol: com.atproto.repo, app.bsky.feed.post) from an account's own server.

A post is a record whose key we choose (`record_key`), written by putRecord as a new one only: the same record again is
no second post, and one that is there already is what an earlier attempt made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher.errors import AccountError, PermanentError, UncertainError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.addresses import origin
from publisher.platforms.bluesky_records import (
    KIND,
    POSTS,
    address_of,
    is_record_key,
    permalink_of,
    place_of,
    profile_url,
    record_key,
    record_of,
)
from publisher.platforms.bluesky_replies import ALREADY_THERE, NO_SUCH_RECORD, answer_of, error_name
from publisher.platforms.bluesky_session import (
    RENEWED_EVERY,
    SESSION_LASTS,
    BlueskyConfig,
    call,
    plain_handle,
    renewed,
    require_session,
    session_began,
    xrpc,
)
from publisher.platforms.bluesky_text import Mark, MarkKind, bluesky_length, marks, short_address, shown
from publisher.platforms.contract import Figures, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, published_text
from publisher.platforms.post_address import Shown, anothers_post, place_in
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

# Where anybody may read what servers together know, such as likes (app.bsky.feed.getPosts: 25 posts a call).
PUBLIC_READS = "https://public.api.bsky.app"
POSTS_A_CALL = 25
_NEVER_OPENED = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class BlueskyPlatform(Platform):
    """Posts of 300 characters, with four pictures or a card; threads; no changing of what is published."""

    kind = KIND
    label = "Bluesky"
    words = Words(there=pgettext_lazy("Publish …", "on your Bluesky profile"))
    config_class = BlueskyConfig
    link_in_text = False
    handle_example = "@koegebib.bsky.social"
    address_example = "bsky.app/profile/koege.dk/post/3kabcdefghi2x"

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """The same for every account."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            link_card=LinkCard.OURS,
            edit_note=_("Bluesky cannot change a published post. Take it down and publish it again."),
            deletes=True,
            languages=True,
            figures=("likes", "reposts", "replies"),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """Pictures must be below 1,000,000 bytes on all servers, and 2000 pixels and characters are the app's own."""
        kinds = ("image/jpeg", "image/png", "image/webp")
        return Limits(text=300, alt_text=2000, picture_bytes=999_999, picture_types=kinds, picture_side=2000)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Graphemes with addresses as short as they are shown, which is what Bluesky's own app counts, too."""
        return bluesky_length(text)

    def handle_of(self, typed: str) -> str:
        """A domain: what Bluesky marks as a mention, if somebody has it."""
        handle = f"@{plain_handle(typed)}"
        if [mark.value for mark in marks(handle) if mark.kind is MarkKind.MENTION] != [handle[1:]]:
            raise self.no_handle(typed)
        return handle

    def short_address(self, address: str) -> str:
        """As Bluesky's own app shortens it, which is what `record_of` writes."""
        return short_address(address)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """Without limit in practice, ten years: the key is ours and each record exists once."""
        return timedelta(days=3650)

    def verify(self, config: BlueskyConfig) -> Profile:
        """Read whose session it is. Raises TokenExpiredError where `renew` must open a session first."""
        me = answer_of(call(config, "GET", "com.atproto.server.getSession"))
        if me.get("did") != config.did or me.get("active") is False:
            raise AccountError(
                gettext_noop("Bluesky says that the account is not active (%(status)s)."),
                reason=Reason.ACCOUNT,
                status=me.get("status") or "–",
            )
        handle = str(me.get("handle") or plain_handle(config.handle))
        shown_as = (_record(config, config.did, "app.bsky.actor.profile", "self") or {}).get("value")
        about = shown_as if isinstance(shown_as, dict) else {}
        return Profile(
            remote_id=config.did,
            name=str(about.get("displayName") or handle),
            handle=f"@{handle}",
            url=profile_url(config.did),
            avatar_url=_blob_url(config, about.get("avatar")),
            facts={"did": config.did, "handle": handle, "server": config.pds},
        )

    def renew_at(self, config: BlueskyConfig) -> datetime | None:
        """Well before the access token's two hours are over; at once where there is no session yet."""
        began = session_began(config)
        return began + RENEWED_EVERY if began else _NEVER_OPENED

    def lasts_until(self, config: BlueskyConfig) -> datetime | None:
        """When the refresh token runs out if nothing renews it; each renewal moves it on by ninety days."""
        began = session_began(config)
        return began + SESSION_LASTS if began else None

    def renew(self, config: BlueskyConfig, app: Any) -> Mapping[str, Any]:
        """A session's new pair of tokens, or the first session: see `bluesky_session.renewed`."""
        return renewed(config)

    def prepare(self, config: BlueskyConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures or the card's picture, and look up who is mentioned."""
        text, marked = self._words(post)
        card = post.card.picture if post.card and post.link and not post.pictures else None
        uploads = post.pictures or ((card,) if card else ())
        # A card alone is a post, too.
        length = bluesky_length(text or post.link)
        check_fits(replace(post, pictures=uploads), length=length, limits=self.limits(facts))
        blobs = [self._upload(config, facts, picture) for picture in uploads]
        handles = {mark.value.lower() for mark in marked if mark.kind is MarkKind.MENTION}
        prepared = {"dids": {handle: did for handle in sorted(handles) if (did := _did_of(config, handle))}}
        return {**prepared, "thumb": blobs[0]} if card else {**prepared, "pictures": blobs}

    def commit(
        self, config: BlueskyConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Write the record under its key, unless it is there already: then an earlier attempt got through."""
        require_session(config)
        rkey = record_key(post)
        address = address_of(config.did, rkey)
        content = {
            "repo": config.did,
            "collection": POSTS,
            "rkey": rkey,
            "record": record_of(post, *self._words(post), prepared, _thread_of(config, post)),
            # Only as a new record: nothing of ours, whatever it is, is ever written over.
            "swapRecord": None,
        }
        reply = call(config, "POST", "com.atproto.repo.putRecord", commit=True, json=content)
        if error_name(reply) != ALREADY_THERE and answer_of(reply, committing=True).get("uri") != address:
            raise UncertainError(
                gettext_noop("The platform gave no clear answer (%(status)s): the post may or may not be published."),
                reason=Reason.ANSWER_LOST,
                status=reply.status,
            )
        return Published(address, permalink_of(address))

    def confirm(self, config: BlueskyConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the record, as anybody may. A PermanentError here means that it is no longer there."""
        did, rkey = place_of(published.remote_id)
        if _record(config, did, POSTS, rkey) is None:
            raise PermanentError(gettext_noop("The post is no longer on Bluesky."), reason=Reason.REJECTED)
        return Published(published.remote_id, permalink_of(published.remote_id))

    def find(self, config: BlueskyConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        """Ask for the post's own key, which is surer than any comparison of texts."""
        require_session(config)
        address = address_of(config.did, record_key(post))
        there = _record(config, config.did, POSTS, record_key(post))
        return Published(address, permalink_of(address)) if there else None

    def remote_id_of(self, address: str, config: BlueskyConfig, facts: Mapping[str, Any]) -> str:
        """The record's own address, at://…, from a page of the app that names our handle or DID."""
        place = place_in(address)
        at_the_app = place is not None and place.on(KIND, "bsky.app")
        match place.path if place and at_the_app else tuple(address.strip().removeprefix("at://").split("/")):
            case ("profile", who, "post", rkey) if at_the_app:
                pass
            case (who, collection, rkey) if collection == POSTS and not at_the_app:
                pass
            case _:
                raise self.no_post_address(address)
        if not is_record_key(rkey):
            raise self.no_post_address(address)
        ours = {config.did, str(facts.get("handle", "")).lower(), config.handle.strip().removeprefix("@").lower()}
        if not who or who.lower().removeprefix("@") not in {each.lower() for each in ours}:
            raise anothers_post()
        return address_of(config.did, rkey)

    def shown(self, config: BlueskyConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the record. The time in it is what was planned, so it says nothing of when it was written."""
        found = _record(config, *_in_repository(named))
        if found is None:
            raise PermanentError(gettext_noop("The post is no longer on Bluesky."), reason=Reason.REJECTED)
        value = found.get("value")
        record = value if isinstance(value, dict) else {}
        reply = record.get("reply")
        parent = reply.get("parent") if isinstance(reply, dict) else None
        answers = str(parent.get("uri", "")) if isinstance(parent, dict) else ""
        return Shown(named, permalink_of(named), text=str(record.get("text", "")), reply_to=answers)

    def delete(self, config: BlueskyConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Delete the record; the server says yes also where there is none."""
        did, rkey = place_of(published.remote_id)
        content = {"repo": did, "collection": POSTS, "rkey": rkey}
        answer_of(call(config, "POST", "com.atproto.repo.deleteRecord", json=content))

    def figures(self, config: BlueskyConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]) -> dict[str, Figures]:
        """Likes, reposts and replies, read as anybody may; Bluesky does not count views."""
        found: dict[str, Figures] = {}
        for start in range(0, len(remote_ids), POSTS_A_CALL):
            some = {"uris": list(remote_ids[start : start + POSTS_A_CALL])}
            reply = xrpc(origin(KIND, PUBLIC_READS), "GET", "app.bsky.feed.getPosts", params=some)
            posts = answer_of(reply).get("posts")
            found |= {str(post.get("uri")): _figures(post) for post in posts or [] if isinstance(post, dict)}
        return {address: figures for address, figures in found.items() if address in remote_ids}

    def _words(self, post: Post) -> tuple[str, list[Mark]]:
        """The text as it is published, and what is marked in it."""
        return shown(published_text(self, post.text, post.link, pictures=bool(post.pictures)), post.link)

    def _upload(self, config: BlueskyConfig, facts: Mapping[str, Any], picture: PictureFile) -> dict[str, Any]:
        """The blob as the record must repeat it. Raises PermanentError where the server sees no picture in it."""
        headers = {"Content-Type": picture.media_type}
        reply = call(config, "POST", "com.atproto.repo.uploadBlob", headers=headers, content=picture.content)
        blob = answer_of(reply).get("blob")
        if not isinstance(blob, dict) or blob.get("mimeType") not in self.limits(facts).picture_types:
            raise PermanentError(
                gettext_noop("Bluesky does not recognise the picture as one (%(kind)s)."),
                reason=Reason.REJECTED,
                kind=picture.media_type,
            )
        return blob


def _thread_of(config: BlueskyConfig, post: Post) -> dict[str, Any] | None:
    """The first post of the thread and the one before, with the content ids that they have now."""
    if not post.reply_to:
        return None
    before = _reference(config, post.reply_to)
    root = before if post.thread_root in {"", post.reply_to} else _reference(config, post.thread_root)
    return {"root": root, "parent": before}


def _reference(config: BlueskyConfig, remote_id: str) -> dict[str, str]:
    found = _record(config, *_in_repository(remote_id))
    if found is None:
        raise PermanentError(
            gettext_noop("The post that this one follows is no longer on Bluesky."), reason=Reason.REJECTED
        )
    return {"uri": remote_id, "cid": str(found.get("cid", ""))}


def _in_repository(remote_id: str) -> tuple[str, str, str]:
    did, rkey = place_of(remote_id)
    return did, POSTS, rkey


def _record(config: BlueskyConfig, did: str, collection: str, rkey: str) -> dict[str, Any] | None:
    """A record with its content id, None if there is none. Anybody may read it, so a dead session is no hindrance."""
    require_session(config)
    params = {"repo": did, "collection": collection, "rkey": rkey}
    reply = xrpc(config.pds, "GET", "com.atproto.repo.getRecord", params=params)
    return None if error_name(reply) == NO_SUCH_RECORD else answer_of(reply)


def _did_of(config: BlueskyConfig, handle: str) -> str:
    """The account behind a handle, "" if the server knows none."""
    reply = xrpc(config.pds, "GET", "com.atproto.identity.resolveHandle", params={"handle": handle})
    return "" if reply.status == 400 else str(answer_of(reply).get("did") or "")


def _blob_url(config: BlueskyConfig, blob: object) -> str:
    """Where anybody can see a picture of the account."""
    reference = blob.get("ref") if isinstance(blob, dict) else None
    link = reference.get("$link") if isinstance(reference, dict) else None
    return (
        f"{config.pds}/xrpc/com.atproto.sync.getBlob?did={config.did}&cid={quote(link, safe='')}"
        if isinstance(link, str)
        else ""
    )


def _figures(post: Mapping[str, Any]) -> Figures:
    counts = [post.get(name) for name in ("likeCount", "repostCount", "replyCount")]
    likes, reposts, replies = (count if isinstance(count, int) else None for count in counts)
    return Figures(likes=likes, reposts=reposts, replies=replies)
