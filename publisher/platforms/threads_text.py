"""How Threads counts a text (developers.facebook.com: Threads API, posts): an emoji is as long as its UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Iterable

import regex

from publisher.platforms.length import addresses

MAX_LINKS = 5
_GRAPHEME = regex.compile(r"\X")
# Pictographs, flags, and signs that become emoji by what follows them (keycaps).
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20E3]")


def threads_length(text: str) -> int:
    """Each character is 1, an emoji (with all that is joined to it) its UTF-8 bytes, an address its full length.

    Whether signs such as © are emoji Threads does not say; they are counted as such, so that nothing is refused there.
    """
    return sum(
        len(cluster.encode()) if _EMOJI.search(cluster) else len(cluster)
        for cluster in (match.group() for match in _GRAPHEME.finditer(text))
    )


def unique_links(text: str, more: Iterable[str] = ()) -> int:
    """How many different addresses a post has: Threads takes 5 (THREADS_API__LINK_LIMIT_EXCEEDED)."""
    return len({*addresses(text), *(link for link in more if link)})
