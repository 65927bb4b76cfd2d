"""X's way of counting, written from its documentation for the contract server alone (twitter-text, config v3)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import regex

from tests.contract.wire import RefusedError

LIMIT = 280
_CASHTAG = re.compile(r"(?<![\w$])\$[A-Za-z]{1,6}\b")
_SEQUENCE = regex.compile(
    r"[\U0001F1E6-\U0001F1FF]{2}|[0-9#*]\uFE0F?\u20E3"
    r"|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F)[\U0001F3FB-\U0001F3FF]?\uFE0F?"
    r"(?:\u200D\p{Extended_Pictographic}[\U0001F3FB-\U0001F3FF]?\uFE0F?)*"
)
# The domains that the server's world knows.
_DOMAINS = "com|org|net|dk|se|no|de|eu|si|info|museum|io|kr|vi"
_WITH_SCHEME = re.compile(
    rf"(?<![a-z0-9@$#])https?://(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:{_DOMAINS})(?![a-z0-9@+-])"
    r"(?::\d+)?(?:/[\w!*';:=+,.$/%#\[\]\-~@|&()]*[\w=#/+\-)]|/)?(?:\?[\w!?*'@();:&=+$/%#\[\]\-.,~|]*[\w\-&=#/])?",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?<![a-z0-9@$#_./\-])(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)+(?:{_DOMAINS})(?![a-z0-9@+-])"
    r"(?:/[\w!*';:=+,.$/%#\[\]\-~@|&()]*[\w=#/+\-)]|/)?(?:\?[\w!?*'@();:&=+$/%#\[\]\-.,~|]*[\w\-&=#/])?",
    re.IGNORECASE,
)


def check_options(given: Mapping[str, Any]) -> None:
    """What stands beside a post's text must be as it is documented; and of cashtags there is one at most."""
    if given.get("reply_settings", "following") not in {"following", "mentionedUsers", "subscribers", "verified"}:
        raise RefusedError(
            400, "The `reply_settings` value is not one of [following,mentionedUsers,subscribers,verified]"
        )
    if poll := given.get("poll"):
        right = set(poll) == {"options", "duration_minutes"} and "media" not in given
        right = right and 2 <= len(poll["options"]) <= 4 and all(0 < len(each) <= 25 for each in poll["options"])
        if not right or not 5 <= poll["duration_minutes"] <= 10_080:
            raise RefusedError(400, "Contract: a poll has 2 to 4 options of 25 characters, for 5 to 10080 minutes")
    if any(not isinstance(given.get(name, False), bool) for name in ("made_with_ai", "paid_partnership", "nullcast")):
        raise RefusedError(400, "Contract: made_with_ai, paid_partnership and nullcast are true or false")
    if len(_CASHTAG.findall(str(given.get("text", "")))) > 1:
        raise RefusedError(400, "Contract: at most one cashtag")


def addresses(text: str) -> list[str]:
    """What becomes a t.co address, from left to right."""
    found, at = [], 0
    while near := [match for match in (_WITH_SCHEME.search(text, at), _BARE.search(text, at)) if match]:
        first = min(near, key=lambda match: (match.start(), -match.end()))
        found.append(first.group())
        at = first.end()
    return found


def weight(text: str) -> int:
    """The weighted length."""
    left = unicodedata.normalize("NFC", text)
    total = 0
    for address in addresses(left):
        left = left.replace(address, "", 1)
        total += 23
    without, sequences = _SEQUENCE.subn("", left)
    return total + 2 * sequences + sum(1 if _is_light(ord(character)) else 2 for character in without)


def _is_light(code: int) -> bool:
    return code < 4352 or 8192 <= code < 8206 or 8208 <= code < 8224 or 8242 <= code < 8248
