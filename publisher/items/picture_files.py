"""The files of the pictures we host: named by their content, written whole or not at all, other sizes on demand."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
from pathlib import Path

from django.conf import settings
from PIL import Image

# Widths in pixels that pages and mails may ask for; the largest is also the largest that we keep.
WIDTHS = (320, 600, 1200, 1600)
MAX_SIDE = 1600
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


def encode(image: Image.Image) -> tuple[bytes, str]:
    """An RGB image as progressive JPEG, an RGBA image as PNG, without metadata; the bytes and their media type."""
    buffer = io.BytesIO()
    if image.mode == "RGBA":
        image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue(), "image/png"
    image.save(buffer, "JPEG", quality=85, progressive=True, optimize=True)
    return buffer.getvalue(), "image/jpeg"


def name_of(content: bytes) -> str:
    """The name under which a picture is kept: SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def keep(content: bytes, media_type: str) -> str:
    """Write a picture under the name of its content; gives that name."""
    sha256 = name_of(content)
    path = path_of(sha256, EXTENSIONS[media_type])
    if not path.exists():
        _write(path, content)
    return sha256


def remove_files(sha256: str, extension: str) -> None:
    """Take a picture's file away, and all sizes made of it."""
    # The whole one first: without it nobody makes another size.
    for width in (None, *WIDTHS):
        path_of(sha256, extension, width).unlink(missing_ok=True)


def path_of(sha256: str, extension: str, width: int | None = None) -> Path:
    """Where a picture's file is (or would be) kept."""
    name = f"{sha256}.{extension}" if width is None else f"{sha256}-{width}.{extension}"
    return Path(settings.OPSLAG_MEDIA_DIR) / sha256[:2] / name


def sized_file(sha256: str, extension: str, width: int) -> Path | None:
    """The file at most `width` pixels wide, made on first use; None if the picture itself is not there."""
    sized, original = path_of(sha256, extension, width), path_of(sha256, extension)
    if sized.exists():
        return sized
    if not original.exists():
        return None
    with Image.open(original) as image:
        if width >= image.width:
            return original
        image.thumbnail((width, image.height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        _write(sized, encode(image if image.mode == "RGBA" else image.convert("RGB"))[0])
    return sized


def media_file(sha256: str, width: int, extension: str) -> Path | None:
    """The file behind a public picture address; None for a name, width or extension that we do not serve."""
    if not _SHA256.fullmatch(sha256) or width not in WIDTHS or extension not in EXTENSIONS.values():
        return None
    return sized_file(sha256, extension, width)


def _write(path: Path, content: bytes) -> None:
    """Write so that no reader ever sees half a file, not even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
