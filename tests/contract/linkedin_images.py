"""Images at the LinkedIn contract server: a place is given, bytes are put there, and it works on them."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

_TYPES = {"JPEG", "PNG", "GIF"}
_MAX_PIXELS = 36_152_320


@dataclass
class Picture:
    """An image by its URN; `polls_left` looks until it is AVAILABLE."""

    urn: str
    owner: str
    polls_left: int
    content: bytes = b""
    failed: bool = False

    @property
    def status(self) -> str:
        if self.failed:
            return "PROCESSING_FAILED"
        if not self.content:
            return "WAITING_UPLOAD"
        return "PROCESSING" if self.polls_left else "AVAILABLE"

    def put(self, content: bytes) -> None:
        """Take the bytes in; what is no picture fails while it is processed, as at LinkedIn."""
        self.content = content
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                self.failed = image.format not in _TYPES or image.width * image.height >= _MAX_PIXELS
        except (UnidentifiedImageError, OSError):
            self.failed = True
