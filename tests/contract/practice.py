"""The practice channel's wire contract in memory: what the web app's own `/practice/api/…` must do.

It is in no registry: `opslag run` and the containers serve the practice channel themselves, so nobody needs a stand-in
to try it. Tests and `make chaos-social` put this one where OPSLAG_PRACTICE_URL points, for its faults and its clock.
"""

from __future__ import annotations

import io
import itertools
import secrets
from datetime import datetime
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer

CREATE, UPLOAD = "POST /practice/api/proeve/posts", "POST /practice/api/proeve/media"
FIELDS = {"key", "text", "link", "language", "media_ids", "planned_at", "reply_to"}


class PracticeServer(ContractServer):
    """One channel, `proeve`, with its token; the language of a post is one of its `fields`."""

    create, upload = CREATE, UPLOAD
    pictures = ("media_fails",)
    tells_figures = access_ends = False

    def __init__(self) -> None:
        super().__init__()
        self.token = secrets.token_urlsafe(32)
        self._alt_texts: dict[str, str] = {}
        self._ids = itertools.count(1)

    def routes(self) -> list[Route]:
        own = "/practice/api/proeve"
        return [
            ("GET", own, self._channel),
            ("POST", f"{own}/media", self._upload),
            ("POST", f"{own}/posts", self._create),
            ("GET", f"{own}/posts", self._by_key),
            ("GET", rf"{own}/posts/([^/]+)", self._show),
            ("PUT", rf"{own}/posts/([^/]+)", self._edit),
            ("DELETE", rf"{own}/posts/([^/]+)", self._delete),
        ]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        return answer({"error": message}, status)

    def throttled(self, request: Request) -> Response:
        return answer({"error": "Too many requests"}, 429, Retry_After=str(self.reset_s or 30))

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        self.revoke(self.token)
        return self.refusal(request, 401, "Wrong token")

    def revoke(self, token: str) -> None:
        if token == self.token:
            self.token = secrets.token_urlsafe(32)

    def _route(self, request: Request) -> Response:
        ours = request.headers.get("authorization") == f"Bearer {self.token}"
        if request.path.startswith("/practice/api/") and not ours:
            raise RefusedError(401, "Wrong token")
        return super()._route(request)

    def _channel(self, request: Request) -> Response:
        url = f"{request.origin}/practice/proeve"
        return answer({"id": "1", "name": "Prøvekanal", "handle": "@proeve", "url": url})

    def _upload(self, request: Request) -> Response:
        parts = request.parts()
        if set(parts) != {"file", "alt"}:
            raise RefusedError(400, "The parts are file and alt")
        if self.faults.take("media_fails", request):
            raise RefusedError(400, "The file is not a picture")
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
        # Also one that was taken down: no repeat brings it back.
        post = next((each for each in self.posts if each.key == given["key"]), None)
        if post is None:
            post = self._new_post(given)
            self.posts.append(post)
        return self.committed(request, answer(self._entity(request, post)))

    def _new_post(self, given: dict[str, Any]) -> PublicPost:
        if datetime.fromisoformat(given["planned_at"]).tzinfo is None:
            raise RefusedError(400, "planned_at has no zone")
        missing = [media_id for media_id in given["media_ids"] if media_id not in self._alt_texts]
        if missing or len(given["media_ids"]) > 4:
            raise RefusedError(400, "No such pictures, or more than four")
        if given["reply_to"] and self.post(given["reply_to"]) is None:
            raise RefusedError(422, "reply_to is not there")
        return PublicPost(
            str(next(self._ids)),
            given["text"],
            self.clock.now(),
            [self._alt_texts[media_id] for media_id in given["media_ids"]],
            link=given["link"],
            key=given["key"],
            reply_to=given["reply_to"],
            fields={"language": given["language"]},
        )

    def _by_key(self, request: Request) -> Response:
        found = [post for post in self.public() if post.key == request.query["key"][0]]
        return answer({"posts": [self._entity(request, post) for post in found]})

    def _show(self, request: Request, post_id: str) -> Response:
        replies = sum(post.reply_to == post_id for post in self.public())
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

    def _named(self, post_id: str) -> PublicPost:
        post = self.post(post_id)
        if post is None:
            raise RefusedError(404, "Not found")
        return post

    def _entity(self, request: Request, post: PublicPost) -> dict[str, Any]:
        return {"id": post.remote_id, "url": f"{request.origin}/practice/proeve/posts/{post.remote_id}"}
