"""Pictures at LinkedIn (Images API): a place is asked for, the bytes are put there, and LinkedIn works on them."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import PermanentError, TransientError
from publisher.platforms.addresses import origin
from publisher.platforms.contract import PictureFile
from publisher.platforms.linkedin_calls import API, KIND, call, checked, object_of, quoted
from publisher.vocabulary import Reason


def upload(token: str, owner: str, picture: PictureFile) -> str:
    """Put the bytes at LinkedIn; answers the image's URN, not yet ready. Raises as `checked`."""
    asked = {"initializeUploadRequest": {"owner": owner}}
    place = object_of(call(token, "POST", "/images?action=initializeUpload", json=asked)).get("value")
    place = place if isinstance(place, dict) else {}
    url, image = str(place.get("uploadUrl", "")), str(place.get("image", ""))
    if not image.startswith("urn:li:image:") or not _is_theirs(url):
        raise TransientError(
            gettext_noop("LinkedIn named no place for the picture. Opslag tries again."), reason=Reason.CONNECTION
        )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": picture.media_type}
    checked(http.send("PUT", url, headers=headers, content=picture.content))
    return image


def wait_until_ready(token: str, images: list[str], waits_s: tuple[float, ...]) -> None:
    """Ask until all are AVAILABLE, with these pauses (seconds); a post with one that is not would be refused.

    Raises TransientError after the last pause, PermanentError for a picture that LinkedIn cannot process.
    """
    for pause in waits_s:
        images = [image for image in images if not _is_ready(token, image)]
        if not images:
            return
        time.sleep(pause)
    if any(not _is_ready(token, image) for image in images):
        raise TransientError(gettext_noop("The platform is still working on the picture."), reason=Reason.BUSY)


def _is_ready(token: str, image: str) -> bool:
    status = object_of(call(token, "GET", f"/images/{quoted(image)}")).get("status")
    if status == "PROCESSING_FAILED":
        raise PermanentError(
            gettext_noop("LinkedIn could not process the picture. Choose another."), reason=Reason.REJECTED
        )
    return status == "AVAILABLE"


def _is_theirs(url: str) -> bool:
    """The token goes along, so it must be a place of LinkedIn's, or of the server that plays LinkedIn in trials."""
    place, api = urlsplit(url), urlsplit(origin(KIND, API))
    host = place.hostname or ""
    at_home = (place.scheme, place.netloc) == (api.scheme, api.netloc)
    return at_home or (place.scheme == "https" and f".{host}".endswith((".linkedin.com", ".licdn.com")))
