"""A website at the wire: a feed, pictures and whatever else a test puts there."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

import httpx
from PIL import Image

from publisher.http import use_transport

HOST = "https://kultur.example.org"
FEED = f"{HOST}/feed.xml"
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Story:
    """One entry of the feed, as XML will say it."""

    title: str
    link: str = ""
    guid: str = ""
    lead: str = ""
    body: str = ""
    picture: str = ""
    picture_text: str = ""
    published: datetime | None = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    tags: Sequence[str] = ()
    areas: Sequence[str] = ()

    def as_xml(self) -> str:
        parts = [f"<title>{escape(self.title)}</title>"]
        parts += [f"<link>{escape(self.link)}</link>"] if self.link else []
        parts += [f'<guid isPermaLink="false">{escape(self.guid)}</guid>'] if self.guid else []
        parts += [f"<pubDate>{format_datetime(self.published)}</pubDate>"] if self.published else []
        parts += [f"<description>{escape(self.lead)}</description>"] if self.lead else []
        parts += [f"<content:encoded><![CDATA[{self.body}]]></content:encoded>"] if self.body else []
        parts += [f"<category>{escape(tag)}</category>" for tag in self.tags]
        parts += [f'<category domain="area">{escape(area)}</category>' for area in self.areas]
        if self.picture:
            words = f"<media:description>{escape(self.picture_text)}</media:description>" if self.picture_text else ""
            parts.append(f'<media:content url="{escape(self.picture)}" medium="image">{words}</media:content>')
        return f"<item>{''.join(parts)}</item>"


def feed_of(*stories: Story, title: str = "Nyheder") -> bytes:
    """An RSS feed of these stories."""
    items = "".join(story.as_xml() for story in stories)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{escape(title)}</title><link>{HOST}/</link><description>x</description>{items}</channel></rss>"
    ).encode()


@dataclass
class Website:
    """Answers by address; `asked` lists what was asked for. Everything else is 404."""

    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def show(self, *stories: Story, url: str = FEED) -> None:
        """Let the feed at `url` hold these stories."""
        self.pages[url] = httpx.Response(
            200, content=feed_of(*stories), headers={"content-type": "application/rss+xml"}
        )

    def put(self, url: str, content: bytes, media_type: str = "image/jpeg") -> None:
        """Let `url` hold a file."""
        self.pages[url] = httpx.Response(200, content=content, headers={"content-type": media_type})

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        page = self.pages.get(url, httpx.Response(404))
        return (
            page(request)
            if callable(page)
            else httpx.Response(page.status_code, headers=page.headers, content=page.content)
        )


@contextmanager
def website(*stories: Story) -> Iterator[Website]:
    """A website whose feed holds these stories; no call leaves the test."""
    site = Website()
    site.show(*stories)
    with use_transport(httpx.MockTransport(site.answer)):
        yield site


def drawing(
    width: int = 640, height: int = 400, *, colour: str = "#0B5FA5", kind: str = "JPEG", **options: object
) -> bytes:
    """A picture of one colour, with a corner in another so that turning it shows."""
    image = Image.new("RGB", (width, height), colour)
    image.paste("#FFCC00", (0, 0, width // 4, height // 4))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
