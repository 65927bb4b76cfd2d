"""Uploads to the X contract server: nothing but pictures, ready at once or after a while, kept for a day."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from datetime import datetime, timedelta

from PIL import Image, UnidentifiedImageError

from tests.contract.faults import Clock
from tests.contract.wire import RefusedError

TYPES = {"image/jpeg", "image/png", "image/webp", "image/gif"}
_CATEGORIES = {"tweet_image", "tweet_gif"}
_KEPT_FOR = timedelta(days=1)
_MAX_BYTES, _MAX_GIF_BYTES = 5 * 1024 * 1024, 15 * 1024 * 1024
ALT_LENGTH = 1000


@dataclass
class Media:
    """A picture that was uploaded; `polls_left` looks until it is ready."""

    media_id: str
    content: bytes
    until: datetime
    polls_left: int
    width: int
    height: int
    failed: bool = False
    alt: str = ""
    is_gif: bool = False

    @property
    def state(self) -> str:
        if self.failed:
            return "failed"
        return "in_progress" if self.polls_left else "succeeded"

    def entity(self, *, ready_at_once: bool) -> dict[str, object]:
        shown: dict[str, object] = {
            "id": self.media_id,
            "media_key": f"3_{self.media_id}",
            "size": len(self.content),
            "expires_after_secs": 86400,
            "image": {"w": self.width, "h": self.height, "image_type": "image/png"},
        }
        return shown if ready_at_once else shown | {"processing_info": {"state": self.state, "check_after_secs": 1}}


def received(given: dict[str, object], media_id: str, clock: Clock, polls: int) -> Media:
    """The picture in the body of `POST /2/media/upload`."""
    if set(given) != {"media", "media_category", "media_type"}:
        raise RefusedError(400, "Contract: media, media_category and media_type, and nothing else")
    kind = str(given["media_type"])
    if kind not in TYPES or given["media_category"] not in _CATEGORIES:
        raise RefusedError(400, "The type of the media is not supported.")
    if (kind == "image/gif") != (given["media_category"] == "tweet_gif"):
        raise RefusedError(400, "Contract: the media category does not fit the media type")
    try:
        content = base64.b64decode(str(given["media"]), validate=True)
    except binascii.Error:
        raise RefusedError(400, "Contract: media is not base64") from None
    if len(content) > (_MAX_GIF_BYTES if kind == "image/gif" else _MAX_BYTES):
        raise RefusedError(400, "The media is too large.")
    width, height = _size(content, kind)
    return Media(media_id, content, clock.now() + _KEPT_FOR, polls, width, height, is_gif=kind == "image/gif")


def described(given: dict[str, object]) -> tuple[str, str]:
    """The media id and the alt text in the body of `POST /2/media/metadata`."""
    metadata = given.get("metadata")
    alt = metadata.get("alt_text") if isinstance(metadata, dict) and set(metadata) == {"alt_text"} else None
    text = alt.get("text") if isinstance(alt, dict) and set(alt) == {"text"} else None
    if set(given) != {"id", "metadata"} or not isinstance(text, str) or not text:
        raise RefusedError(400, 'Contract: {"id", "metadata": {"alt_text": {"text"}}}')
    if len(text) > ALT_LENGTH:
        raise RefusedError(400, "The alt text is longer than 1000 characters.")
    return str(given["id"]), text


def _size(content: bytes, kind: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            if Image.MIME.get(image.format or "") != kind:
                raise RefusedError(400, "The media is not of the type that it says.")
            return image.size
    except (UnidentifiedImageError, OSError):
        raise RefusedError(400, "The media could not be read.") from None
