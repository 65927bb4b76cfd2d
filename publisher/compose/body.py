"""A story's body: from the item's HTML to what MJML takes, and to paragraphs of plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

from publisher.compose.guards import check_piece
from publisher.compose.values import in_attribute, one_line
from publisher.items.content import clean_html

# The newsletter's name is h1 and a story's title h2.
_HEADINGS = {"h2": "h3"}
_LISTS = frozenset({"ul", "ol"})
_BLOCKS = frozenset({"p", "li", "h2", "h3", "blockquote"}) | _LISTS
_BLOCK = re.compile(r"<(?:p|ul|ol|h2|h3|blockquote)>")


def clean_body(html: str, *, title: str, base: str = "") -> str:
    """The safe subset of the HTML (cleaned before it was stored, and here once more); `base` completes its links.

    Raises InputError (naming the story) if it is too large or too deeply nested.
    """
    check_piece(html, title)
    return clean_html(html, base)


class _MailWriter(HTMLParser):
    """Writes cleaned HTML for mj-text: attributes as numeric entities, headings below ours."""

    def __init__(self, address: Callable[[str], str]) -> None:
        super().__init__()
        self._address = address
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        self.out.append(f'<a href="{in_attribute(self._address(href))}">' if href else f"<{_HEADINGS.get(tag, tag)}>")

    def handle_endtag(self, tag: str) -> None:
        self.out.append(f"</{_HEADINGS.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        self.out.append(escape(data))


def mail_html(cleaned: str, address: Callable[[str], str] = str) -> str:
    """What `clean_body` gave, as the content of an mj-text; text without paragraphs becomes one.

    `address` says what to write instead of a link's address.
    """
    writer = _MailWriter(address)
    writer.feed(cleaned if _BLOCK.search(cleaned) else f"<p>{cleaned}</p>" if cleaned else "")
    writer.close()
    return "".join(writer.out)


class _TextWriter(HTMLParser):
    """Writes cleaned HTML as paragraphs; a link's address stands behind its words, a list is one paragraph."""

    def __init__(self, address: Callable[[str], str]) -> None:
        super().__init__()
        self._address = address
        self.paragraphs: list[str] = []
        self._words: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._numbers: list[int | None] = []
        self._mark = ""
        self._in_list = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._words.append("\n")
        elif tag == "a":
            self._links.append((self._address(dict(attrs).get("href") or ""), len(self._words)))
        elif tag in _BLOCKS:
            self.end_paragraph()
        if tag in _LISTS:
            self._numbers.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._next_mark()

    def _next_mark(self) -> str:
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "- "
        self._numbers[-1] = number + 1
        return f"{number + 1}. "

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            href, start = self._links.pop()
            if href and href != one_line("".join(self._words[start:])):
                self._words.append(f" <{href}>")
        elif tag in _BLOCKS:
            self.end_paragraph()
        if tag in _LISTS:
            self._numbers = self._numbers[:-1]
            self._in_list = bool(self._numbers)

    def handle_data(self, data: str) -> None:
        self._words.append(data.replace("\n", " "))

    def end_paragraph(self) -> None:
        text = "\n".join(line for row in "".join(self._words).split("\n") if (line := one_line(row)))
        self._words.clear()
        if text and self._mark and self._in_list:
            self.paragraphs[-1] += f"\n{self._mark}{text}"
        elif text:
            self.paragraphs.append(f"{self._mark}{text}")
        if text:
            self._in_list, self._mark = bool(self._mark), ""


def paragraphs(cleaned: str, address: Callable[[str], str] = str) -> list[str]:
    """What `clean_body` gave, as plain paragraphs (a list is one, an entry a line); links with their `address`."""
    writer = _TextWriter(address)
    writer.feed(cleaned)
    writer.close()
    writer.end_paragraph()
    return writer.paragraphs
