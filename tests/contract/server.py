"""What all contract servers share: routes, faults, a clock, a control page, a page of what is published.

A platform's server is a class with `create` (the call that makes a post public, as "METHOD /path"), `routes()` and
`refusal()`. It keeps its public posts in `posts`, so that everybody can count them: at most one per logical post.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any, ClassVar

from tests.contract.faults import Clock, Faults, Known
from tests.contract.wire import DroppedError, RefusedError, Request, Response, answer, page

Route = tuple[str, str, Callable[..., Response]]
CONTROLS = {"faults", "clear", "advance_s", "revoke", "expire", "slow_s", "media_polls", "text_limit"}
# Beyond any patience of a client.
SLOW_S = 90.0


def shared_faults(create: str, upload: str = "") -> dict[str, Known]:
    """The faults that every server can play, on its own calls ("" for `upload`: pictures are not uploaded)."""
    return {
        "latency": Known("", "takes `slow_s` seconds to answer"),
        "drop_before_read": Known(create, "hangs up before reading the body"),
        "commit_then_drop": Known(create, "posts, then hangs up without an answer"),
        "commit_then_500": Known(create, "posts, then answers 500"),
        "commit_then_page": Known(create, "posts, then answers 200 with a web page"),
        "500": Known(create, "500, nothing done"),
        "503_retry_after": Known(create, "503 with Retry-After: 30, nothing done"),
        "429": Known(create, "too many calls, with the time of the reset as this platform tells it"),
        "expire_token": Known(create, "the token has run out"),
        "revoke_token": Known(create, "the token was taken back"),
        "media_fails": Known(upload, "processing a picture fails"),
        "media_slow": Known(upload, "a picture takes `media_polls` looks until it is ready"),
    }


@dataclass
class PublicPost:
    """A post as everybody sees it; `fields` is what the platform adds."""

    remote_id: str
    text: str
    created_at: datetime
    alt_texts: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    link: str = ""
    key: str = ""
    reply_to: str = ""
    edits: int = 0
    deleted: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


class ContractServer(ABC):
    """One platform's server; call it with a request, or put it beneath a client (`wire.in_process`, `wire.listening`).

    `token` is valid from the start. `text_limit` replaces the platform's own where it is set.
    """

    create: ClassVar[str]
    upload: ClassVar[str] = ""
    own_faults: ClassVar[Mapping[str, Known]] = {}
    token: str

    def __init__(self) -> None:
        self.clock = Clock()
        self.faults = Faults(shared_faults(self.create, self.upload) | dict(self.own_faults))
        self.slow_s = SLOW_S
        self.media_polls = 2
        self.text_limit: int | None = None
        self.posts: list[PublicPost] = []
        self.calls: list[str] = []
        self.headers_seen: list[dict[str, str]] = []
        self._lock = threading.RLock()
        own: list[Route] = [
            ("GET", "/", self._timeline),
            ("GET", "/control", self._shown),
            ("POST", "/control", self._set),
        ]
        self._routes = [(method, re.compile(path), handle) for method, path, handle in [*own, *self.routes()]]

    @abstractmethod
    def routes(self) -> list[Route]:
        """(method, pattern of the path, handler): the groups of the pattern are the handler's arguments."""

    @abstractmethod
    def refusal(self, request: Request, status: int, message: str) -> Response:
        """An error in this platform's shape."""

    @abstractmethod
    def throttled(self, request: Request) -> Response:
        """Too many calls, in this platform's shape and with its way of telling the reset."""

    @abstractmethod
    def token_fault(self, request: Request, *, expired: bool) -> Response:
        """The token has run out, or was taken back."""

    @abstractmethod
    def revoke(self, token: str) -> None:
        """Take a token back for good."""

    @abstractmethod
    def expire(self) -> None:
        """All access tokens that were given out have run out; those that renew them have not."""

    def public(self) -> list[PublicPost]:
        """What everybody sees, oldest first."""
        return [post for post in self.posts if not post.deleted]

    def post(self, remote_id: str) -> PublicPost | None:
        """One of the public posts."""
        return next((post for post in self.public() if post.remote_id == remote_id), None)

    def committed(self, request: Request, response: Response) -> Response:
        """The answer to a call that made a post public, or the fault that is played instead of it."""
        if self.faults.take("commit_then_drop", request):
            raise DroppedError
        if self.faults.take("commit_then_500", request):
            return self.refusal(request, 500, "Something went wrong")
        if self.faults.take("commit_then_page", request):
            return page("<h1>OK</h1>")
        return response

    def __call__(self, request: Request) -> Response:
        if self.faults.take("drop_before_read", request):
            raise DroppedError
        _ = request.body
        with self._lock:
            self.calls.append(f"{request.method} {request.path}")
            self.headers_seen.append(dict(request.headers))
            response = self._answer(request)
        if self.faults.take("latency", request):
            response.delay_s = self.slow_s
        return response

    def control(self, given: dict[str, Any]) -> None:
        """Change what the server plays: what `POST /control` takes.

        faults: {name: times or null for "until cleared"}; clear: true; advance_s: seconds; revoke: a token; expire:
        true; slow_s: seconds; media_polls: looks; text_limit: characters or null.
        """
        if unknown := set(given) - CONTROLS:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if given.get("clear"):
            self.faults.clear()
        for name, times in given.get("faults", {}).items():
            self.faults.set(name, times)
        self.clock.advance(given.get("advance_s", 0))
        self.slow_s = given.get("slow_s", self.slow_s)
        self.media_polls = given.get("media_polls", self.media_polls)
        self.text_limit = given.get("text_limit", self.text_limit)
        if given.get("revoke"):
            self.revoke(given["revoke"])
        if given.get("expire"):
            self.expire()

    def _answer(self, request: Request) -> Response:
        try:
            if request.path in {"/", "/control"}:
                return self._route(request)
            return self._played(request) or self._route(request)
        except RefusedError as refused:
            response = self.refusal(request, refused.status, refused.message)
            response.headers.update(refused.headers)
            return response

    def _played(self, request: Request) -> Response | None:
        if self.faults.take("500", request):
            return self.refusal(request, 500, "Something went wrong")
        if self.faults.take("503_retry_after", request):
            response = self.refusal(request, 503, "Service Unavailable")
            response.headers["Retry-After"] = "30"
            return response
        if self.faults.take("429", request):
            return self.throttled(request)
        for name in ("expire_token", "revoke_token"):
            if self.faults.take(name, request):
                return self.token_fault(request, expired=name == "expire_token")
        return None

    def _route(self, request: Request) -> Response:
        for method, pattern, handle in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        raise RefusedError(404, f"Contract: no {request.method} {request.path}")

    def _timeline(self, request: Request) -> Response:
        rows = "".join(_row(post) for post in reversed(self.public()))
        return page(f"<!doctype html><meta charset=utf-8><title>{type(self).__name__}</title><ul>{rows}</ul>")

    def _shown(self, request: Request) -> Response:
        posts = [
            {"id": post.remote_id, "key": post.key, "text": post.text, "reply_to": post.reply_to, "edits": post.edits,
             "alt_texts": post.alt_texts, "link": post.link, "created_at": post.created_at.isoformat()}
            for post in self.public()
        ]  # fmt: skip
        known = {name: fault._asdict() for name, fault in self.faults.known.items()}
        state = {"now": self.clock.now().isoformat(), "faults": self.faults.state(), "known_faults": known}
        return answer(state | {"posts": posts})

    def _set(self, request: Request) -> Response:
        try:
            self.control(request.json())
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            return answer({"error": f"Contract: {wrong}"}, 422)
        return self._shown(request)


def _row(post: PublicPost) -> str:
    alts = "".join(f"<br><i>{escape(alt)}</i>" for alt in post.alt_texts)
    link = f'<br><a href="{escape(post.link)}">{escape(post.link)}</a>' if post.link else ""
    return (
        f"<li><small>{escape(post.remote_id)} {post.created_at:%H:%M:%S}</small><p>{escape(post.text)}{alts}{link}</li>"
    )
