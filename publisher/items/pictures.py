"""Pictures of news items: fetched or given, checked, re-encoded without what a camera wrote, kept by content."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop
from PIL import Image, ImageCms, ImageOps

from publisher.errors import InputError, PermanentError, TransientError
from publisher.http import FetchLimits, Reply, fetch, retry_after
from publisher.items.content import one_line, tidy
from publisher.items.identity import web_address
from publisher.items.picture_files import EXTENSIONS, MAX_SIDE, WIDTHS, encode, keep, media_file, path_of, sized_file
from publisher.models import Organisation, Picture
from publisher.sources.contract import PictureRef

__all__ = ["fetch_picture", "media_file", "picture_bytes", "picture_file", "picture_url", "store_picture"]

MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE = 32
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LIMITS = FetchLimits(max_bytes=MAX_BYTES)

# Pillow warns of many pixels where we refuse them; its own limit stays as the second line.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def store_picture(
    organisation: Organisation,
    content: bytes,
    *,
    source_url: str = "",
    alt: str = "",
    caption: str = "",
    credit: str = "",
) -> Picture:
    """Check a picture, re-encode it and keep it; the same picture twice is one row with the words it had first.

    JPEG, PNG, WebP, or a GIF's first frame; turned as its EXIF says, in sRGB, at most 1600 pixels, all metadata gone.
    `alt` falls back to `caption`. Raises InputError in words for what is no such picture, too large or too small.
    """
    if len(content) > MAX_BYTES:
        raise InputError(
            gettext_noop("The picture is larger than 15 MB. Save it smaller and try again."), reason="picture_too_large"
        )
    image = _prepared(_decoded(content))
    encoded, media_type = encode(image)
    caption = tidy(caption).strip()
    words = {"alt": tidy(alt).strip() or caption, "caption": caption, "credit": one_line(credit)[:120]}
    picture, created = Picture.objects.get_or_create(
        organisation=organisation,
        sha256=keep(encoded, media_type),
        defaults={
            "width": image.width,
            "height": image.height,
            "media_type": media_type,
            "source_url": web_address(source_url),
            **words,
        },
    )
    return picture if created else _filled_in(picture, words)


def fetch_picture(organisation: Organisation, ref: PictureRef) -> Picture:
    """Download a source's picture (at most 15 MB in 30 s, through the address guard) and store it.

    Raises TransientError (try later), PermanentError (not there, not allowed) or InputError (no picture of use).
    """
    reply = fetch(ref.url, headers={"Accept": "image/jpeg,image/png,image/webp,image/gif;q=0.8"}, limits=_LIMITS)
    _check_status(reply)
    return store_picture(
        organisation, reply.body, source_url=ref.url, alt=ref.alt, caption=ref.caption, credit=ref.credit
    )


def picture_file(picture: Picture, width: int | None = None) -> Path:
    """The file of a picture, at most `width` pixels wide (320, 600, 1200 or 1600), made on first use.

    Raises PermanentError if the file is gone from the media folder.
    """
    extension = EXTENSIONS[picture.media_type]
    whole = width is None or width >= picture.width
    path = path_of(picture.sha256, extension) if whole else sized_file(picture.sha256, extension, _known(width))
    if path is None or not path.exists():
        raise PermanentError(
            gettext_noop(
                "The file of a picture is missing from %(folder)s. Restore the folder, or choose the picture again."
            ),
            reason="picture_missing",
            folder=settings.OPSLAG_MEDIA_DIR,
        )
    return path


def picture_bytes(picture: Picture, width: int | None = None) -> bytes:
    """The bytes of a picture; as `picture_file`."""
    return picture_file(picture, width).read_bytes()


def picture_url(picture: Picture, width: int | None = None) -> str:
    """The public address of a picture, at most `width` pixels wide; without a width as large as we have it."""
    extension = EXTENSIONS[picture.media_type]
    return f"{settings.OPSLAG_BASE_URL}/media/{picture.sha256}/{_known(width or MAX_SIDE)}.{extension}"


def _known(width: int | None) -> int:
    return next((known for known in WIDTHS if known >= (width or 0)), WIDTHS[-1])


def _filled_in(picture: Picture, words: dict[str, str]) -> Picture:
    missing = {name: text for name, text in words.items() if text and not getattr(picture, name)}
    for name, text in missing.items():
        setattr(picture, name, text)
    if missing:
        picture.save(update_fields=list(missing))
    return picture


def _check_status(reply: Reply) -> None:
    if reply.status == 200:
        return
    if reply.status in {408, 425, 429} or reply.status >= 500:
        raise TransientError(
            gettext_noop("The picture's server answers with status %(status)s; it is tried again later."),
            reason="picture_unavailable",
            retry_after=retry_after(reply),
            status=reply.status,
        )
    raise PermanentError(
        gettext_noop("The picture could not be fetched: its server answers with status %(status)s."),
        reason="picture_unavailable",
        status=reply.status,
    )


def _decoded(content: bytes) -> Image.Image:
    """The first frame, loaded whole: what is cut off or crafted fails here and not in a mail."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as probe:
            _check_size(probe)
            probe.verify()
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        image.load()
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # Pillow's decoders raise anything at all for crafted bytes
        raise InputError(
            gettext_noop("This is not a picture that can be read. Use a whole JPEG, PNG, WebP or GIF file."),
            reason="picture_unreadable",
        ) from error
    return image


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    if min(image.size) < MIN_SIDE:
        raise InputError(
            gettext_noop("The picture is only %(width)s × %(height)s pixels. Use a larger one."),
            reason="picture_too_small",
            width=image.width,
            height=image.height,
        )


def _too_many_pixels() -> InputError:
    return InputError(
        gettext_noop("The picture has more than 50 million pixels. Save it smaller and try again."),
        reason="picture_too_large",
    )


def _prepared(image: Image.Image) -> Image.Image:
    """In sRGB, upright, at most 1600 pixels; RGBA only where something shows through."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    plain = _in_srgb(_eight_bit(upright), profile)
    plain.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    return clean


def _eight_bit(image: Image.Image) -> Image.Image:
    """Modes RGB, RGBA, L and CMYK as they are, all others as the nearest of these."""
    if image.mode.startswith("I"):
        return image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return image if image.getchannel("A").getextrema() != (255, 255) else image.convert("RGB")
    return image if image.mode in {"RGB", "L", "CMYK"} else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if not profile:
        return image.convert(mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):  # a profile for another kind of picture, or no profile at all
        return image.convert(mode)
    return converted or image.convert(mode)
