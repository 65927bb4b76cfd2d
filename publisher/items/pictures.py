"""Pictures of news items: fetched or given, checked, re-encoded without what a camera wrote, kept by content."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop

from publisher.errors import InputError, PermanentError, TransientError
from publisher.http import FetchLimits, Reply, fetch, retry_after
from publisher.items.content import one_line, tidy
from publisher.items.identity import web_address
from publisher.items.picture_decoding import MAX_BYTES, decoded
from publisher.items.picture_files import (
    EXTENSIONS,
    MAX_SIDE,
    WIDTHS,
    encode,
    keep,
    media_file,
    name_of,
    path_of,
    remove_files,
    sized_file,
)
from publisher.models import Organisation, Picture
from publisher.sources.contract import PictureRef

__all__ = [
    "MAX_BYTES",
    "fetch_picture",
    "is_same_picture",
    "is_shared",
    "is_withdrawn",
    "media_file",
    "own_alt",
    "picture_bytes",
    "picture_file",
    "picture_url",
    "remove_withdrawn_files",
    "store_picture",
]

WITHDRAWN = "picture_withdrawn"
_LIMITS = FetchLimits(max_bytes=MAX_BYTES)
NO_CONSENT = gettext_noop("The photo consent for this picture was withdrawn, so it cannot be used. Use another one.")


def store_picture(
    organisation: Organisation,
    content: bytes,
    *,
    source_url: str = "",
    alt: str = "",
    caption: str = "",
    credit: str = "",
    file_name: str = "",
) -> Picture:
    """Check a picture, re-encode it and keep it; the same picture twice is one row with the words it had first.

    What is read and what is left of it: `picture_decoding.decoded`. `alt` falls back to `caption`. Raises InputError in
    words for what is no such picture, too large or too small, and for one whose photo consent was withdrawn.
    """
    image = decoded(content)
    encoded, media_type = encode(image)
    _refuse_withdrawn(organisation, Q(sha256=name_of(encoded)))
    caption = tidy(caption).strip()
    words = {
        "alt": tidy(alt).strip() or caption,
        "caption": caption,
        "credit": one_line(credit)[:120],
        "file_name": one_line(file_name or _name_in(source_url))[-200:],
    }
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
    if address := web_address(ref.url):
        # Its server may pack it anew, so that it does not look the same.
        _refuse_withdrawn(organisation, Q(source_url=address))
    content = _download(ref)
    return store_picture(organisation, content, source_url=ref.url, alt=ref.alt, caption=ref.caption, credit=ref.credit)


def own_alt(picture: Picture | None, alt: str) -> str:
    """What to keep with an item whose picture is described as `alt` there; "" where the picture itself says so."""
    words = tidy(alt).strip()
    return words if picture is not None and picture.alt and words != picture.alt else ""


def is_same_picture(picture: Picture, ref: PictureRef) -> bool:
    """Whether what a source names is this very picture, at whatever address; nothing is kept.

    Raises as `fetch_picture`.
    """
    return name_of(encode(decoded(_download(ref)))[0]) == picture.sha256


def picture_file(picture: Picture, width: int | None = None) -> Path:
    """The file of a picture, at most `width` pixels wide (320, 600, 1200 or 1600), made on first use.

    Raises PermanentError if the file is gone from the media folder, or the picture may not be used any more.
    """
    if picture.withdrawn_at is not None:
        raise PermanentError(NO_CONSENT, reason=WITHDRAWN)
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


def is_withdrawn(sha256: str) -> bool:
    """Whether the photo consent for the picture at a public address was withdrawn, and nobody else may show it."""
    rows = Picture.objects.filter(sha256=sha256)
    return rows.exists() and not rows.filter(withdrawn_at=None).exists()


def is_shared(picture: Picture) -> bool:
    """Whether another organisation of this installation uses the same picture, under the same public address."""
    others = Picture.objects.filter(sha256=picture.sha256, withdrawn_at=None)
    return others.exclude(organisation=picture.organisation_id).exists()


def remove_withdrawn_files(pictures: Iterable[Picture]) -> None:
    """Take the files of withdrawn pictures away, unless another organisation may show the same; may be repeated."""
    for picture in pictures:
        if picture.withdrawn_at is not None and not is_shared(picture):
            remove_files(picture.sha256, EXTENSIONS[picture.media_type])


def _refuse_withdrawn(organisation: Organisation, same: Q) -> None:
    if Picture.objects.filter(same, organisation=organisation, withdrawn_at__isnull=False).exists():
        raise InputError(NO_CONSENT, reason=WITHDRAWN)


def _name_in(url: str) -> str:
    """The file's name in an address."""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _known(width: int | None) -> int:
    return next((known for known in WIDTHS if known >= (width or 0)), WIDTHS[-1])


def _filled_in(picture: Picture, words: dict[str, str]) -> Picture:
    missing = {name: text for name, text in words.items() if text and not getattr(picture, name)}
    for name, text in missing.items():
        setattr(picture, name, text)
    if missing:
        picture.save(update_fields=list(missing))
    return picture


def _download(ref: PictureRef) -> bytes:
    reply = fetch(ref.url, headers={"Accept": "image/jpeg,image/png,image/webp,image/gif;q=0.8"}, limits=_LIMITS)
    _check_status(reply)
    return reply.body


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
