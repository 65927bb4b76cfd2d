"""A platform as X or Bluesky is: access that ends soon, renewed with a token that works once; several pages to post as.

`RotatingServer` is the wire; `RotatingPlatform` a plug-in of its own, so that these tests hang on no real platform.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from publisher import http
from publisher.errors import TokenExpiredError
from publisher.platforms.abilities import Limits
from publisher.platforms.contract import Found, Platform, Post, Profile, Published, SignIn
from publisher.platforms.replies import object_of
from tests.contract.wire import Request, Response, answer

ORIGIN = "https://tavle.example.org"
PAGES = {"1": "Rådhuset", "2": "Biblioteket", "3": "Museet"}


class RotatingServer:
    """Its tokens, and what became public. `while_renewing` is called once the old pair is void."""

    def __init__(self) -> None:
        self.pairs: dict[str, str] = {}
        self.expired: set[str] = set()
        self.used: set[str] = set()
        self.posts: list[str] = []
        self.renewals = 0
        self.refused_pages: set[str] = set()
        self.broken, self.away_s = False, 0
        self.while_renewing: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def new_pair(self) -> dict[str, str]:
        """An access token and the one that renews it, good for two hours."""
        access, refresh = secrets.token_hex(8), secrets.token_hex(8)
        self.pairs[refresh] = access
        until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        return {"access_token": access, "refresh_token": refresh, "expires_at": until}

    def expire(self) -> None:
        """All access tokens that are out have run out."""
        self.expired |= set(self.pairs.values())

    def __call__(self, request: Request) -> Response:
        if request.path == "/token":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.pairs.values():
            return answer({"error": "revoked"}, 401)
        if token in self.expired:
            return answer({"error": "expired"}, 401)
        if request.path == "/pages":
            return answer({"pages": PAGES})
        if request.path.startswith("/pages/"):
            page = request.path.removeprefix("/pages/")
            if page in self.refused_pages:
                return answer({"error": "you have no role there"}, 403)
            return answer({"id": page, "name": PAGES[page]})
        self.posts.append(request.json()["text"])
        return answer({"id": str(len(self.posts)), "url": f"{ORIGIN}/{len(self.posts)}"})

    def _token(self, request: Request) -> Response:
        given = {name: values[-1] for name, values in request.form().items()}
        if given.get("client_id") != "app" or given.get("client_secret") != "hemmelig":
            return answer({"error": "invalid_client"}, 401)
        if "code" in given:
            return answer(self.new_pair()) if given["code"] == "code" else answer({"error": "invalid_grant"}, 400)
        if self.broken:
            return answer({"error": "down"}, 503, **({"Retry_After": str(self.away_s)} if self.away_s else {}))
        with self._lock:
            self.renewals += 1
            old = given["refresh_token"]
            if old in self.used or old not in self.pairs:
                return answer({"error": "invalid_grant"}, 401)
            self.used.add(old)
            self.expired.add(self.pairs[old])
            fresh = self.new_pair()
        self.while_renewing()
        return answer(fresh)


@dataclass(frozen=True)
class RotatingConfig:
    """Nothing of it is typed."""

    page: str = field(metadata={"hidden": True})
    access_token: str = field(repr=False, metadata={"secret": True, "hidden": True})
    refresh_token: str = field(repr=False, metadata={"secret": True, "hidden": True})
    expires_at: str = field(metadata={"hidden": True})


@dataclass(frozen=True)
class RotatingApp:
    """What the platform gave to our app."""

    client_id: str = field(metadata={"label": "App-ID"})
    client_secret: str = field(repr=False, metadata={"label": "App secret", "secret": True})


class RotatingSignIn(SignIn):
    """A code for a pair of tokens, and all pages with it."""

    app_class = RotatingApp

    def address(
        self, app: RotatingApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str
    ) -> str:
        asked = {"client_id": app.client_id, "state": state, "redirect_uri": redirect_uri}
        return f"{ORIGIN}/authorize?{urlencode(asked)}"

    def redeem(
        self, app: RotatingApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        pair = _token(app, code=code)
        pages = _call("GET", "/pages", pair["access_token"])["pages"]
        return tuple(Found(Profile(key, name, f"@{key}"), {"page": key, **pair}) for key, name in pages.items())


class RotatingPlatform(Platform):
    """Publishes to a page."""

    kind = "rotating"
    label = "Opslagstavlen"
    config_class = RotatingConfig
    sign_in = RotatingSignIn()
    until: datetime | None = None

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        return Limits(text=500)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        return len(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        return timedelta(0)

    def verify(self, config: RotatingConfig) -> Profile:
        page = _call("GET", f"/pages/{config.page}", config.access_token)
        return Profile(page["id"], page["name"], f"@{page['id']}")

    def prepare(self, config: RotatingConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        return {}

    def commit(
        self, config: RotatingConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        made = _call("POST", "/posts", config.access_token, commit=True, json={"text": post.text})
        return Published(made["id"], made["url"])

    def confirm(self, config: RotatingConfig, facts: Mapping[str, Any], published: Published) -> Published:
        return published

    def find(self, config: RotatingConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        return None

    def renew_at(self, config: RotatingConfig) -> datetime | None:
        return datetime.fromisoformat(config.expires_at) - timedelta(minutes=10)

    def lasts_until(self, config: RotatingConfig) -> datetime | None:
        return self.until

    def renew(self, config: RotatingConfig, app: RotatingApp | None) -> Mapping[str, Any] | None:
        if app is None:
            return None
        return _token(app, refresh_token=config.refresh_token)


def _token(app: RotatingApp, **given: str) -> dict[str, Any]:
    data = {"client_id": app.client_id, "client_secret": app.client_secret, **given}
    return object_of(http.send("POST", f"{ORIGIN}/token", data=data))


def _call(method: str, path: str, token: str, **content: Any) -> dict[str, Any]:
    reply = http.send(method, f"{ORIGIN}{path}", headers={"Authorization": f"Bearer {token}"}, **content)
    if reply.status == 401 and b"expired" in reply.body:
        raise TokenExpiredError("The access has run out.", reason="account")
    return object_of(reply)


def config_of_pair(pair: Mapping[str, str], page: str = "1") -> dict[str, str]:
    """The connection fields of a page."""
    return {"page": page, **pair}
