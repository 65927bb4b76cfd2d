"""Sends posts to an address of somebody's own as signed events (Standard Webhooks): the way to what has no plug-in.

What a receiver gets and must do is in docs/webhook.md; it takes each id once, so that a repeat never posts twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.utils.html import linebreaks
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher import http
from publisher.address_guard import is_allowed_target
from publisher.errors import AccountError, Explanation, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.contract import PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, graphemes
from publisher.platforms.picture_bytes import check_type
from publisher.platforms.replies import checked, identity_of, platform_message, public_url
from publisher.platforms.webhook_signature import new_secret, signatures
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

MAX_BODY = 256_000
# Receivers promise to remember ids for longer than this.
REMEMBERED = timedelta(days=7)
_PATIENCE = http.FetchLimits(connect_s=5, read_s=10, total_s=10, max_bytes=1_000_000)
_HASHTAG = re.compile(r"(?<![\w&/])#(\w+)")
# What our rows have room for.
_LONGEST_ID, _LONGEST_URL = 300, 500


@dataclass(frozen=True)
class WebhookConfig:
    """Where events go, and what signs them; `old_secret` signs as well while the receiver still knows only that."""

    address: str = field(metadata={"label": _("Address"), "help": _("Where the receiver takes events: https://…")})
    secret: str = field(
        repr=False,
        metadata={
            "label": _("Signing secret"),
            "help": _("Give this new one to the receiver, or put here the one that it has. It is not shown again."),
            "secret": True,
            "made": new_secret,
        },
    )
    old_secret: str = field(
        default="",
        repr=False,
        metadata={
            "label": _("Old signing secret"),
            "help": _("Only while the secret is being changed: events are signed with both."),
            "secret": True,
        },
    )


class WebhookPlatform(Platform):
    """One post is one `post.publish` event; its id is the receiver's own if it answers one, else that of the event."""

    kind = "webhook"
    label = _("Webhook of your own")
    name = _("Webhook")
    words = Words(
        there=pgettext_lazy("Publish …", "to a receiver of your own, such as the intranet or a screen in the hall"),
        connects=pgettext_lazy("Connect …", "a webhook of your own"),
        who=_("The receiver"),
        before_saving=_("Opslag sends the receiver a signed test, which it must answer before anything is saved."),
    )
    config_class = WebhookConfig
    link_in_text = False
    picture_and_card: ClassVar[bool] = True
    # The first comes after 5 s. As Standard Webhooks advises: a receiver that is away for a night gets the event.
    looks_s = (300, 1800, 7200, 18_000, 36_000)

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """Whatever the receiver makes of it; there is nothing to read back."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            link_card=LinkCard.NONE,
            edits=True,
            deletes=True,
            edit_note=_("The receiver is told; what it does with that is up to it."),
            delete_note=_("The receiver is told; what it does with that is up to it."),
            finds=False,
            fetches_pictures=True,
            languages=True,
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """Roomy; the whole event has its own limit."""
        return Limits(text=20_000, pictures=10, picture_side=2560)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """Graphemes."""
        return graphemes(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """As long as receivers remember ids, by the contract that they are given."""
        return REMEMBERED

    def verify(self, config: WebhookConfig) -> Profile:
        """Send a signed `opslag.ping`. The receiver may answer its `name`."""
        reply = checked(_sent(config, _random_id(), _event("opslag.ping", {}), commit=False))
        parts = urlsplit(_address(config))
        host = parts.hostname or ""
        said = _answer(reply).get("name")
        both = Explanation(
            gettext_noop(
                "Events are signed with the old secret, too. Once the receiver knows the new one, connect again "
                "without the old."
            )
        )
        return Profile(
            remote_id=hashlib.sha256(config.address.strip().encode()).hexdigest()[:32],
            name=said if isinstance(said, str) and said.strip() else host,
            handle=host,
            url=f"{parts.scheme}://{parts.netloc}/",
            warnings=(both,) if config.old_secret else (),
        )

    def prepare(self, config: WebhookConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Make the very bytes that every attempt sends. Nothing is uploaded: the receiver fetches the pictures."""
        return {"body": _publish_event(post, self.limits(facts))}

    def check_pictures(self, config: WebhookConfig, facts: Mapping[str, Any], url: str) -> None:
        """Name a picture at `url` in an `opslag.ping`: the receiver may fetch it, and says no if it cannot."""
        address, parts = urlsplit(_address(config)), urlsplit(url)
        if parts.scheme != "https" and not (_is_here(parts.hostname) and _is_here(address.hostname)):
            raise _not_fetched(url, Explanation(gettext_noop("the address does not begin with https://")))
        reply = _sent(config, _random_id(), _event("opslag.ping", {"image": url}), commit=False)
        if 400 <= reply.status < 500 and reply.status not in {401, 403, 429}:
            raise _not_fetched(url, platform_message(reply))
        checked(reply)

    def commit(
        self, config: WebhookConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Send the event. Any 2xx is success, with or without an answer of the receiver's own."""
        identity = _identity(post)
        body = str(prepared.get("body") or _publish_event(post, self.limits(facts)))
        said = _answer(checked(_sent(config, identity, body, commit=True), committing=True))
        own, permalink = identity_of(said), public_url(said.get("url"))
        return Published(
            own if 0 < len(own) <= _LONGEST_ID else identity, permalink if len(permalink) <= _LONGEST_URL else ""
        )

    def confirm(self, config: WebhookConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """As it is: a receiver is told and not asked."""
        return published

    def find(self, config: WebhookConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        """Never: a receiver is told and not asked."""
        return None

    def edit(self, config: WebhookConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Send `post.update` with the whole post, so that it may be repeated under another id."""
        body = _event("post.update", {"id": published.remote_id} | _content(post, self.limits(facts)))
        checked(_sent(config, _random_id(), body, commit=False))
        return published

    def delete(self, config: WebhookConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Send `post.delete`."""
        body = _event("post.delete", {"id": published.remote_id})
        checked(_sent(config, _random_id(), body, commit=False))


def _sent(config: WebhookConfig, identity: str, body: str, *, commit: bool) -> http.Reply:
    """Sign and send one event. Raises AccountError where the receiver wants no more of them (410)."""
    content, now = body.encode(), int(time.time())
    in_use = (config.secret, config.old_secret) if config.old_secret else (config.secret,)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(now),
        "webhook-signature": signatures(in_use, identity, now, content),
    }
    reply = http.send("POST", _address(config), commit=commit, headers=headers, content=content, limits=_PATIENCE)
    if reply.status == 410:
        raise AccountError(
            gettext_noop("The receiver says that nothing is taken at this address any more (410). Connect it again."),
            reason=Reason.ACCOUNT,
        )
    return reply


def _address(config: WebhookConfig) -> str:
    """Where to send. Raises PermanentError for what is not https, unless exactly that host and port are allowed."""
    address = config.address.strip()
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_allowed_target(host, port or 80))
    if not host or not secure:
        raise PermanentError(
            gettext_noop("“%(address)s” cannot be used: the address must begin with https://."),
            reason=Reason.REJECTED,
            address=address[:100],
        )
    return address


def _is_here(host: str | None) -> bool:
    """Whether a host is this very machine, by its name or number."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _not_fetched(url: str, why: Explanation | str) -> PermanentError:
    return PermanentError(
        gettext_noop(
            "The receiver cannot fetch a picture from %(host)s: %(why)s. Posts go out all the same, but without "
            "pictures at its end, until Opslag's own address (OPSLAG_BASE_URL) can be reached from there by https."
        ),
        reason=Reason.REJECTED,
        host=urlsplit(url).netloc,
        why=why,
    )


def _publish_event(post: Post, limits: Limits) -> str:
    """`post.publish`; its time is the planned one, which no attempt changes."""
    content = {"id": _identity(post)} | _content(post, limits)
    return _event("post.publish", content, post.planned_at)


def _content(post: Post, limits: Limits) -> dict[str, Any]:
    check_fits(post, length=graphemes(post.text or post.link), limits=limits)
    return {
        "revision": post.revision,
        "title": post.title,
        "text": post.text,
        "html": str(linebreaks(post.text, autoescape=True)),
        "link": post.link,
        "lang": post.language,
        "visibility": post.visibility,
        "images": [_image(picture) for picture in post.pictures],
        "tags": list(dict.fromkeys(_HASHTAG.findall(post.text))),
        "reply_to": post.reply_to,
        "thread_root": post.thread_root,
        "campaign": post.campaign,
    }


def _image(picture: PictureFile) -> dict[str, Any]:
    check_type(picture)
    if not picture.url:
        raise PermanentError(
            gettext_noop("The receiver fetches pictures itself, and this one has no address that it could use."),
            reason=Reason.REJECTED,
        )
    return {
        "url": picture.url,
        "alt": picture.alt,
        "width": picture.width,
        "height": picture.height,
        "mime": picture.media_type,
    }


def _event(kind: str, data: Mapping[str, Any], moment: datetime | None = None) -> str:
    at = (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    body = json.dumps({"type": kind, "timestamp": at, "data": data}, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > MAX_BODY:
        raise PermanentError(
            gettext_noop("The post is %(size)s kB with all that belongs to it; an event takes %(limit)s. Shorten it."),
            reason=Reason.REJECTED,
            size=-(-len(body.encode()) // 1000),
            limit=MAX_BODY // 1000,
        )
    return body


def _identity(post: Post) -> str:
    """The event's id, the same on every attempt; one of the post's key, which might not be safe in a header."""
    return f"msg_{hashlib.sha256(post.key.encode()).hexdigest()[:32]}"


def _random_id() -> str:
    return f"msg_{secrets.token_hex(16)}"


def _answer(reply: http.Reply) -> dict[str, Any]:
    """What the receiver said about itself or the post; it need not say anything."""
    try:
        said = http.json_of(reply)
    except PermanentError:
        return {}
    return said if isinstance(said, dict) else {}
