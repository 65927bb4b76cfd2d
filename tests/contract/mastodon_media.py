"""Uploads to the Mastodon contract server: refused unless they are pictures, ready after a while, used once."""

from __future__ import annotations

import io
import re

from PIL import Image, UnidentifiedImageError

from tests.contract.mastodon_entities import Media
from tests.contract.mastodon_kinds import IMAGE_TYPES
from tests.contract.mastodon_state import MastodonState, only
from tests.contract.wire import Part, RefusedError, Request, Response, answer

FIELDS = {"file", "description", "focus", "thumbnail"}
_FOCUS = re.compile(r"-?(?:0(?:\.\d+)?|1(?:\.0+)?),-?(?:0(?:\.\d+)?|1(?:\.0+)?)")


def upload(state: MastodonState, request: Request) -> Response:
    """`POST /api/v2/media`: 202 without an address, to be asked for until it is ready."""
    token = state.allowed(request, "write:media")
    parts = request.parts()
    only(parts, FIELDS)
    file = parts.get("file")
    if file is None or not file.filename:
        raise RefusedError(422, "Validation failed: File can't be blank")
    if "focus" in parts and not _FOCUS.fullmatch(parts["focus"].content.decode()):
        raise RefusedError(422, "Contract: focus is two numbers from -1 to 1")
    alt = parts["description"].content.decode() if "description" in parts else ""
    if len(alt) > state.kind.description_limit:
        limit = state.kind.description_limit
        raise RefusedError(422, f"Validation failed: Description is too long (maximum is {limit} characters)")
    if len(file.content) > state.kind.image_size_limit:
        raise RefusedError(
            422, f"Validation failed: File file size must be less than {state.kind.image_size_limit} bytes"
        )
    width, height = _size(file)
    media = Media(state.next_id(request), token.account, file.content, file.media_type, alt, width, height)
    if state.faults.take("media_slow", request):
        media.polls_left = state.media_polls
    state.media[media.media_id] = media
    return answer(media.entity(request.origin, ready=False), 202)


def show(state: MastodonState, request: Request, media_id: str) -> Response:
    """`GET /api/v1/media/:id`: 206 while it is processed; 404 once a post has it."""
    token = state.allowed(request, "write:media")
    media = state.media.get(media_id)
    if media is None or media.account is not token.account or media.attached:
        raise RefusedError(404, "Record not found")
    if state.faults.take("media_fails", request):
        media.failed = True
    if media.failed:
        raise RefusedError(422, "Error processing thumbnail for uploaded media")
    if state.faults.take("media_never_ready", request) or media.polls_left:
        media.polls_left = max(0, media.polls_left - 1)
        return answer(media.entity(request.origin, ready=False), 206)
    media.ready = True
    return answer(media.entity(request.origin, ready=True))


def content(state: MastodonState, request: Request, media_id: str) -> Response:
    """The picture itself."""
    media = state.media.get(media_id)
    if media is None:
        raise RefusedError(404, "Record not found")
    return Response(200, media.content, {"Content-Type": media.media_type})


def _size(file: Part) -> tuple[int, int]:
    """The picture's size; refuses what is no picture or another kind than it says."""
    invalid = RefusedError(422, "Validation failed: File content type is invalid, File is invalid")
    if file.media_type not in IMAGE_TYPES:
        raise invalid
    try:
        with Image.open(io.BytesIO(file.content)) as image:
            image.load()
            if Image.MIME.get(image.format or "") != file.media_type:
                raise invalid
            return image.size
    except (UnidentifiedImageError, OSError):
        raise invalid from None
