"""A receiver of signed events as docs/webhook.md asks for one: verifies, keeps five minutes, takes each id once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, ClassVar

from tests.contract.faults import Known
from tests.contract.meta_fetch import Fetch, is_public, over_the_wire, what_is_wrong
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer

TOLERANCE_S = 300
MAX_BODY = 256_000
TEXTS = {"id", "title", "text", "html", "link", "lang", "visibility", "reply_to", "thread_root", "campaign"}
CONTENT = TEXTS | {"revision", "images", "tags"}
DATA = {"opslag.ping": set(), "post.publish": CONTENT, "post.update": CONTENT, "post.delete": {"id"}}
IMAGE: dict[str, type] = {"url": str, "alt": str, "width": int, "height": int, "mime": str}


class WebhookServer(ContractServer):
    """`token` is the signing secret; a post's `key` is the id of its event; `fetch` gets the picture of a ping."""

    create = "POST /hook"
    pictures = ()
    tells_figures = access_ends = False
    own_faults: ClassVar = {
        "gone": Known("POST /hook", "410: nothing is taken here any more"),
        "moved": Known("POST /hook", "302 to another address"),
        "no_reply": Known("POST /hook", "takes the event and answers 204 without a word"),
    }

    def __init__(self, fetch: Fetch = over_the_wire) -> None:
        self.fetch = fetch
        self.token = "whsec_" + base64.b64encode(b"a signing key of 32 bytes, fixed").decode()
        self.secrets = [self.token]
        self.bodies: dict[str, list[bytes]] = {}
        super().__init__()

    def routes(self) -> list[Route]:
        return [("POST", "/hook", self._event), ("GET", r"/posts/(\w+)", self._page)]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        return answer({"error": message}, status)

    def throttled(self, request: Request) -> Response:
        return answer({"error": "Too many events"}, 429, Retry_After=str(self.reset_s or 30))

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        self.revoke(self.token)
        return self.refusal(request, 401, "The signature is wrong")

    def revoke(self, token: str) -> None:
        self.secrets = [secret for secret in self.secrets if secret != token]

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
            return self._greeted(data)
        if kind == "post.publish":
            return self._publish(request, identity, data)
        post = self.post(data["id"])
        if post and kind == "post.update":
            self._change(post, data)
        elif post:
            post.deleted = True
        return Response(204)

    def _greeted(self, data: dict[str, Any]) -> Response:
        url = data.get("image", "")
        if url and what_is_wrong(self.fetch(url) if is_public(url) else None, {"JPEG", "PNG"}, (0.01, 100.0)):
            raise RefusedError(422, "there is no picture that could be fetched from here")
        return answer({"name": "Biblioteket"})

    def _change(self, post: PublicPost, data: dict[str, Any]) -> None:
        if data["revision"] < post.fields["revision"]:
            raise RefusedError(422, "Contract: an older revision than the one here")
        self._check_length(data)
        post.text, post.edits, post.fields = data["text"], post.edits + 1, data

    def _check_length(self, data: dict[str, Any]) -> None:
        if self.text_limit is not None and len(data["text"]) > self.text_limit:
            raise RefusedError(422, f"a text has at most {self.text_limit} characters here")

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
        self._check_length(data)
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
        if not all(given.values()) or not re.fullmatch(r"\w+/\S+.*", request.headers.get("user-agent", "")):
            raise RefusedError(400, "Contract: a header is missing, or the User-Agent names no product and version")
        if not re.fullmatch(r"msg_[0-9A-Za-z]{20,60}", given["id"]):
            raise RefusedError(400, "Contract: webhook-id is msg_ and letters and digits")
        if request.media_type != "application/json":
            raise RefusedError(415, "Contract: events are application/json")
        if len(request.body) > MAX_BODY:
            raise RefusedError(413, "Contract: an event has at most 256 kB")
        if not re.fullmatch(r"[1-9][0-9]{0,14}", given["timestamp"]):
            raise RefusedError(400, "Contract: webhook-timestamp is seconds since 1970")
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
    event = request.json()
    if set(event) != {"type", "timestamp", "data"} or event["type"] not in DATA or not isinstance(event["data"], dict):
        raise RefusedError(422, "Contract: an event has a known type, a timestamp and data")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(event["timestamp"])):
        raise RefusedError(422, "Contract: timestamp is no time in UTC")
    kind, data = event["type"], event["data"]
    # A ping names a picture where its sender wants to know whether it can be fetched.
    if set(data) != DATA[kind] and (kind, set(data)) != ("opslag.ping", {"image"}):
        raise RefusedError(422, f"Contract: the data of {kind} has other fields")
    if not all(isinstance(data[name], str) for name in TEXTS & set(data)):
        raise RefusedError(422, f"Contract: {', '.join(sorted(TEXTS))} are texts")
    if set(data) >= CONTENT:
        _check_content(data)
    return kind, data


def _check_content(data: dict[str, Any]) -> None:
    if not isinstance(data["revision"], int) or data["revision"] < 1 or not data["campaign"]:
        raise RefusedError(422, "Contract: revision is a number from 1, and campaign is named")
    if not isinstance(data["tags"], list) or not all(isinstance(tag, str) and tag for tag in data["tags"]):
        raise RefusedError(422, "Contract: tags is a list of texts")
    if not isinstance(data["images"], list) or not all(map(_is_image, data["images"])):
        raise RefusedError(422, "Contract: an image has url (https), alt, width, height and mime")


def _is_image(image: Any) -> bool:
    right = isinstance(image, dict) and {name: type(value) for name, value in image.items()} == IMAGE
    return right and is_public(image["url"]) and image["width"] > 0 < image["height"]
