"""Statuses by their public addresses, which look different on each kind of server that speaks Mastodon's API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.platforms.mastodon_match import created_at, words_of
from publisher.platforms.post_address import Place, Shown
from publisher.platforms.replies import identity_of, published_in

# Numbers (Mastodon, Pixelfed), ULIDs (GoToSocial), flake ids (Pleroma), UUIDs (Hollo): never without a digit.
_ID = re.compile(r"(?=.*[0-9])[0-9A-Za-z-]{1,64}")
# Mastodon's pages for those who are signed in.
_SIGNED_IN = frozenset({"web", "deck"})


def status_id_in(path: tuple[str, ...]) -> str:
    """The id in the path of a status's address, "" if there is none."""
    match path[1:] if path[:1] and path[0] in _SIGNED_IN else path:
        case (who, identity, *_) if who.startswith("@") and identity not in {"statuses", "posts"}:
            found = identity
        # GoToSocial and Mastodon's own ids; Takahe, newer Pleroma.
        case (who, "statuses" | "posts", identity, *_) if who.startswith("@"):
            found = identity
        case ("users", _, "statuses", identity, *_) | ("ap", "users", _, "statuses", identity, *_):
            found = identity
        # Pleroma and Akkoma; Pixelfed.
        case ("notice" | "statuses", identity) | ("p", _, identity):
            found = identity
        case _:
            found = ""
    return found if _ID.fullmatch(found) else ""


def check_server(place: Place, server: str, domain: str) -> None:
    """Raises InputError for an address elsewhere than on `server` (an origin): there the status has another id."""
    own = urlsplit(server).netloc.lower()
    # Some servers tell their domain with a scheme.
    if place.host not in {own, domain.lower().rpartition("://")[2].rstrip("/")}:
        words = gettext_noop("That address is on %(host)s. Open the post on %(server)s, and paste its address there.")
        raise InputError(words, host=place.host, server=own)


def shown_of(row: Mapping[str, Any], account_id: str) -> Shown:
    """The status in an answer of the API."""
    published, author = published_in(row), row.get("account")
    answers = row.get("in_reply_to_id")
    return Shown(
        published.remote_id,
        published.permalink,
        text=words_of(str(row.get("content", ""))),
        at=created_at(row),
        own=not isinstance(author, dict) or identity_of(author) == account_id,
        reply_to="" if answers is None else str(answers),
    )
