"""What each kind of server that speaks the Mastodon API can do beside publishing; an unknown one: little."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from publisher.platforms.abilities import Abilities, FollowUp

# The version from which a published post can be changed (PUT /api/v1/statuses/:id): each server's own release notes.
_EDITS_SINCE = {"mastodon": (3, 5), "gotosocial": (0, 18), "pleroma": (2, 5), "takahe": (0, 11), "hollo": (0, 10)}
# Mastodon alone answers several posts at once (GET /api/v1/statuses?id[]=).
_MANY_SINCE = (4, 3)
_NO_LANGUAGE = frozenset({"takahe"})
_PICTURES_ONLY = frozenset({"pixelfed"})
_OWN_VERSION = re.compile(r"compatible; *[A-Za-z]+ (\d+)\.(\d+)")
_VERSION = re.compile(r"(\d+)\.(\d+)")


def abilities_of(facts: Mapping[str, Any]) -> Abilities:
    """What the account's server can do, from what `verify` found out about it."""
    software, edits = facts.get("software"), can_edit(facts)
    return Abilities(
        follow_up=FollowUp.COMMENT if software in _PICTURES_ONLY else FollowUp.THREAD,
        edits=edits,
        deletes=True,
        edit_note="" if edits else _("This server cannot change a published post."),
        delete_note=_("Other servers are told; a copy may stay on some of them."),
        needs_picture=software in _PICTURES_ONLY,
        languages=software not in _NO_LANGUAGE,
        visibilities=("public", "unlisted", "private"),
        figures=("likes", "reposts", "replies"),
    )


def can_edit(facts: Mapping[str, Any]) -> bool:
    """Whether the server is known to change published posts."""
    since = _EDITS_SINCE.get(str(facts.get("software")))
    return since is not None and _version(facts) >= since


def tells_many(facts: Mapping[str, Any]) -> bool:
    """Whether the server is known to answer several posts in one call."""
    return facts.get("software") == "mastodon" and _version(facts) >= _MANY_SINCE


def _version(facts: Mapping[str, Any]) -> tuple[int, int]:
    """Of the software itself, also where it says with which Mastodon it is compatible."""
    told = str(facts.get("version", ""))
    found = _OWN_VERSION.search(told) or _VERSION.search(told)
    return (int(found[1]), int(found[2])) if found else (0, 0)
