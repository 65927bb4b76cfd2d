"""A picture in the size, shape and kind that somebody takes: what a platform uploads is made here."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.utils.translation import gettext_noop
from PIL import Image

from publisher.errors import PermanentError
from publisher.items.picture_files import MAX_SIDE
from publisher.items.pictures import picture_bytes
from publisher.models import Picture
from publisher.vocabulary import Reason

# Smaller than this nobody sees what it shows.
SMALLEST_SIDE = 120
_QUALITIES = (85, 75, 65)
_SHRINK = 0.8
_KINDS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
# In this order where the picture's own kind is not taken.
_PREFERRED = ("image/jpeg", "image/png", "image/webp", "image/gif")


class Rendition(NamedTuple):
    """A picture's bytes for somebody, with their media type, size in pixels, and where the focal point is in them."""

    content: bytes
    media_type: str
    width: int
    height: int
    focal: tuple[float, float]


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def rendition(
    picture: Picture,
    *,
    max_side: int = MAX_SIDE,
    max_bytes: int = 8_000_000,
    aspects: tuple[float, float] | None = None,
    media_types: Sequence[str] = _PREFERRED,
) -> Rendition:
    """The best version of a picture within all the limits.

    `aspects` are the narrowest and the widest shape (width ÷ height); what must be cut off is cut so that the focal
    point stays. The picture's own kind if it is among `media_types`, else JPEG, PNG, WebP or GIF, on white where the
    kind knows no transparency. Raises PermanentError if it cannot be made small enough, or its file is missing.
    """
    own = picture_bytes(picture)
    with Image.open(io.BytesIO(own)) as opened:
        # Its head says how large it is; nothing is decoded of what may stay as it is.
        box = crop_box(*opened.size, aspects, picture.focal_x, picture.focal_y)
        is_whole = box == (0, 0, *opened.size)
        fits = max(opened.size) <= max_side and len(own) <= max_bytes and picture.media_type in media_types
        if is_whole and fits:
            return Rendition(own, picture.media_type, *opened.size, (picture.focal_x, picture.focal_y))
        whole = opened.convert("RGBA" if opened.mode == "RGBA" else "RGB")
    part = whole if is_whole else whole.crop(box)
    for side in _sides(min(max_side, max(part.size))):
        small = _resized(part, side, aspects)
        for kind in _kinds(picture.media_type, media_types):
            content = next((each for each in _encodings(small, kind) if len(each) <= max_bytes), None)
            if content is not None:
                return Rendition(content, kind, *small.size, _focal_within(box, picture, whole.size))
    raise PermanentError(
        gettext_noop("The picture cannot be made small enough for this channel (%(limit)s kB). Choose another."),
        reason=Reason.REJECTED,
        limit=max_bytes // 1000,
    )


def crop_box(width: int, height: int, aspects: tuple[float, float] | None, focal_x: float, focal_y: float) -> Box:
    """The largest part of a picture with one of the `aspects` (narrowest and widest), as near around its focal point
    (0 to 1) as the edges allow; all of it where it fits."""
    if aspects is None:
        return Box(0, 0, width, height)
    narrowest, widest = aspects
    shape = width / height
    if shape > widest:
        keep = max(1, min(width, int(height * widest)))
        left = _start(width, keep, focal_x)
        return Box(left, 0, left + keep, height)
    if shape < narrowest:
        keep = max(1, min(height, int(width / narrowest)))
        top = _start(height, keep, focal_y)
        return Box(0, top, width, top + keep)
    return Box(0, 0, width, height)


def _start(length: int, keep: int, focal: float) -> int:
    return min(max(round(length * focal - keep / 2), 0), length - keep)


def _kinds(own: str, media_types: Sequence[str]) -> list[str]:
    """The picture's own kind, then the one that makes the smallest files, as far as they are taken."""
    taken = [kind for kind in (own, *_PREFERRED) if kind in media_types]
    return list(dict.fromkeys(taken))[:2] or ["image/jpeg"]


def _sides(largest: int) -> Iterator[int]:
    """Ever smaller longest sides, the last not below SMALLEST_SIDE unless it has to be."""
    side = largest
    while side >= SMALLEST_SIDE:
        yield side
        side = int(side * _SHRINK)
    if largest < SMALLEST_SIDE:
        yield largest


def _resized(part: Image.Image, side: int, aspects: tuple[float, float] | None) -> Image.Image:
    image = part.copy()
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    # Whole pixels may have made it a little too narrow or too wide again.
    return image.crop(crop_box(*image.size, aspects, 0.5, 0.5))


def _focal_within(box: Box, picture: Picture, size: tuple[int, int]) -> tuple[float, float]:
    """Where the focal point is in a part of the picture."""
    across = (picture.focal_x * size[0] - box.left) / (box.right - box.left)
    down = (picture.focal_y * size[1] - box.top) / (box.bottom - box.top)
    return min(max(across, 0.0), 1.0), min(max(down, 0.0), 1.0)


def _encodings(image: Image.Image, kind: str) -> Iterator[bytes]:
    """The image in one kind, each time smaller."""
    if kind == "image/jpeg":
        flat = on_white(image)
        for quality in _QUALITIES:
            yield _saved(flat, kind, quality=quality, progressive=True, optimize=True)
    elif kind == "image/webp":
        for quality in _QUALITIES:
            yield _saved(image, kind, quality=quality)
    elif kind == "image/gif":
        yield _saved(on_white(image), kind)
    else:
        yield _saved(image, kind, optimize=True)


def on_white(image: Image.Image) -> Image.Image:
    """The image as RGB, on white where it was transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, _KINDS[kind], **options)
    return out.getvalue()
