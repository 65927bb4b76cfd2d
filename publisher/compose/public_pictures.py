"""Addresses at which anybody may fetch one picture of a post for some hours: for platforms that fetch it themselves.

An address is signed and names the picture, the limits it was made for and what its bytes must be. Nothing is kept for
it: the bytes are made again when somebody asks, and if they came out otherwise than they were frozen, there are none.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core import signing
from PIL import Image, ImageDraw

from publisher.accounts.settings import config_of, platform_of
from publisher.errors import PermanentError
from publisher.items.renditions import Rendition, rendition
from publisher.models import Account, Picture
from publisher.platforms.abilities import Limits

LASTS = timedelta(hours=6)
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
_SAMPLE = "sample"
_SAMPLE_SIDE = 600


def made_for(picture: Picture, limits: Limits) -> Rendition:
    """The best version of a picture within a platform's limits, the same on every call. Raises PermanentError."""
    return rendition(
        picture,
        max_side=limits.picture_side,
        max_bytes=limits.picture_bytes,
        aspects=limits.picture_aspects,
        media_types=limits.picture_types,
    )


def address_of(picture: Picture, limits: Limits, content: bytes, media_type: str) -> str:
    """Where anybody gets exactly `content`, which was `made_for` these limits, for six hours from now."""
    wanted = [limits.picture_side, limits.picture_bytes, limits.picture_aspects, limits.picture_types]
    return _address([picture.pk, *wanted, _digest(content)], media_type)


def sample_address() -> str:
    """The same for a picture that says nothing, to try whether a platform gets it at all."""
    return _address([_SAMPLE], "image/jpeg")


def check_reachable(account: Account) -> None:
    """Have the account's platform fetch a picture from us, if it is one that must; nothing is published.

    Raises PermanentError, in words that say what to do, if it cannot, and what any call to the platform raises.
    """
    platform = platform_of(account)
    if platform.abilities(account.facts).fetches_pictures:
        platform.check_pictures(config_of(account), account.facts, sample_address())


def served(token: str, extension: str) -> Rendition | None:
    """The picture of an address; None if it is not ours, too old, or if the picture may not be used any more."""
    try:
        asked = _signer().unsign_object(token, max_age=LASTS)
    except signing.BadSignature:
        return None
    found = _sample() if asked == [_SAMPLE] else _made_again(*asked)
    return found if found and EXTENSIONS.get(found.media_type) == extension else None


def _made_again(
    pk: int, side: int, most: int, aspects: Sequence[float] | None, kinds: Sequence[str], digest: str
) -> Rendition | None:
    picture = Picture.objects.filter(pk=pk).first()
    if picture is None:
        return None
    shape = (aspects[0], aspects[1]) if aspects else None
    try:
        made = rendition(picture, max_side=side, max_bytes=most, aspects=shape, media_types=kinds)
    except PermanentError:
        return None
    return made if _digest(made.content) == digest else None


def _address(named: list[Any], media_type: str) -> str:
    return f"{settings.OPSLAG_BASE_URL}/p/{_signer().sign_object(named)}.{EXTENSIONS[media_type]}"


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(sep=".", salt="publisher.compose.public_pictures")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _sample() -> Rendition:
    image = Image.new("RGB", (_SAMPLE_SIDE, _SAMPLE_SIDE), "#DCE8F0")
    ImageDraw.Draw(image).ellipse((100, 100, 500, 500), fill="#2E6F57")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return Rendition(out.getvalue(), "image/jpeg", _SAMPLE_SIDE, _SAMPLE_SIDE, (0.5, 0.5))
