"""LinkedIn's “little text”: what must be escaped, or LinkedIn cuts the text there without a word (Posts API)."""

from __future__ import annotations

from functools import partial

import regex

RESERVED = frozenset("|{}@[]()<>#\\*_~")
# Kept as they are: a mention that somebody wrote as LinkedIn wants it, and a hashtag, which needs a letter.
_MARKUP = regex.compile(
    r"@\[(?P<name>[^\[\]\n]+)\]\((?P<urn>urn:li:(?:organization|person):[\w-]+)\)"
    r"|(?<![\p{L}\p{N}_#&/])\#(?P<tag>[\p{N}_]*\p{L}[\p{L}\p{M}\p{N}_]*)",
    flags=regex.VERSION1,
)
_WRITTEN = regex.compile(
    r"\{hashtag\|\\?\#\|(?P<tag>(?:\\.|[^\\{}])*)\}"
    r"|@\[(?P<name>(?:\\.|[^\\\]])*)\]\([^()]*\)"
    r"|\\(?P<plain>.)",
    flags=regex.VERSION1 | regex.DOTALL,
)


def little_text(text: str) -> str:
    """`text` as the API takes it: reserved characters escaped, #hashtags and @[Name](urn:li:organization:1) kept."""
    written, end = [], 0
    for match in _MARKUP.finditer(text):
        written += [_escaped(text[end : match.start()]), _marked(match)]
        end = match.end()
    return "".join([*written, _escaped(text[end:])])


def as_read(commentary: str) -> str:
    """What readers see of little text, whichever of its two ways a hashtag is written in."""
    return str(_WRITTEN.sub(_seen, commentary))


def without_mentions(text: str) -> str:
    """`text` with the bare name for each mention: comments have no little text."""
    return str(_MARKUP.sub(lambda match: match["name"] or match.group(), text))


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in RESERVED else character for character in text)


def _marked(match: regex.Match[str]) -> str:
    if match["urn"]:
        return f"@[{_escaped(match['name'])}]({match['urn']})"
    tag = match["tag"]
    # A plain hashtag would end at the escaped character.
    return f"{{hashtag|\\#|{_escaped(tag)}}}" if RESERVED & set(tag) else f"#{tag}"


def _seen(match: regex.Match[str]) -> str:
    read = partial(regex.sub, r"\\(.)", r"\1", flags=regex.DOTALL)
    if match["tag"] is not None:
        return f"#{read(match['tag'])}"
    return str(read(match["name"])) if match["name"] is not None else str(match["plain"])
