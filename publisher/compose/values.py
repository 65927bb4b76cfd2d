"""Text from outside, made fit for where it is put: one line, several lines, an attribute, a limited length."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

# Control characters, lone surrogates and non-characters: no mail, no JSON column and no MJML can carry them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# All that ends a line or is a plain space. Not the no-break space: it belongs to the text.
_WHITE_SPACE = re.compile("[\t-\r \x85\u2028\u2029]+")
_LINE_END = re.compile("\r\n|[\n\x0b\x0c\r\x85\u2028\u2029]")
_PLAIN_IN_ATTRIBUTE = re.compile(r"[^A-Za-z0-9 \-._~:/?#@!$*+,;=%()]")


def one_line(text: str) -> str:
    """The text as one line: line ends become spaces, what cannot be printed goes, NBSP and soft hyphens stay."""
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _WHITE_SPACE.sub(" ", _UNPRINTABLE.sub("", text)).strip(" ")


def many_lines(text: str) -> str:
    """The text with its line ends as \\n and without what cannot be printed."""
    return _UNPRINTABLE.sub("", _LINE_END.sub("\n", text)).strip()


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where something was left out."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rpartition(" ")[0] or head).rstrip(" ,;:–-") + "…"


def in_attribute(text: str) -> str:
    """The value of an attribute in MJML: NFC, one line, all but plain ASCII as numeric entities.

    mjml-python prints attributes with escapes of its own: NBSP and soft hyphens become `\\u{a0}`, a backslash doubles,
    a quote ends the attribute. Numeric entities pass through it untouched.
    """
    return _PLAIN_IN_ATTRIBUTE.sub(lambda found: f"&#{ord(found[0])};", one_line(unicodedata.normalize("NFC", text)))


def is_web_address(link: str) -> bool:
    """Whether a link is a complete http(s) address."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
