"""Whether bytes are the picture that they are said to be, for platforms that do not look before they publish."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError
from publisher.platforms.contract import PictureFile
from publisher.vocabulary import Reason

# How files of these types begin (W3C PNG §5.2, ITU-T T.81 B.1.1.3).
_BEGINS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


def check_type(picture: PictureFile) -> None:
    """Refuse a picture that is of another type than it says. Raises PermanentError."""
    if not picture.content.startswith(_BEGINS.get(picture.media_type, b"")):
        raise PermanentError(
            gettext_noop("The file is not a %(media_type)s picture."),
            reason=Reason.REJECTED,
            media_type=picture.media_type,
        )
