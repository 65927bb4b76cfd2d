"""What all contract servers share: routes, faults, a clock, a control page, a page of what is published.

A platform's server is a class with `create` (the call that makes a post public, as "METHOD /path"), `routes()` and
`refusal()`. It keeps its public posts in `posts`, so that everybody can count them: at most one per logical post.
"""

from __future__ import annotations

import re
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any, ClassVar

from tests.contract.control import Controlled, Reaction
from tests.contract.faults import Known
from tests.contract.wire import UNREADABLE, DroppedError, RefusedError, Request, Response, page

Route = tuple[str, str, Callable[..., Response]]
PICTURES = {
    "media_fails": "processing a picture fails",
    "media_slow": "a picture takes `media_polls` looks until it is ready",
}


def shared_faults(create: str, upload: str, pictures: Iterable[str]) -> dict[str, Known]:
    """The faults that every server can play, on its own calls; those of PICTURES where there is something to go wrong.

    "500" and its like can be aimed at any other call by their `on`.
    """
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
        **{name: Known(upload, PICTURES[name]) for name in pictures},
    }


@dataclass
class PublicPost:
    """A post as everybody sees it; `fields` is what the platform adds. `others`: comments of its readers."""

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
    likes: int = 0
    reposts: int = 0
    views: int = 0
    others: list[PublicPost] = field(default_factory=list)


class ContractServer(Controlled):
    """One platform's server; call it with a request, or put it beneath a client (`wire.in_process`, `wire.listening`).

    `token` is valid from the start. `text_limit` replaces the platform's own where it is set. `pictures`: which of
    PICTURES can befall one. `tells_figures`: the public's reactions can be read. `access_ends`: by itself, in time.
    """

    create: ClassVar[str]
    upload: ClassVar[str] = ""
    pictures: ClassVar[tuple[str, ...]] = tuple(PICTURES)
    own_faults: ClassVar[Mapping[str, Known]] = {}
    tells_figures: ClassVar[bool] = True
    access_ends: ClassVar[bool] = True
    token: str

    def __init__(self) -> None:
        shared = shared_faults(self.create, self.upload, self.pictures)
        if not self.access_ends:
            del shared["expire_token"]
        super().__init__(shared | dict(self.own_faults))
        self.text_limit: int | None = None
        self.posts: list[PublicPost] = []
        self._lock = threading.RLock()
        own: list[Route] = [
            ("GET", "/", self._timeline),
            ("GET", "/control", self.show_control),
            ("POST", "/control", self.set_control),
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
            self.noted(request)
            response = self._answer(request)
        if self.faults.take("latency", request):
            response.delay_s = self.slow_s
        return response

    def expire(self) -> None:
        if not self.access_ends:
            raise ValueError("access lasts until it is taken back here")
        self.end_access()

    def end_access(self) -> None:
        """What `expire` does, where access ends at all."""

    def limit_text(self, characters: int | None) -> None:
        self.text_limit = characters

    def react(self, post_id: str, reaction: Reaction) -> None:
        if not self.tells_figures:
            raise ValueError("this platform tells nobody what the public does")
        post = self.post(post_id) if post_id else next((p for p in reversed(self.public()) if not p.reply_to), None)
        if post is None:
            raise ValueError(f"no post {post_id}".strip())
        post.likes, post.reposts = post.likes + reaction.likes, post.reposts + reaction.reposts
        post.views += reaction.views
        post.others += [self._of_reader(post, words) for words in reaction.comments]

    def _of_reader(self, post: PublicPost, words: str) -> PublicPost:
        return PublicPost(
            self.comment_id(post), words, self.clock.now(), reply_to=post.remote_id, fields={"reader": True}
        )

    def comment_id(self, post: PublicPost) -> str:
        """A new id for somebody's comment on a post."""
        return f"c{len(post.others) + 1}"

    def comments(self, post: PublicPost) -> list[PublicPost]:
        """All comments on a post, oldest first: its author's own, and those of others."""
        own = [each for each in self.posts if each.reply_to == post.remote_id and not each.deleted]
        return sorted([*own, *post.others], key=lambda each: each.created_at)

    def shown(self) -> dict[str, Any]:
        told = [
            {"id": post.remote_id, "key": post.key, "text": post.text, "reply_to": post.reply_to, "edits": post.edits,
             "alt_texts": post.alt_texts, "link": post.link, "created_at": post.created_at.isoformat(),
             "likes": post.likes, "reposts": post.reposts, "views": post.views, "comments": len(self.comments(post))}
            for post in self.public()
        ]  # fmt: skip
        return {"posts": told}

    def _answer(self, request: Request) -> Response:
        try:
            if request.path in {"/", "/control"}:
                return self._route(request)
            return self._played(request) or self._route(request)
        except RefusedError as refused:
            response = self.refusal(request, refused.status, refused.message)
            response.headers.update(refused.headers)
            return response
        except UNREADABLE as wrong:
            return self.refusal(request, 400, f"Contract: the call cannot be read: {wrong!r}")

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


def _row(post: PublicPost) -> str:
    alts = "".join(f"<br><i>{escape(alt)}</i>" for alt in post.alt_texts)
    link = f'<br><a href="{escape(post.link)}">{escape(post.link)}</a>' if post.link else ""
    return (
        f"<li><small>{escape(post.remote_id)} {post.created_at:%H:%M:%S}</small><p>{escape(post.text)}{alts}{link}</li>"
    )
