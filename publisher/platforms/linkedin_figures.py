"""What LinkedIn counts about a page's posts (organizationalEntityShareStatistics)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from publisher.platforms.contract import Figures
from publisher.platforms.linkedin_calls import call, elements_of, quoted

# By the two kinds of URN that a post may have: the list in the query, and the name of the post in the answer.
_KINDS = {"urn:li:share:": ("shares", "share"), "urn:li:ugcPost:": ("ugcPosts", "ugcPost")}
_AT_ONCE = 20


def figures_of(token: str, page: str, remote_ids: Sequence[str]) -> dict[str, Figures]:
    """By post; one that LinkedIn tells nothing about is left out."""
    found: dict[str, Figures] = {}
    for prefix, (asked_as, told_as) in _KINDS.items():
        ours = [remote_id for remote_id in remote_ids if remote_id.startswith(prefix)]
        for first in range(0, len(ours), _AT_ONCE):
            query = f"q=organizationalEntity&organizationalEntity={quoted(page)}"
            listed = ",".join(quoted(urn) for urn in ours[first : first + _AT_ONCE])
            path = f"/organizationalEntityShareStatistics?{query}&{asked_as}=List({listed})"
            found |= {str(row.get(told_as)): _figures(row) for row in elements_of(call(token, "GET", path))}
    return {remote_id: figures for remote_id, figures in found.items() if remote_id in remote_ids}


def _figures(row: Mapping[str, Any]) -> Figures:
    told = row.get("totalShareStatistics")
    told = told if isinstance(told, dict) else {}
    names = ("likeCount", "shareCount", "commentCount", "impressionCount")
    # LinkedIn takes likes back by counting below nought.
    counts = [max(value, 0) if isinstance(value := told.get(name), int) else None for name in names]
    return Figures(*counts)
