"""The practice channel's wire contract in memory: what the web app's own `/practice/api/…` must do."""

from __future__ import annotations

import io
import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.contract.faults import Faults, Known
from tests.contract.wire import DroppedError, RefusedError, Request, Response, answer

CREATE = "POST /practice/api/proeve/posts"
FAULTS = {
    "500": Known(CREATE, "500, nothing done"),
    "429": Known(CREATE, "429 with Retry-After, nothing done"),
    "drop_before_read": Known(CREATE, "hangs up before reading the body"),
    "commit_then_drop": Known(CREATE, "posts, then hangs up without an answer"),
}
FIELDS = {"key", "text", "link", "language", "media_ids", "planned_at", "reply_to"}


@dataclass
class PracticePost:
    """A post on the practice page."""

    post_id: str
    key: str
    text: str
    link: str
    language: str
    alt_texts: list[str]
    reply_to: str = ""
    edits: int = 0
    deleted: bool = False


class PracticeServer:
    """One channel, `proeve`, with its token."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.faults = Faults(FAULTS)
        self._posts: dict[str, PracticePost] = {}
        self._alt_texts: dict[str, str] = {}
        self._ids = itertools.count(1)
        own = "/practice/api/proeve"
        self._routes: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", own, self._channel),
            ("POST", f"{own}/media", self._upload),
            ("POST", f"{own}/posts", self._create),
            ("GET", f"{own}/posts", self._by_key),
            ("GET", rf"{own}/posts/([^/]+)", self._show),
            ("PUT", rf"{own}/posts/([^/]+)", self._edit),
            ("DELETE", rf"{own}/posts/([^/]+)", self._delete),
        ]

    def posts(self) -> list[PracticePost]:
        """What is published, oldest first."""
        return [post for post in self._posts.values() if not post.deleted]

    def __call__(self, request: Request) -> Response:
        if self.faults.take("drop_before_read", request):
            raise DroppedError
        try:
            return self._answer(request)
        except RefusedError as refused:
            return answer({"error": refused.message}, refused.status, **refused.headers)

    def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "Wrong token")
        if self.faults.take("500", request):
            raise RefusedError(500, "Something went wrong")
        if self.faults.take("429", request):
            raise RefusedError(429, "Too many requests", {"Retry_After": "30"})
        for method, pattern, handle in self._routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        raise RefusedError(404, "Not found")

    def _channel(self, request: Request) -> Response:
        url = f"{request.origin}/practice/proeve"
        return answer({"id": "1", "name": "Prøvekanal", "handle": "@proeve", "url": url})

    def _upload(self, request: Request) -> Response:
        parts = request.parts()
        if set(parts) != {"file", "alt"}:
            raise RefusedError(400, "The parts are file and alt")
        try:
            with Image.open(io.BytesIO(parts["file"].content)) as image:
                image.verify()
        except (UnidentifiedImageError, OSError):
            raise RefusedError(400, "The file is not a picture") from None
        media_id = f"m{next(self._ids)}"
        self._alt_texts[media_id] = parts["alt"].content.decode()
        return answer({"id": media_id, "url": f"{request.origin}/practice/media/{media_id}"})

    def _create(self, request: Request) -> Response:
        given = request.json()
        if set(given) != FIELDS or not given["key"]:
            raise RefusedError(400, f"The fields are {', '.join(sorted(FIELDS))}")
        if given["key"] not in self._posts:
            self._posts[given["key"]] = self._new_post(given)
        if self.faults.take("commit_then_drop", request):
            raise DroppedError
        return answer(self._entity(request, self._posts[given["key"]]))

    def _new_post(self, given: dict[str, Any]) -> PracticePost:
        if datetime.fromisoformat(given["planned_at"]).tzinfo is None:
            raise RefusedError(400, "planned_at has no zone")
        missing = [media_id for media_id in given["media_ids"] if media_id not in self._alt_texts]
        if missing or len(given["media_ids"]) > 4:
            raise RefusedError(400, "No such pictures, or more than four")
        alt_texts = [self._alt_texts[media_id] for media_id in given["media_ids"]]
        if given["reply_to"] and not any(post.post_id == given["reply_to"] for post in self.posts()):
            raise RefusedError(422, "reply_to is not there")
        words = (given[name] for name in ("key", "text", "link", "language"))
        return PracticePost(f"p{next(self._ids)}", *words, alt_texts, given["reply_to"])

    def _by_key(self, request: Request) -> Response:
        found = [post for post in self.posts() if post.key == request.query["key"][0]]
        return answer({"posts": [self._entity(request, post) for post in found]})

    def _show(self, request: Request, post_id: str) -> Response:
        replies = sum(post.reply_to == post_id for post in self.posts())
        counted = {"likes": 0, "reposts": 0, "replies": replies}
        return answer(self._entity(request, self._named(post_id)) | counted)

    def _edit(self, request: Request, post_id: str) -> Response:
        post, given = self._named(post_id), request.json()
        if set(given) != {"text", "link"}:
            raise RefusedError(400, "The fields are text and link")
        post.edits += (post.text, post.link) != (given["text"], given["link"])
        post.text, post.link = given["text"], given["link"]
        return answer(self._entity(request, post))

    def _delete(self, request: Request, post_id: str) -> Response:
        self._named(post_id).deleted = True
        return answer({})

    def _named(self, post_id: str) -> PracticePost:
        for post in self.posts():
            if post.post_id == post_id:
                return post
        raise RefusedError(404, "Not found")

    def _entity(self, request: Request, post: PracticePost) -> dict[str, Any]:
        return {"id": post.post_id, "url": f"{request.origin}/practice/proeve#{post.post_id}"}
