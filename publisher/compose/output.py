"""What leaves as HTML: it asks nothing of a third party, names its language, and every picture has an alt text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.conf import settings

from publisher.compose.guards import template_fault

_FETCHING = frozenset({"src", "srcset", "background", "poster", "data", "lowsrc", "dynsrc"})
_RUNNING = frozenset({"script", "iframe", "object", "embed", "form", "input", "base", "link", "svg", "video", "audio"})
_IN_CSS = re.compile(r"@import\b|\burl\s*\(|\bimage-set\s*\(", re.IGNORECASE)


class _Reader(HTMLParser):
    """Reads a finished mail the way a mail program does, conditional comments for Outlook included."""

    def __init__(self) -> None:
        super().__init__()
        self.language = ""
        self.title = ""
        self.problems: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        values = {name: value or "" for name, value in attrs}
        if tag in _RUNNING:
            self.problems.append(f"<{tag}>")
        if tag == "html":
            self.language = values.get("lang", "")
        if tag == "img" and "alt" not in values:
            self.problems.append("a picture without alt")
        for name, value in values.items():
            self._attribute(tag, name, value)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self.problems.append(f"{name} in <{tag}>")
        if name in _FETCHING and not value.startswith(f"{settings.OPSLAG_BASE_URL}/"):
            self.problems.append(f"a request to {value[:80]}")
        if name == "style" and _IN_CSS.search(value):
            self.problems.append(f"a request in the style of <{tag}>")
        if tag == "a" and name == "href" and not value.startswith(("https://", "http://", "mailto:", "tel:")):
            self.problems.append(f"a link to {value[:80]}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        if self._inside == "style" and _IN_CSS.search(data):
            self.problems.append("a request in the style sheet")

    def handle_comment(self, data: str) -> None:
        inner = _Reader()
        inner.feed(data.partition(">")[2].removesuffix("<![endif]"))
        self.problems += inner.problems


def check_output(html: str) -> None:
    """Refuse a finished mail that fetches from elsewhere, runs something, or is not accessible.

    Raises PermanentError: content cannot bring any of this about, only a template can.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if not reader.language or reader.language == "und":
        reader.problems.append("no language")
    if not reader.title.strip():
        reader.problems.append("no title")
    if reader.problems:
        raise template_fault("; ".join(reader.problems[:3]))
