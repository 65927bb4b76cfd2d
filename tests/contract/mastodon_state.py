"""What the Mastodon contract server knows, and who may do what with it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.contract.control import Controlled, Reaction
from tests.contract.faults import Known
from tests.contract.mastodon_entities import Account, Ids, Media, Status, Token
from tests.contract.mastodon_kinds import KINDS
from tests.contract.wire import RefusedError, Request

CREATE = "POST /api/v1/statuses"
FAULTS = {
    "ignore_key": Known(CREATE, "a repeated key makes a second post"),
    "duplicate_quirk": Known(CREATE, "a repeated key is answered with 500, nothing is posted (mastodon#40399)"),
    "400_for_too_long": Known(CREATE, "a text over the limit is answered with 400 instead of 422"),
    "ulid_ids": Known(CREATE, "new ids are ULIDs"),
    "500": Known(CREATE, "500, nothing done"),
    "503_retry_after": Known(CREATE, "503 with Retry-After: 30, nothing done"),
    "429": Known(CREATE, "429 with X-RateLimit-Reset and without Retry-After, nothing done"),
    "drop_before_read": Known(CREATE, "hangs up before reading the body"),
    "commit_then_drop": Known(CREATE, "posts, then hangs up without an answer"),
    "commit_then_500": Known(CREATE, "posts, then answers 500"),
    "commit_then_page": Known(CREATE, "posts, then answers 200 with a web page"),
    "slow": Known(CREATE, "posts, then takes `slow_s` seconds to answer"),
    "latency": Known("", "takes `slow_s` seconds to answer"),
    "expire_token": Known(CREATE, "the token has run out"),
    "revoke_token": Known(CREATE, "the token was taken back"),
    "html_errors": Known("", "errors are web pages instead of JSON"),
    "media_slow": Known("POST /api/v2/media", "an upload stays in processing for `media_polls` looks"),
    "media_never_ready": Known("GET /api/v1/media", "an upload stays in processing"),
    "media_fails": Known("GET /api/v1/media", "processing an upload fails"),
}
OUR_SCOPES = frozenset({"profile", "read:statuses", "write:statuses", "write:media"})
KEY_KEPT_S = 3600
RATE_PERIOD_S = 300
SELDOM = ("POST /api/v2/media", "DELETE /api/v1/statuses")
SELDOM_PERIOD_S = 1800


class MastodonState(Controlled):
    """Accounts, tokens, posts and pictures; `kind` is the software that the server plays (`mastodon_kinds.KINDS`)."""

    media_polls = 3

    def __init__(self, kind: str = "mastodon", rate_limit: int = 300) -> None:
        super().__init__(FAULTS)
        self.kind = KINDS[kind]
        self.rate_limit = rate_limit
        self.seldom_limit = 30
        self._seldom: dict[tuple[str, str], list[float]] = {}
        self.statuses: list[Status] = []
        self.media: dict[str, Media] = {}
        self.tokens: dict[str, Token] = {}
        self.account = Account("109", "kultur", "Kulturfællesskabet")
        self.token = self.new_token(OUR_SCOPES)
        self._ids = Ids()
        self._keys: dict[tuple[str, str], tuple[Status, datetime]] = {}

    def new_token(self, scopes: frozenset[str], app_name: str = "Opslag", account: Account | None = None) -> str:
        """A token of `account` (default: the server's own) with these scopes."""
        token = secrets.token_urlsafe(32)
        self.tokens[token] = Token(account or self.account, scopes, app_name)
        return token

    def revoke(self, token: str) -> None:
        """Make a token useless."""
        if token in self.tokens:
            self.tokens[token].revoked = True

    def expire(self) -> None:
        """Where access runs out at all (some of Mastodon's relatives), it is as if it were taken back."""
        for token in self.tokens:
            self.revoke(token)

    def limit_text(self, characters: int | None) -> None:
        usual = KINDS[self.kind.name].max_characters
        self.kind = replace(self.kind, max_characters=usual if characters is None else characters)

    def react(self, post_id: str, reaction: Reaction) -> None:
        if reaction.views:
            raise ValueError("Mastodon counts no views")
        found = [
            status for status in self.posts() if status.status_id == post_id or not (post_id or status.in_reply_to)
        ]
        if not found:
            raise ValueError(f"no post {post_id}".strip())
        status = found[-1]
        status.likes, status.reposts = status.likes + reaction.likes, status.reposts + reaction.reposts
        status.replies += len(reaction.comments)

    def callers(self, request: Request) -> set[str]:
        """The token, and the account that it is for by id and name."""
        names = {*super().callers(request)}
        owners = [self.tokens[name].account for name in names if name in self.tokens]
        return names | {name for owner in owners for name in (owner.account_id, owner.username)}

    def shown(self) -> dict[str, Any]:
        told = [
            {
                "id": status.status_id,
                "key": status.key,
                "text": status.text,
                "visibility": status.visibility,
                "language": status.language,
                "alt_texts": [media.alt for media in status.media],
                "reply_to": status.in_reply_to.status_id if status.in_reply_to else "",
                "likes": status.likes,
                "reposts": status.reposts,
                "comments": status.replies,
            }
            for status in self.posts()
        ]
        return {"kind": self.kind.name, "posts": told}

    def posts(self) -> list[Status]:
        """What is published, oldest first."""
        return [status for status in self.statuses if not status.deleted]

    def next_id(self, request: Request) -> str:
        """An id as this kind of server makes them."""
        return self._ids.next(self.clock.now(), ulid=self.kind.ulid_ids or self.faults.take("ulid_ids", request))

    def allowed(self, request: Request, *scopes: str) -> Token:
        """The token of the call, which must have one of `scopes`."""
        token = self.tokens.get(bearer(request))
        if token is None:
            raise RefusedError(401, "The access token is invalid")
        if token.revoked:
            raise RefusedError(401, "The access token was revoked")
        if not any(token.may(scope) for scope in scopes):
            raise RefusedError(403, "This action is outside the authorized scopes")
        return token

    def status(self, status_id: str, viewer: Account | None) -> Status:
        """The post, if `viewer` may see it."""
        for status in self.posts():
            if status.status_id == status_id and visible(status, viewer):
                return status
        raise RefusedError(404, "Record not found")

    def remembered(self, request: Request, key: str) -> Status | None:
        """The post that was made with `key` for the account of this token within the last hour."""
        status, until = self._keys.get((self.tokens[bearer(request)].account.account_id, key), (None, self.clock.now()))
        return status if until > self.clock.now() else None

    def remember(self, status: Status) -> None:
        """Keep the post, and its key for an hour."""
        self.statuses.append(status)
        until = self.clock.now() + timedelta(seconds=KEY_KEPT_S)
        self._keys[status.account.account_id, status.key] = status, until

    def count_call(self, request: Request) -> bool:
        """Count the call for its token; whether it is still within the rate limit."""
        token = self.tokens.get(bearer(request))
        if token is None:
            return True
        now = self.clock.now().timestamp()
        token.calls[:] = [moment for moment in token.calls if moment > now - RATE_PERIOD_S]
        token.calls.append(now)
        return len(token.calls) <= self.rate_limit

    def count_seldom(self, request: Request) -> bool:
        """The same for uploads and for deletions, which Mastodon takes seldom (its rack_attack.rb)."""
        call = f"{request.method} {request.path}"
        what = next((name for name in SELDOM if call.startswith(name)), "")
        if not what or self.kind.name != "mastodon":
            return True
        now = self.clock.now().timestamp()
        made = self._seldom.setdefault((bearer(request), what), [])
        made[:] = [moment for moment in made if moment > now - SELDOM_PERIOD_S]
        made.append(now)
        return len(made) <= self.seldom_limit

    def rate_headers(self, request: Request) -> dict[str, str]:
        """X-RateLimit-…, with the reset as ISO 8601 (Mastodon's rack_attack.rb)."""
        token = self.tokens.get(bearer(request))
        left = self.rate_limit - len(token.calls) if token else self.rate_limit
        reset = self.clock.now() + timedelta(seconds=self.reset_s or RATE_PERIOD_S)
        return {
            "X-RateLimit-Limit": str(self.rate_limit),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": reset.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }


def bearer(request: Request) -> str:
    """The token that the call shows, "" if none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def visible(status: Status, viewer: Account | None) -> bool:
    """Whether `viewer` (None: anyone) may see the post."""
    return status.visibility in {"public", "unlisted"} or status.account is viewer


def only(given: object, allowed: set[str]) -> None:
    """Refuse fields that the API does not know: a real server would drop them without a word."""
    unknown = set(given) - allowed if isinstance(given, dict) else set()
    if unknown:
        raise RefusedError(422, f"Contract: unknown fields: {', '.join(sorted(unknown))}")
