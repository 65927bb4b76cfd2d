"""A receiver of signed events as docs/webhook.md asks for one: verifies, keeps five minutes, takes each id once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any, ClassVar

from tests.contract.faults import Known
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer

TOLERANCE_S = 300
MAX_BODY = 256_000
CONTENT = {"id", "title", "text", "html", "link", "lang", "visibility", "images", "tags", "reply_to", "thread_root"}
DATA = {"opslag.ping": set(), "post.publish": CONTENT, "post.update": CONTENT, "post.delete": {"id"}}
IMAGE = {"url", "alt", "width", "height", "mime"}


class WebhookServer(ContractServer):
    """`token` is the signing secret; a post's `key` is the id of its event."""

    create = "POST /hook"
    own_faults: ClassVar = {
        "gone": Known("POST /hook", "410: nothing is taken here any more"),
        "moved": Known("POST /hook", "302 to another address"),
        "no_reply": Known("POST /hook", "takes the event and answers 204 without a word"),
    }

    def __init__(self) -> None:
        self.token = "whsec_" + base64.b64encode(b"a signing key of 32 bytes, fixed").decode()
        self.secrets = [self.token]
        self.bodies: dict[str, list[bytes]] = {}
        super().__init__()

    def routes(self) -> list[Route]:
        return [("POST", "/hook", self._event), ("GET", r"/posts/(\w+)", self._page)]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        return answer({"error": message}, status)

    def throttled(self, request: Request) -> Response:
        return answer({"error": "Too many events"}, 429, Retry_After="30")

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        return self.refusal(request, 401, "The signature is wrong")

    def revoke(self, token: str) -> None:
        self.secrets = [secret for secret in self.secrets if secret != token]

    def expire(self) -> None:
        self.secrets = []

    def _event(self, request: Request) -> Response:
        if self.faults.take("gone", request):
            return self.refusal(request, 410, "Gone")
        if self.faults.take("moved", request):
            return Response(302, b"", {"Location": "https://elsewhere.example.org/hook"})
        identity = self._verified(request)
        self.bodies.setdefault(identity, []).append(request.body)
        if len(set(self.bodies[identity])) > 1:
            raise RefusedError(422, "Contract: the same id with other bytes")
        kind, data = _read(request)
        if kind == "opslag.ping":
            return answer({"name": "Biblioteket"})
        if kind == "post.publish":
            return self._publish(request, identity, data)
        post = self.post(data["id"])
        if post and kind == "post.update":
            post.text, post.edits = data["text"], post.edits + 1
        elif post:
            post.deleted = True
        return Response(204)

    def _publish(self, request: Request, identity: str, data: dict[str, Any]) -> Response:
        if data["id"] != identity:
            raise RefusedError(422, "Contract: data.id is the id of the event")
        post = next((each for each in self.posts if each.key == identity), None)
        if post is None:
            post = self._new_post(identity, data)
        if self.faults.take("no_reply", request):
            post.remote_id = identity
            return self.committed(request, Response(204))
        return self.committed(
            request, answer({"id": post.remote_id, "url": f"{request.origin}/posts/{post.remote_id}"})
        )

    def _new_post(self, identity: str, data: dict[str, Any]) -> PublicPost:
        post = PublicPost(
            remote_id=f"p{len(self.posts) + 1}",
            text=data["text"],
            created_at=self.clock.now(),
            alt_texts=[image["alt"] for image in data["images"]],
            link=data["link"],
            key=identity,
            reply_to=data["reply_to"],
            fields=data,
        )
        if post.reply_to and not self.post(post.reply_to):
            raise RefusedError(422, "reply_to is none of the posts here")
        self.posts.append(post)
        return post

    def _verified(self, request: Request) -> str:
        given = {name: request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
        if not all(given.values()) or not request.headers.get("user-agent"):
            raise RefusedError(400, "Contract: a header is missing")
        if request.media_type != "application/json":
            raise RefusedError(415, "Contract: events are application/json")
        if len(request.body) > MAX_BODY:
            raise RefusedError(413, "Contract: an event has at most 256 kB")
        if abs(self.clock.now().timestamp() - int(given["timestamp"])) > TOLERANCE_S:
            raise RefusedError(400, "The event is older than five minutes")
        signed = f"{given['id']}.{given['timestamp']}.".encode() + request.body
        keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in self.secrets]
        right = {"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys}
        if not right & set(given["signature"].split(" ")):
            raise RefusedError(401, "The signature is wrong")
        return given["id"]

    def _page(self, request: Request, remote_id: str) -> Response:
        return self._timeline(request)


def _read(request: Request) -> tuple[str, dict[str, Any]]:
    event = json.loads(request.body)
    if set(event) != {"type", "timestamp", "data"} or event["type"] not in DATA:
        raise RefusedError(422, "Contract: an event has a known type, a timestamp and data")
    if datetime.fromisoformat(event["timestamp"]).utcoffset() is None:
        raise RefusedError(422, "Contract: timestamp has no zone")
    data = event["data"]
    if set(data) != DATA[event["type"]]:
        raise RefusedError(422, f"Contract: the data of {event['type']} has other fields")
    for image in data.get("images", []):
        if set(image) != IMAGE or not image["url"].startswith("https://"):
            raise RefusedError(422, "Contract: an image has url, alt, width, height and mime")
    return event["type"], data
