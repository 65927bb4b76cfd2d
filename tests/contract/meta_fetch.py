"""Containers of the Instagram and Threads servers, and the pictures that these servers fetch from us, over the wire."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from PIL import Image

KEPT = timedelta(hours=24)
PATIENCE_S = 10
MOST_BYTES = 8_000_000


class Fetched(NamedTuple):
    """What came back for a picture's address."""

    status: int
    media_type: str
    content: bytes


Fetch = Callable[[str], Fetched | None]


@dataclass
class Box:
    """A container: `looks` is how many times it still says IN_PROGRESS; `error` what is wrong with it."""

    box_id: str
    owner: str
    created_at: datetime
    text: str = ""
    alt_texts: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    reply_to: str = ""
    link: str = ""
    is_item: bool = False
    looks: int = 0
    error: str = ""
    media_id: str = ""

    def state(self, now: datetime) -> str:
        """IN_PROGRESS, FINISHED, PUBLISHED, ERROR or EXPIRED, as a look finds it; counts the look."""
        if self.media_id:
            return "PUBLISHED"
        if now - self.created_at > KEPT:
            return "EXPIRED"
        if self.error:
            return "ERROR"
        if self.looks > 0:
            self.looks -= 1
            return "IN_PROGRESS"
        return "FINISHED"


def over_the_wire(url: str) -> Fetched | None:
    """Fetch a public address as the platform does: without cookies, following redirects; None if nobody answers."""
    request = urllib.request.Request(url, headers={"User-Agent": "facebookexternalhit/1.1"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return Fetched(response.status, response.headers.get_content_type(), response.read(MOST_BYTES + 1))
    except urllib.error.HTTPError as error:
        return Fetched(error.code, "", b"")
    except (OSError, ValueError):
        return None


def is_public(url: str) -> bool:
    """Whether the platform would fetch from there at all: https; plain http only on this machine, in trials."""
    parts = urlsplit(url)
    local = parts.hostname in {"127.0.0.1", "localhost"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


def what_is_wrong(found: Fetched | None, kinds: set[str], aspects: tuple[float, float]) -> str:
    """ "" for a picture that the platform takes, else one of: download, format, size, aspect."""
    if found is None or found.status != 200:
        return "download"
    try:
        with Image.open(io.BytesIO(found.content)) as image:
            kind, shape = image.format or "", image.width / image.height
            image.load()
    except OSError:
        return "format"
    if kind not in kinds or found.media_type != f"image/{kind.lower()}":
        return "format"
    if len(found.content) > MOST_BYTES:
        return "size"
    # One pixel may be lost in rounding.
    return "" if aspects[0] - 0.01 <= shape <= aspects[1] + 0.01 else "aspect"
