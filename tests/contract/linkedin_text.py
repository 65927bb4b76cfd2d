"""Little text as LinkedIn reads it, written from its documentation for the contract server alone."""

from __future__ import annotations

from tests.contract.wire import RefusedError

RESERVED = "|{}@[]()<>#\\*_~"


def shown(commentary: str) -> str:
    """What readers see. Refuses an unescaped reserved character, where LinkedIn itself would cut without a word."""
    seen, at = [], 0
    while at < len(commentary):
        words, at = _next(commentary, at)
        seen.append(words)
    return "".join(seen)


def as_told(commentary: str) -> str:
    """As the API gives it back: a plain hashtag in its long form."""
    told, at = [], 0
    while at < len(commentary):
        words, end = _next(commentary, at)
        plain_tag = commentary[at] == "#"
        told.append(f"{{hashtag|\\#|{words[1:]}}}" if plain_tag else commentary[at:end])
        at = end
    return "".join(told)


def _next(text: str, at: int) -> tuple[str, int]:
    character = text[at]
    if character == "\\":
        if at + 1 >= len(text) or text[at + 1] not in RESERVED:
            raise RefusedError(400, "Contract: a backslash that escapes nothing")
        return text[at + 1], at + 2
    if character == "#":
        end = at + 1
        while end < len(text) and (text[end].isalnum() or not text[end].isascii()) and not text[end].isspace():
            end += 1
        if end == at + 1:
            raise _cut(text, at)
        return text[at:end], end
    if text.startswith("{hashtag|\\#|", at):
        words, end = _until(text, at + len("{hashtag|\\#|"), "}")
        return f"#{words}", end
    if text.startswith("@[", at):
        name, end = _until(text, at + 2, "]")
        urn, closed = text[end + 1 :].partition(")")[:2]
        if text[end : end + 1] != "(" or not closed or not urn.startswith(("urn:li:organization:", "urn:li:person:")):
            raise _cut(text, at)
        return name, end + len(urn) + 2
    if character in RESERVED:
        raise _cut(text, at)
    return character, at + 1


def _until(text: str, at: int, end: str) -> tuple[str, int]:
    words = []
    while at < len(text) and text[at] != end:
        if text[at] in RESERVED and text[at] != "\\":
            raise _cut(text, at)
        at += text[at] == "\\"
        words.append(text[at : at + 1])
        at += 1
    return "".join(words), at + 1


def _cut(text: str, at: int) -> RefusedError:
    return RefusedError(400, f"Contract: LinkedIn would cut the text before {text[at : at + 10]!r}")
