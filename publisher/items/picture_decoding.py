"""From a file that somebody gave us to an image that is safe to keep: checked, upright, in sRGB, of sensible size."""

from __future__ import annotations

import io
import warnings

from django.utils.translation import gettext_noop
from PIL import Image, ImageCms, ImageFile, ImageOps

from publisher.errors import InputError
from publisher.items.heic import as_png
from publisher.items.picture_files import MAX_SIDE

MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE = 32
# What is read: these, and what telephones write (HEIC), which another process turns into one of them.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

# Pillow warns of many pixels where we refuse them; its own limit stays as the second line.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decoded(content: bytes) -> Image.Image:
    """A file's picture (of a moving one the first frame): upright, in sRGB, at most 1600 pixels, without metadata.

    RGBA where something shows through, else RGB. Raises InputError in words for what is no JPEG, PNG, WebP, GIF, AVIF
    or HEIC, for more than 15 MB or 50 million pixels, and for less than 32 pixels.
    """
    if len(content) > MAX_BYTES:
        raise InputError(
            gettext_noop("The picture is larger than 15 MB. Save it smaller and try again."), reason="picture_too_large"
        )
    return _prepared(_loaded(content))


def _loaded(content: bytes) -> Image.Image:
    """The first frame, loaded whole: what is cut off or crafted fails here and not in a mail."""
    try:
        content = as_png(content, MAX_PIXELS) if _is_heic(content) else content
        with _opened(content) as probe:
            _check_size(probe)
            probe.verify()
        image = _opened(content)
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        image.load()
        # A container may say one size and hold another.
        _check_size(image)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # the decoders raise anything at all for crafted bytes
        raise InputError(
            gettext_noop("This is not a picture that can be read. Use a whole JPEG, PNG, WebP, GIF or HEIC file."),
            reason="picture_unreadable",
        ) from error
    return image


def _is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS


def _opened(content: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(content), formats=_FORMATS)


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
    upright = _upright(image)
    plain = _in_srgb(_eight_bit(upright), profile)
    plain.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    return clean


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its camera says; as it is where what the camera wrote cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 -- readers of EXIF raise anything at all for crafted bytes
        return image


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
