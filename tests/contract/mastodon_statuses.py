"""Posts on the Mastodon contract server: the call that publishes, with its idempotency and its faults, and reading."""

from __future__ import annotations

import re
from typing import Any

from tests.contract.mastodon_entities import Media, Status, Token
from tests.contract.mastodon_state import MastodonState, bearer, only, visible
from tests.contract.wire import DroppedError, RefusedError, Request, Response, answer, page

FIELDS = {"status", "media_ids", "in_reply_to_id", "sensitive", "spoiler_text", "visibility", "language"}
EDITED = FIELDS - {"in_reply_to_id", "visibility"} | {"media_attributes"}
MANY = 20
LISTED_BY = {"limit", "exclude_reblogs", "exclude_replies", "only_media", "max_id", "since_id", "min_id"}
VISIBILITIES = {"public", "unlisted", "private", "direct"}


def create(state: MastodonState, request: Request) -> Response:
    """`POST /api/v1/statuses`. Strict: no scheduled_at (servers ignore it); visibility and Idempotency-Key must be."""
    token = state.allowed(request, "write:statuses")
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise RefusedError(422, "Contract: Idempotency-Key is missing")
    earlier = state.remembered(request, key)
    if earlier and state.faults.take("duplicate_quirk", request):
        raise RefusedError(500, "Something went wrong")
    if earlier and state.kind.honours_key and not state.faults.take("ignore_key", request):
        return _answer(state, request, state.status(earlier.status_id, token.account))
    status = _new_status(state, request, token, key, _fields(request))
    state.remember(status)
    return _answer(state, request, status)


def show(state: MastodonState, request: Request, status_id: str) -> Response:
    """`GET /api/v1/statuses/:id`, without a token if it is public."""
    token = state.allowed(request, "read:statuses") if bearer(request) else None
    return answer(state.status(status_id, token.account if token else None).entity(request.origin))


def many(state: MastodonState, request: Request) -> Response:
    """`GET /api/v1/statuses?id[]=`: those of them that are there, at most twenty."""
    token = state.allowed(request, "read:statuses")
    only(request.query, {"id[]"})
    wanted = request.query.get("id[]", [])
    if not state.kind.tells_many:
        raise RefusedError(404, "Record not found")
    if len(wanted) > MANY:
        raise RefusedError(422, f"Validation failed: more than {MANY} statuses")
    found = [status for status in state.posts() if status.status_id in wanted and visible(status, token.account)]
    return answer([status.entity(request.origin) for status in found])


def edit(state: MastodonState, request: Request, status_id: str) -> Response:
    """`PUT /api/v1/statuses/:id`: as at Mastodon, pictures that `media_ids` leaves out are taken off the post."""
    token = state.allowed(request, "write:statuses")
    if not state.kind.edits:
        raise RefusedError(404, "Record not found")
    status = _own(state, token, status_id)
    given = _fields(request, EDITED)
    kept = {media.media_id: media for media in status.media}
    if unknown := set(given.get("media_ids", [])) - set(kept):
        raise RefusedError(422, f"Contract: {', '.join(unknown)} is no picture of this post")
    media, text = [kept[media_id] for media_id in given.get("media_ids", [])], given.get("status", "")
    if not text.strip() and not media:
        raise RefusedError(422, "Validation failed: Text can't be blank")
    if state.kind.length(text) > state.kind.max_characters:
        raise RefusedError(state.kind.too_long_status, state.kind.too_long())
    status.text, status.media, status.edited_at = text, media, state.clock.now()
    status.language = given.get("language", status.language)
    status.sensitive, status.spoiler_text = given.get("sensitive") is True, given.get("spoiler_text", "")
    return answer(status.entity(request.origin))


def source(state: MastodonState, request: Request, status_id: str) -> Response:
    """`GET /api/v1/statuses/:id/source`."""
    token = state.allowed(request, "read:statuses")
    status = _own(state, token, status_id)
    return answer({"id": status.status_id, "text": status.text, "spoiler_text": status.spoiler_text})


def delete(state: MastodonState, request: Request, status_id: str) -> Response:
    """`DELETE /api/v1/statuses/:id`: answers the post with its text."""
    token = state.allowed(request, "write:statuses")
    status = _own(state, token, status_id)
    status.deleted = True
    return answer(status.entity(request.origin) | {"text": status.text})


