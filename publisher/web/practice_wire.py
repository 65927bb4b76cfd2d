"""The practice channel's requests, read strictly: a field too many or of the wrong type is refused, never guessed at.

The contract is what `publisher/platforms/practice.py` sends; `tests/contract/practice.py` is its twin in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _

from publisher.accounts.practice_channel import LIMITS, NewPost
from publisher.compose.values import is_web_address
from publisher.platforms.length import graphemes
from publisher.web.bodies import declared_length

LARGEST_JSON = 64_000
# Beside the file: its description and the frame of the form.
LARGEST_UPLOAD = LIMITS.picture_bytes + 64_000
WORDS = frozenset({"key", "text", "link", "language", "planned_at", "reply_to"})
FIELDS = WORDS | {"media_ids"}
EDITED = frozenset({"text", "link"})
_LANGUAGE = re.compile(r"(?:[a-z]{2,3}(?:-[A-Za-z0-9]{2,4})?)?")
# What no database column can keep: NUL and halves of surrogate pairs.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_ID = re.compile(r"[1-9][0-9]{0,17}")


class RefusedError(Exception):
    """A request that the contract does not allow, with the status to answer and a sentence for people."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def number_of(identity: str) -> int | None:
    """The row number in one of our ids; None for what cannot be one."""
    return int(identity) if _ID.fullmatch(identity) else None


def read_key(request: HttpRequest) -> str:
    """The key that a search is for. Raises RefusedError if anything else is asked."""
    if set(request.GET) != {"key"} or len(request.GET.getlist("key")) != 1:
        raise RefusedError(400, _("Search by one key."))
    return _clean(request.GET["key"])


def read_upload(request: HttpRequest) -> tuple[UploadedFile[bytes], str]:
    """The file of an upload and its description. Raises RefusedError."""
    if request.content_type != "multipart/form-data":
        raise RefusedError(415, _("Send a picture as multipart/form-data."))
    if declared_length(request) > LARGEST_UPLOAD:
        raise RefusedError(413, _("A picture may have %(limit)s bytes.") % {"limit": LIMITS.picture_bytes})
    given = sorted([*request.POST, *request.FILES])
    files, words = request.FILES.getlist("file"), request.POST.getlist("alt")
    if given != ["alt", "file"] or len(files) != 1 or len(words) != 1:
        raise RefusedError(400, _("Send exactly one “file” and one “alt”."))
    return files[0], _clean(words[0])


def read_post(request: HttpRequest) -> NewPost:
    """A new post. Raises RefusedError."""
    given = _object(request, FIELDS)
    words = {name: _word(name, given[name]) for name in WORDS}
    post = NewPost(
        key=words["key"],
        text=words["text"],
        link=words["link"],
        language=words["language"],
        planned_at=_moment(words["planned_at"]),
        picture_ids=_ids(given["media_ids"]),
        reply_to=_reply_to(words["reply_to"]),
    )
    _check(post)
    return post


def read_edit(request: HttpRequest) -> tuple[str, str]:
    """The new text of a post, and its link. Raises RefusedError."""
    given = _object(request, EDITED)
    text, link = _word("text", given["text"]), _word("link", given["link"])
    _check_words(text, link)
    return text, link


def _object(request: HttpRequest, fields: Collection[str]) -> Mapping[str, Any]:
    if request.content_type != "application/json":
        raise RefusedError(415, _("Send a post as application/json."))
    if declared_length(request) > LARGEST_JSON:
        raise RefusedError(413, _("A post may have %(limit)s bytes of JSON.") % {"limit": LARGEST_JSON})
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusedError(400, _("The body is not JSON.")) from None
    if not isinstance(given, dict):
        raise RefusedError(400, _("The body is not a JSON object."))
    if set(given) != set(fields):
        raise RefusedError(400, _("The fields are exactly: %(names)s.") % {"names": ", ".join(sorted(fields))})
    return given


def _word(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RefusedError(400, _("“%(name)s” must be a text.") % {"name": name})
    return _clean(value)


def _clean(text: str) -> str:
    if _UNKEEPABLE.search(text):
        raise RefusedError(400, _("The text contains characters that cannot be kept."))
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(400, _("“planned_at” must be a time as in ISO 8601.")) from None
    if moment.tzinfo is None or not 2000 <= moment.year < 2200:
        raise RefusedError(400, _("“planned_at” must be a time of our days with its zone."))
    return moment


def _ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
        raise RefusedError(400, _("“media_ids” must be a list of texts."))
    ids = [number_of(each) for each in value]
    known = tuple(each for each in ids if each is not None)
    if len(known) != len(ids):
        raise RefusedError(422, _("“media_ids” must name uploaded pictures."))
    return known


def _reply_to(identity: str) -> int | None:
    number = number_of(identity)
    if identity and number is None:
        raise RefusedError(422, _("“reply_to” must name a post, or be empty."))
    return number


def _check_words(text: str, link: str) -> None:
    if graphemes(text) > LIMITS.text:
        raise RefusedError(422, _("A post may have %(limit)s characters.") % {"limit": LIMITS.text})
    if link and (len(link) > 1000 or not is_web_address(link)):
        raise RefusedError(422, _("The link must be a web address of at most 1000 characters."))


def _check(post: NewPost) -> None:
    if not 1 <= len(post.key) <= 100:
        raise RefusedError(422, _("A key has from 1 to 100 characters."))
    _check_words(post.text, post.link)
    if len(post.picture_ids) > LIMITS.pictures:
        raise RefusedError(422, _("A post may have %(limit)s pictures.") % {"limit": LIMITS.pictures})
    if not _LANGUAGE.fullmatch(post.language):
        raise RefusedError(422, _("The language must be a code such as “da”."))
    if not (post.text.strip() or post.link or post.picture_ids):
        raise RefusedError(422, _("An empty post cannot be published."))
