"""Pictures at X: uploaded, described, and waited for where X still works on them."""

from __future__ import annotations

import base64
import time

from django.utils.translation import gettext_noop

from publisher.errors import PermanentError, TransientError
from publisher.platforms.contract import PictureFile
from publisher.platforms.x_calls import call, data_of, identified
from publisher.vocabulary import Reason

_KINDS = {"image/gif": "tweet_gif"}


def upload(token: str, picture: PictureFile, waits_s: tuple[float, ...]) -> str:
    """Upload, wait with these pauses (seconds), describe; answers the media id, good for a day. Raises as `data_of`."""
    sent = {
        "media": base64.b64encode(picture.content).decode(),
        "media_category": _KINDS.get(picture.media_type, "tweet_image"),
        "media_type": picture.media_type,
    }
    reply = call(token, "POST", "/2/media/upload", json=sent)
    media = data_of(reply)
    media_id = identified(media, reply)
    _wait(token, media_id, _state(media), waits_s)
    if picture.alt:
        described = {"id": media_id, "metadata": {"alt_text": {"text": picture.alt}}}
        data_of(call(token, "POST", "/2/media/metadata", json=described))
    return media_id


def _wait(token: str, media_id: str, state: str, waits_s: tuple[float, ...]) -> None:
    for pause in waits_s:
        if state in {"", "succeeded"}:
            return
        if state == "failed":
            break
        time.sleep(pause)
        state = _state(data_of(call(token, "GET", "/2/media/upload", params={"media_id": media_id})))
    if state == "failed":
        raise PermanentError(gettext_noop("X could not process the picture. Choose another."), reason=Reason.REJECTED)
    if state not in {"", "succeeded"}:
        raise TransientError(gettext_noop("The platform is still working on the picture."), reason=Reason.BUSY)


def _state(media: dict[str, object]) -> str:
    """pending, in_progress, succeeded or failed; "" for a picture that was ready at once."""
    told = media.get("processing_info")
    return str(told.get("state", "")) if isinstance(told, dict) else ""