def listing(state: MastodonState, request: Request, account_id: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`, newest first; ids are places in the list, not numbers."""
    token = state.allowed(request, "read:statuses")
    only(request.query, LISTED_BY)
    if account_id != state.account.account_id:
        raise RefusedError(404, "Record not found")
    found = [status for status in reversed(state.posts()) if visible(status, token.account)]
    for bound in ("max_id", "since_id", "min_id"):
        given = request.query.get(bound, [""])[0]
        place = next((i for i, status in enumerate(found) if status.status_id == given), None)
        if given and place is None:
            raise RefusedError(422, f"Contract: {bound} is none of this account's posts")
        if place is not None:
            found = found[place + 1 :] if bound == "max_id" else found[:place]
    limit = int(request.query.get("limit", ["20"])[0])
    if not 1 <= limit <= 40:
        raise RefusedError(422, "Contract: limit is 1 to 40")
    return answer([status.entity(request.origin) for status in found[:limit]])


def _answer(state: MastodonState, request: Request, status: Status) -> Response:
    """The answer to a create, unless a fault takes it away."""
    if state.faults.take("commit_then_drop", request):
        raise DroppedError
    if state.faults.take("commit_then_500", request):
        raise RefusedError(500, "Something went wrong on our end")
    if state.faults.take("commit_then_page", request):
        return page("<!doctype html><title>Welcome</title><p>All is well.</p>")
    response = answer(status.entity(request.origin))
    if state.faults.take("slow", request):
        response.delay_s = state.slow_s
    return response


def _fields(request: Request, known: set[str] = FIELDS) -> dict[str, Any]:
    if request.media_type == "application/json":
        given = request.json()
    elif request.media_type == "application/x-www-form-urlencoded":
        given = {
            name.removesuffix("[]"): values if name.endswith("[]") else values[-1]
            for name, values in request.form().items()
        }
    else:
        raise RefusedError(406, "Contract: this call takes JSON or a form")
    only(given, known)
    return given


def _new_status(state: MastodonState, request: Request, token: Token, key: str, given: dict[str, Any]) -> Status:
    text, visibility, language = given.get("status", ""), given.get("visibility"), given.get("language", "")
    media = _attachments(state, token, given.get("media_ids") or [])
    if not isinstance(text, str) or (not text.strip() and not media):
        raise RefusedError(422, "Validation failed: Text can't be blank")
    if state.kind.needs_media and not media and not given.get("in_reply_to_id"):
        raise RefusedError(403, "Empty statuses are not allowed")
    if visibility not in VISIBILITIES:
        raise RefusedError(422, "Contract: visibility must be said and be one of public, unlisted, private, direct")
    if language and not re.fullmatch(r"[a-z]{2,3}", language):
        raise RefusedError(422, "Contract: language is an ISO 639 code")
    if state.kind.length(text) > state.kind.max_characters:
        status_code = 400 if state.faults.take("400_for_too_long", request) else state.kind.too_long_status
        raise RefusedError(status_code, state.kind.too_long())
    parent = given.get("in_reply_to_id")
    status = Status(
        status_id=state.next_id(request),
        account=token.account,
        text=text,
        visibility=visibility,
        language=language,
        created_at=state.clock.now(),
        key=key,
        app_name=token.app_name,
        media=media,
        in_reply_to=state.status(parent, token.account) if parent else None,
        sensitive=given.get("sensitive") is True,
        spoiler_text=str(given.get("spoiler_text") or ""),
    )
    for picture in media:
        picture.attached = True
    if status.in_reply_to:
        status.in_reply_to.replies += 1
    return status


def _attachments(state: MastodonState, token: Token, media_ids: object) -> list[Media]:
    if not isinstance(media_ids, list) or not all(isinstance(media_id, str) for media_id in media_ids):
        raise RefusedError(422, "Contract: media_ids is a list of strings")
    if len(media_ids) > state.kind.max_media:
        raise RefusedError(422, f"Cannot attach more than {state.kind.max_media} files")
    usable = {
        media_id: media
        for media_id, media in state.media.items()
        if media.account is token.account and not media.attached
    }
    missing = [media_id for media_id in media_ids if media_id not in usable]
    if missing:
        raise RefusedError(422, f"Media {', '.join(missing)} not found or already attached to another post")
    found = [usable[media_id] for media_id in media_ids]
    if not all(media.ready for media in found):
        raise RefusedError(422, "Cannot attach files that have not finished processing. Try again in a moment!")
    return found


def _own(state: MastodonState, token: Token, status_id: str) -> Status:
    status = state.status(status_id, token.account)
    if status.account is not token.account:
        raise RefusedError(404, "Record not found")
    return status
