"""What a feed needs to read out of markup: plain text, tags with their attributes, whole addresses.

One linear pass over tags instead of a tree: hostile input costs tree builders (nh3, html.parser) minutes or gigabytes.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

TOKEN = re.compile(r"(?P<hide><!--)|(?P<show>-->)|<(?P<end>/?)(?P<name>[a-zA-Z][^\s<>/]*+)(?P<rest>[^<>]*+)>")
_ATTRIBUTE = re.compile(r"([a-zA-Z][\w:-]*+)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "samp"}
    | {"small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
# Control characters, lone surrogates and direction overrides: a database refuses them or a headline can lie with them.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
# Where there may be an address without its host. Begins with the sign that a text has fewest of: found fastest.
_RELATIVE = re.compile(
    r"=(?:(?<=href=)|(?<=src=)|(?<=\s=))\s*+[\"']?+(?!\s*+(?:https?:|mailto:|tel:|data:|#))", re.IGNORECASE
)
_HIDING = re.compile(r"<(?:!--|script|style)", re.IGNORECASE)
_TAG = re.compile(r"</?([a-zA-Z][^\s<>/]*+)[^<>]*+>")
_ADDRESS = re.compile(r"(\b(?:href|src)\s*+=\s*+)(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE)


def plain_text(markup: str) -> str:
    """The words of `markup` on one line: entities decoded once, then tags and scripts taken out, NFC."""
    # Most headlines and all words of a taxonomy are plain already.
    words = _visible(html.unescape(markup)) if "<" in markup or "&" in markup else markup
    return " ".join(unicodedata.normalize("NFC", without_controls(words)).split())


def paragraphs(text: str) -> str:
    """Plain text as HTML: an empty line parts paragraphs, a line end is one."""
    parts = (part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")))
    return "".join("<p>" + html.escape(part, quote=False).replace("\n", "<br>") + "</p>" for part in parts if part)


def without_controls(text: str) -> str:
    """`text` without the characters that no database or page should meet."""
    return text if text.replace("\n", "").isprintable() else _UNWANTED.sub("", text)


def web_address(address: str, base: str) -> str:
    """`address` as an absolute http(s) URL, "" if it is not one."""
    try:
        absolute = urljoin(base, without_controls(address).strip())
        parts = urlsplit(absolute)
    except ValueError:
        return ""
    return absolute if parts.scheme in {"http", "https"} and parts.netloc else ""


def pixels(value: str) -> int:
    """A width or height as written in markup, 0 if it does not name pixels."""
    found = re.fullmatch(r"\s*(\d{1,5})(?:\.\d+)?(?:px)?\s*", value or "", re.ASCII)
    return int(found[1]) if found else 0


def attributes_of(rest: str) -> dict[str, str]:
    """The attributes of a tag, from what stands in it behind its name; names in lower case, values decoded."""
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(rest):
        found.setdefault(name.lower(), html.unescape("".join(values)))
    return found


def primary_language(written: str) -> str:
    """The language as its primary subtag, for example “da” for “da-DK”; "" if it is none."""
    primary = str(written).strip().lower().replace("_", "-").partition("-")[0]
    return primary if re.fullmatch("[a-z]{2,3}", primary) else ""


def with_absolute_addresses(markup: str, base: str) -> str:
    """`markup` with the addresses of links and pictures as they are for somebody who is not at `base`."""
    if not base or not _RELATIVE.search(markup):
        return markup

    def absolute(found: re.Match[str]) -> str:
        written = html.unescape(found[2] or found[3] or found[4] or "").strip()
        if not written or re.match(r"[a-zA-Z][\w+.-]*:|#", written):
            return found[0]
        return f'{found[1]}"{html.escape(web_address(written, base))}"'

    return TOKEN.sub(lambda tag: _ADDRESS.sub(absolute, tag[0]) if tag["name"] else tag[0], markup)


def elements(markup: str, *names: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The start tags with one of these names, in order, with their attributes."""
    for token in TOKEN.finditer(markup):
        name = (token["name"] or "").lower()
        if name in names and not token["end"]:
            yield name, attributes_of(token["rest"])


def _visible(markup: str) -> str:
    if "-->" in markup or _HIDING.search(markup):
        return "".join(_not_hidden(markup))
    return _TAG.sub(lambda tag: "" if tag[1].lower() in _INLINE else " ", markup)


def _not_hidden(markup: str) -> Iterator[str]:
    position, hidden_until = 0, ""
    for token in TOKEN.finditer(markup):
        name = "-->" if token["hide"] or token["show"] else token["name"].lower()
        closes = bool(token["show"] or token["end"])
        if not hidden_until:
            yield markup[position : token.start()]
            if name not in _INLINE:
                yield " "
            if not closes and name in {"-->", "script", "style"}:
                hidden_until = name
        elif closes and name == hidden_until:
            hidden_until = ""
        position = token.end()
    if not hidden_until:
        yield markup[position:]
