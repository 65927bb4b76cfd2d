"""What people and tests change about a server from outside, and what it shows of itself: GET and POST /control."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, NamedTuple

from tests.contract.faults import Clock, Faults, Known
from tests.contract.wire import UNREADABLE, Request, Response, answer

# Beyond any patience of a client.
SLOW_S = 90.0
# So many calls are shown.
SHOWN = 100

HELP = """\
GET /control shows what a server has, what it was asked (calls with their headers) and which faults it knows.
POST /control takes JSON with any of these:

  faults      {"429": 2}                 the next two calls that publish
              {"500": null}              until it is cleared
              {"commit_then_drop": {"times": 1, "on": "POST /v*/*/comments", "account": "1003"}}
                                         method and beginning of the path, * for any part of it; one account's calls
              {"429": [{"account": "1"}, {"account": "2", "times": 3}]}
  clear       true: all faults off
  advance_s   moves the server's clock on
  slow_s      how long a slow answer takes; media_polls: how many looks a slow picture takes
  reset_s     in how many seconds a throttle ends (null: as usual)
  text_limit  a text's longest (null: as usual)
  expire      true: all access runs out; revoke: a token is taken back
  react       {"post": "its id", "likes": 3, "comments": ["Hvornår?", "Hvor?"], "reposts": 1, "views": 40}
              what the public does; without post: about the newest
  forget      true: the list of calls begins anew

curl -d '{"faults": {"429": null}, "reset_s": 90}' http://127.0.0.1:8123/control
"""


class Reaction(NamedTuple):
    """What the public does about a post, on top of what it did before. `comments` are words of others."""

    likes: int
    comments: list[str]
    reposts: int
    views: int


class Controlled(ABC):
    """The state that all servers share beside their posts, and the two calls of its control page.

    `calls` are the calls so far, oldest first, `headers_seen` their headers.
    """

    # Controls that a server has beside those of all.
    own_controls: ClassVar[frozenset[str]] = frozenset()
    media_polls = 2

    def __init__(self, known: Mapping[str, Known]) -> None:
        self.clock = Clock()
        self.faults = Faults(known, self.callers)
        self.slow_s = SLOW_S
        self.reset_s: int | None = None
        self.calls: list[str] = []
        self.headers_seen: list[dict[str, str]] = []

    @abstractmethod
    def revoke(self, token: str) -> None:
        """Take a token back for good."""

    @abstractmethod
    def expire(self) -> None:
        """All access tokens that were given out have run out; those that renew them have not."""

    @abstractmethod
    def limit_text(self, characters: int | None) -> None:
        """Take texts up to this length; None: as usual."""

    @abstractmethod
    def react(self, post_id: str, reaction: Reaction) -> None:
        """The public does something about a post ("": the newest). Raises ValueError where nobody can, or none is."""

    @abstractmethod
    def shown(self) -> dict[str, Any]:
        """What the server has, as JSON."""

    def callers(self, request: Request) -> Collection[str]:
        """The names of the account that makes a call: by itself its token, and what stands in the path."""
        return {request.headers.get("authorization", "").removeprefix("Bearer "), *request.path.split("/")} - {""}

    def control(self, given: Mapping[str, Any]) -> None:
        """Change what the server plays: what `POST /control` takes (HELP). Raises ValueError."""
        shared: dict[str, Callable[[Any], object]] = {
            "clear": self._clear,
            "faults": self.faults.play,
            "advance_s": lambda seconds: self.clock.advance(_number(seconds)),
            "slow_s": lambda seconds: setattr(self, "slow_s", _number(seconds)),
            "media_polls": lambda looks: setattr(self, "media_polls", _count(looks)),
            "reset_s": lambda seconds: self.reset_in(None if seconds is None else _count(seconds)),
            "text_limit": lambda characters: self.limit_text(None if characters is None else _count(characters)),
            "expire": self._expire,
            "revoke": self._revoke,
            "react": self._react,
            "forget": self._forget,
        }
        if unknown := set(given) - set(shared) - self.own_controls:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(shared))}")
        for name, change in shared.items():
            if name in given:
                change(given[name])

    def reset_in(self, seconds: int | None) -> None:
        """When a throttle ends, as the platform tells it."""
        self.reset_s = seconds

    def noted(self, request: Request) -> None:
        """Keep a call for the log, unless it is the control page's own."""
        if request.path not in {"/", "/control"}:
            self.calls.append(f"{request.method} {request.path}")
            self.headers_seen.append(dict(request.headers))

    def show_control(self, request: Request) -> Response:
        """`GET /control`."""
        known = {name: fault._asdict() for name, fault in self.faults.known.items()}
        log = [
            {"call": call, "headers": headers}
            for call, headers in zip(self.calls[-SHOWN:], self.headers_seen[-SHOWN:], strict=True)
        ]
        now = self.clock.now().isoformat()
        state = {"now": now, "faults": self.faults.state(), "known_faults": known, "calls": log}
        return answer(state | self.shown())

    def set_control(self, request: Request) -> Response:
        """`POST /control`."""
        try:
            self.control(request.json())
        except UNREADABLE as wrong:
            return answer({"error": f"Contract: {wrong}"}, 422)
        return self.show_control(request)

    def _clear(self, wanted: object) -> None:
        if wanted:
            self.faults.clear()

    def _expire(self, wanted: object) -> None:
        if wanted:
            self.expire()

    def _forget(self, wanted: object) -> None:
        if wanted:
            self.calls.clear()
            self.headers_seen.clear()

    def _revoke(self, token: object) -> None:
        if not isinstance(token, str):
            raise ValueError(f"revoke is a token, not {token!r}")
        self.revoke(token)

    def _react(self, given: Mapping[str, Any]) -> None:
        if unknown := set(given) - {"post", "likes", "comments", "reposts", "views"}:
            raise ValueError(f"react: unknown: {', '.join(sorted(unknown))}")
        comments = given.get("comments", [])
        if not isinstance(comments, list) or not all(isinstance(words, str) and words for words in comments):
            raise ValueError("react: comments is a list of texts")
        likes, reposts, views = (_count(given.get(name, 0)) for name in ("likes", "reposts", "views"))
        self.react(str(given.get("post", "")), Reaction(likes, comments, reposts, views))


def _number(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"{given!r} is no number")
    return given


def _count(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ValueError(f"{given!r} is no number from 0")
    return given
