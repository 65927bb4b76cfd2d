"""Pictures that can be fetched, and the order of calls in production, for platforms that publish containers."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from publisher.platforms.contract import PictureFile, Post, Published
from tests.contract.meta_fetch import Fetched
from tests.platforms.platform_contract import Stage

HELD: dict[str, tuple[str, bytes]] = {}
ALT = "Børn løber over pladsen foran biblioteket"


@dataclass(frozen=True)
class HeldPicture(PictureFile):
    """A picture whose bytes `fetch` gives for its address."""

    def __post_init__(self) -> None:
        url = f"https://opslag.example.org/p/{hashlib.sha256(self.content).hexdigest()}"
        HELD[url] = (self.media_type, self.content)
        object.__setattr__(self, "url", url)


def fetch(url: str) -> Fetched | None:
    """What the server gets from us, without a network."""
    return Fetched(200, *HELD[url]) if url in HELD else Fetched(404, "", b"")


def a_picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> HeldPicture:
    """A small real picture with a Danish description."""
    content = io.BytesIO()
    Image.new("RGB", size, "#205080").save(content, kind)
    return HeldPicture(content.getvalue(), f"image/{kind.lower()}", ALT, *size)


@dataclass
class ContainerStage(Stage):
    """What is prepared is kept by its post's key, as the row of a part keeps it, and every post is confirmed."""

    kept: dict[str, Any] = field(default_factory=dict)

    def publish(self, post: Post) -> Published:
        published = super().publish(post)
        return self.platform.confirm(self.config, self.facts, published)

    def commit_only(self, post: Post) -> Published:
        if post.key not in self.kept:
            self.kept[post.key] = self.platform.prepare(self.config, self.facts, post)
        published = self.platform.commit(self.config, self.facts, post, self.kept[post.key])
        return self.platform.confirm(self.config, self.facts, published)
