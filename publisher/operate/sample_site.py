"""The sample website on this machine: a feed with pictures, a page per story, and a button that publishes one more."""

from __future__ import annotations

import hashlib
import http.server
import re
import sys
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.template.loader import render_to_string

from publisher.operate.sample_news import Published, SampleNews
from publisher.operate.sample_pictures import DRAWINGS, jpeg

HTML = "text/html; charset=utf-8"
_STORY = re.compile(r"/nyheder/([a-z0-9-]+)")
_PICTURE = re.compile(r"/billeder/([a-z]+)\.jpg")


def feed(news: SampleNews, base: str) -> bytes:
    """The RSS feed; `base` is the address of the site without a slash at its end."""
    published = [{"story": one.story, "when": format_datetime(one.at)} for one in news.published()]
    return render_to_string("samples/feed.xml", {"base": base, "published": published}).encode()


class Site(http.server.ThreadingHTTPServer):
    """Serves the sample website on `host`:`port`. Raises OSError if the port is taken."""

    daemon_threads = True

    def __init__(self, news: SampleNews, host: str, port: int) -> None:
        super().__init__((host, port), _Page)
        self.news = news
        self.base = f"http://{host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Readers may hang up whenever they like; all else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Page(http.server.BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"
    server_version = "OpslagSample"
    timeout: ClassVar[int] = 10

    def do_GET(self) -> None:
        """The feed, the front page, a story, a picture."""
        path = self.path.partition("?")[0]
        if path == "/feed.xml":
            self._answer(feed(self.server.news, self.server.base), "application/rss+xml; charset=utf-8")
        elif path == "/":
            self._answer_page("samples/front.html", published=self.server.news.published())
        elif found := _STORY.fullmatch(path):
            self._answer_story(found[1])
        elif (found := _PICTURE.fullmatch(path)) and found[1] in DRAWINGS:
            self._answer(jpeg(found[1]), "image/jpeg")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Publish one more story, then back to the front page."""
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 10_000))
        if self.path != "/udgiv":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.server.news.publish_next()
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer_story(self, slug: str) -> None:
        one = next((one for one in self.server.news.published() if one.story.slug == slug), None)
        if one is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._answer_page("samples/story.html", one=one)

    def _answer_page(self, template: str, **values: Published | list[Published]) -> None:
        self._answer(render_to_string(template, values).encode(), HTML)

    def _answer(self, content: bytes, media_type: str) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        unchanged = self.headers.get("If-None-Match") == tag
        self.send_response(HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK)
        self.send_header("ETag", tag)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", "0" if unchanged else str(len(content)))
        self.end_headers()
        if not unchanged:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name that http.server passes
        """Not a word: who reads the sample news is of no interest."""
