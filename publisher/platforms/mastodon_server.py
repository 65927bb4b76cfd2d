"""Which software answers the Mastodon API at an address, and what it takes: each kind has its own ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

from publisher import http
from publisher.address_guard import is_allowed_target
from publisher.errors import AccountError, PermanentError, TransientError
from publisher.platforms.abilities import Limits
from publisher.platforms.replies import object_of
from publisher.vocabulary import Reason

# The kinds that are known, as people call them.
CALLED = {
    "mastodon": "Mastodon",
    "gotosocial": "GoToSocial",
    "takahe": "Takahē",
    "pleroma": "Pleroma",
    "hollo": "Hollo",
    "pixelfed": "Pixelfed",
}
# Kinds that answer a repeated Idempotency-Key with the first post; the others ignore the key and would post twice.
HONOUR_KEY = frozenset({"mastodon", "pleroma", "hollo"})
# Kinds that count code points, addresses in full, whatever they say about reserved characters (their sources).
COUNT_CODE_POINTS = frozenset({"gotosocial", "takahe"})
_SOURCES = {
    "github.com/mastodon/mastodon": "mastodon",
    "gotosocial": "gotosocial",
    "jointakahe/takahe": "takahe",
    "git.pleroma.social": "pleroma",
    "/hollo": "hollo",
    "pixelfed": "pixelfed",
}
_COMPATIBLE = re.compile(r"\(compatible; *([A-Za-z]+)")


def origin_of(server: str) -> str:
    """The address of `server` without path: “kultur.example.org” and “https://kultur.example.org/@os” are the same.

    Plain http only where OPSLAG_ALLOWED_TARGETS lists the host and port. Raises PermanentError.
    """
    wrong = PermanentError(
        gettext_noop("“%(server)s” is not a server's address. It looks like https://mastodon.example.org."),
        reason=Reason.REJECTED,
        server=server,
    )
    text = server.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_allowed_target(host or "", port or 80))
    if not host or "@" in parts.netloc or not secure:
        raise wrong
    return f"{parts.scheme}://{parts.netloc}"


def server_facts(origin: str) -> dict[str, Any]:
    """What the server at `origin` tells about itself, as kept on the Account row.

    Keys: software, version, domain, honours_key, max_characters, url_length, max_media, description_limit,
    image_size_limit (bytes), image_matrix_limit (pixels), mime_types; a limit that the server does not name is absent.
    Raises as `checked`.
    """
    instance = _instance(origin)
    software = _software(origin, instance)
    facts = {
        "software": software,
        "version": str(instance.get("version", "")),
        "domain": str(instance.get("domain") or instance.get("uri") or ""),
        "honours_key": software in HONOUR_KEY,
        **_limits_told(instance),
    }
    return {name: value for name, value in facts.items() if value is not None}


def limits_of(facts: Mapping[str, Any]) -> Limits:
    """The limits in an account's facts; what its server did not tell is as on a fresh Mastodon."""
    pictures = tuple(kind for kind in facts.get("mime_types", ()) if kind.startswith("image/"))
    return Limits(
        text=facts.get("max_characters", 500),
        pictures=facts.get("max_media", 4),
        alt_text=facts.get("description_limit", 1500),
        picture_bytes=facts.get("image_size_limit", Limits.picture_bytes),
        picture_types=pictures or Limits.picture_types,
    )


def _instance(origin: str) -> dict[str, Any]:
    try:
        return object_of(http.fetch(f"{origin}/api/v2/instance"))
    except (PermanentError, AccountError):
        return object_of(http.fetch(f"{origin}/api/v1/instance"))


def _limits_told(instance: Mapping[str, Any]) -> dict[str, Any]:
    told = _part(instance, "configuration")
    statuses, media = _part(told, "statuses"), _part(told, "media_attachments")
    kinds = media.get("supported_mime_types")
    return {
        # Pleroma and older servers name these two outside of `configuration`.
        "max_characters": _count(statuses.get("max_characters"), instance.get("max_toot_chars")),
        "description_limit": _count(media.get("description_limit"), instance.get("description_limit")),
        "max_media": _count(statuses.get("max_media_attachments")),
        "url_length": _count(statuses.get("characters_reserved_per_url"), least=0),
        "image_size_limit": _count(media.get("image_size_limit")),
        "image_matrix_limit": _count(media.get("image_matrix_limit")),
        "mime_types": [str(kind) for kind in kinds] if isinstance(kinds, list) else None,
    }


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = of.get(name)
    return part if isinstance(part, dict) else {}


def _count(*values: object, least: int = 1) -> int | None:
    """The first value that is a usable number."""
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
    return None


def _software(origin: str, instance: Mapping[str, Any]) -> str:
    """The kind of server; "unknown" is the safe answer, since then no key is trusted."""
    copied = _COMPATIBLE.search(str(instance.get("version", "")))
    if copied:
        return _known(copied.group(1))
    source = str(instance.get("source_url", ""))
    for mark, kind in _SOURCES.items():
        if mark in source:
            return kind
    try:
        return _known(_nodeinfo_name(origin))
    except (TransientError, PermanentError, AccountError):
        return "unknown"


def _nodeinfo_name(origin: str) -> str:
    links = object_of(http.fetch(f"{origin}/.well-known/nodeinfo")).get("links")
    for link in links if isinstance(links, list) else []:
        href = str(link.get("href", "")) if isinstance(link, dict) else ""
        if href.startswith(f"{origin}/"):
            return str(_part(object_of(http.fetch(href)), "software").get("name", ""))
    return ""


def _known(name: str) -> str:
    return name.lower() if name.lower() in CALLED else "unknown"
