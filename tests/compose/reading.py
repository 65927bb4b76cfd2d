"""Reading a finished mail the way its reader's program does."""

from __future__ import annotations

from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

VOID = {"br", "img", "meta", "link", "hr", "input"}
BLOCKS = {"p", "div", "td", "tr", "table", "h1", "h2", "h3", "li", "ul", "ol", "br", "blockquote", "img"}


@dataclass
class Mail(HTMLParser):
    """What a page or mail shows: its visible text, its pictures and links, its headings."""

    text: str = ""
    pictures: list[dict[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    headings: list[tuple[str, str]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    language: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.path: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag == "html":
            self.language = values.get("lang", "")
        if tag == "img":
            self.pictures.append(values)
        if tag == "a":
            self.links.append((values.get("href", ""), ""))
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append((tag, ""))
        if tag in BLOCKS:
            self.text += "\n"
        if tag not in VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.path:
            while self.path.pop() != tag:
                pass
        if tag in BLOCKS:
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        if "style" in self.path:
            return
        if "title" in self.path:
            self.title += data
            return
        self.text += data
        if "a" in self.path:
            self.links[-1] = (self.links[-1][0], self.links[-1][1] + data)
        for level in ("h1", "h2", "h3", "h4"):
            if level in self.path:
                self.headings[-1] = (level, self.headings[-1][1] + data)


def read_html(html: str) -> Mail:
    """Parse a page or mail."""
    mail = Mail()
    mail.feed(html)
    mail.close()
    return mail


def read_wire(wire: bytes) -> EmailMessage:
    """Parse a mail from the wire, as strictly as the standard library can."""
    message = message_from_bytes(wire, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts_of(wire: bytes) -> tuple[str, str]:
    """The decoded text and HTML of a mail that must have exactly these two parts, in this order."""
    message = read_wire(wire)
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects
    plain, html = message.iter_parts()
    for part, kind in ((plain, "text/plain"), (html, "text/html")):
        assert part.get_content_type() == kind
        assert part.get_content_charset() == "utf-8"
        assert not part.defects
    return plain.get_content(), html.get_content()


def check_wire(wire: bytes) -> None:
    """What every mail on the wire must be, whatever it says."""
    assert wire.endswith(b"\r\n")
    assert b"\n" not in wire.replace(b"\r\n", b"") and b"\r" not in wire.replace(b"\r\n", b"")
    assert wire.isascii() and b"\0" not in wire
    lines = wire.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not [line for line in lines if line.startswith((b".", b"From "))]
    _head, _blank, body = wire.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 78


def squeezed(text: str) -> str:
    """Text without regard to where its lines end."""
    return " ".join(text.split())
