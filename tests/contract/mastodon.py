"""A strict server of the Mastodon API in memory (docs.joinmastodon.org; quirks of its relatives: `mastodon_kinds`).

It refuses what a real server would let pass but our connector must not do: unknown fields, no explicit visibility,
no Idempotency-Key, pictures that are none. `faults` and `clock` are for tests; `/control` is the same over HTTP.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlsplit

from tests.contract import mastodon_media, mastodon_statuses
from tests.contract.mastodon_entities import account_entity
from tests.contract.mastodon_kinds import KINDS, instance_v1, instance_v2
from tests.contract.mastodon_oauth import OAuth
from tests.contract.mastodon_pages import single, timeline
from tests.contract.mastodon_state import MastodonState, bearer
from tests.contract.wire import UNREADABLE, DroppedError, RefusedError, Request, Response, answer, page


class MastodonServer(MastodonState):
    """The server; call it with a request, or put it beneath a client with `wire.in_process` or `wire.listening`."""

    own_controls = frozenset({"kind", "rate_limit"})

    def __init__(self, kind: str = "mastodon", rate_limit: int = 300) -> None:
        super().__init__(kind, rate_limit)
        self.oauth = OAuth(self.clock, self.new_token, self.revoke)
        self._lock = threading.RLock()
        self._routes = self._all_routes()

    def __call__(self, request: Request) -> Response:
        if self.faults.take("drop_before_read", request):
            raise DroppedError
        _ = request.body
        with self._lock:
            self.noted(request)
            try:
                response = self._answer(request)
            except RefusedError as refused:
                response = self._refusal(request, refused)
            except UNREADABLE as wrong:
                refused = RefusedError(422, f"Contract: the call cannot be read: {wrong!r}")
                response = self._refusal(request, refused)
        if self.faults.take("latency", request):
            response.delay_s = self.slow_s
        return response

    def control(self, given: Mapping[str, Any]) -> None:
        """Also `kind`, a name in KINDS, and `rate_limit`, the calls in five minutes."""
        if "kind" in given:
            self.kind = KINDS[given["kind"]]
        self.rate_limit = given.get("rate_limit", self.rate_limit)
        super().control(given)

    def _all_routes(self) -> list[tuple[str, re.Pattern[str], Callable[..., Response]]]:
        statuses, media = mastodon_statuses, mastodon_media
        table: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "/", self._timeline),
            ("GET", r"/@[^/]+/([^/]+)", self._single),
            ("GET", r"/media/([^/]+)", partial(media.content, self)),
            ("GET", "/control", self.show_control),
            ("POST", "/control", self.set_control),
            ("GET", "/.well-known/nodeinfo", self._nodeinfo_links),
            ("GET", "/nodeinfo/2.0", self._nodeinfo),
            ("GET", "/.well-known/oauth-authorization-server", self.oauth.metadata),
            ("POST", "/api/v1/apps", self.oauth.register),
            ("GET", "/oauth/authorize", self.oauth.ask),
            ("POST", "/oauth/authorize", self.oauth.authorize),
            ("POST", "/oauth/token", self.oauth.token),
            ("POST", "/oauth/revoke", self.oauth.revoke),
            ("GET", "/api/v1/accounts/verify_credentials", self._verify_credentials),
            ("GET", "/api/v2/instance", self._instance_v2),
            ("GET", "/api/v1/instance", self._instance_v1),
            ("POST", "/api/v2/media", partial(media.upload, self)),
            ("GET", r"/api/v1/media/([^/]+)", partial(media.show, self)),
            ("POST", "/api/v1/statuses", partial(statuses.create, self)),
            ("GET", "/api/v1/statuses", partial(statuses.many, self)),
            ("GET", r"/api/v1/statuses/([^/]+)", partial(statuses.show, self)),
            ("PUT", r"/api/v1/statuses/([^/]+)", partial(statuses.edit, self)),
            ("GET", r"/api/v1/statuses/([^/]+)/source", partial(statuses.source, self)),
            ("DELETE", r"/api/v1/statuses/([^/]+)", partial(statuses.delete, self)),
            ("GET", r"/api/v1/accounts/([^/]+)/statuses", partial(statuses.listing, self)),
        ]
        return [(method, re.compile(pattern), handle) for method, pattern, handle in table]

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/api/"):
            self._check_headers(request)
            self._play_fault(request)
        for method, pattern, handle in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                response = handle(request, *match.groups())
                response.headers.update(self.rate_headers(request))
                return response
        raise RefusedError(404, "Record not found")

    def _refusal(self, request: Request, refused: RefusedError) -> Response:
        if self.faults.take("html_errors", request):
            response = page(f"<h1>{refused.status}</h1>\n<p>{escape(refused.message)}</p>", refused.status)
        else:
            response = answer({"error": refused.message}, refused.status)
        response.headers.update(refused.headers)
        return response

    def _check_headers(self, request: Request) -> None:
        accepted = request.headers.get("accept", "")
        if "application/json" not in accepted and "*/*" not in accepted:
            raise RefusedError(406, "Not Acceptable: this call answers application/json")
        if not request.headers.get("user-agent"):
            raise RefusedError(403, "Contract: User-Agent is missing")

    def _play_fault(self, request: Request) -> None:
        within_rate = self.count_call(request) and self.count_seldom(request)
        if self.faults.take("500", request):
            raise RefusedError(500, "Something went wrong")
        if self.faults.take("503_retry_after", request):
            raise RefusedError(503, "Service Unavailable", {"Retry-After": "30"})
        if self.faults.take("429", request) or not within_rate:
            raise RefusedError(429, "Too many requests", self.rate_headers(request))
        for fault, words in (
            ("expire_token", "The access token expired"),
            ("revoke_token", "The access token was revoked"),
        ):
            if self.faults.take(fault, request):
                self.revoke(bearer(request))
                raise RefusedError(401, words)

    def _verify_credentials(self, request: Request) -> Response:
        token = self.allowed(request, "read:accounts", "profile")
        return answer(account_entity(token.account, request.origin))

    def _instance_v2(self, request: Request) -> Response:
        if not self.kind.has_v2:
            raise RefusedError(404, "Not Found")
        return answer(instance_v2(self.kind, urlsplit(request.url).netloc))

    def _instance_v1(self, request: Request) -> Response:
        return answer(instance_v1(self.kind, urlsplit(request.url).netloc))

    def _nodeinfo_links(self, request: Request) -> Response:
        rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
        return answer({"links": [{"rel": rel, "href": f"{request.origin}/nodeinfo/2.0"}]})

    def _nodeinfo(self, request: Request) -> Response:
        return answer({"version": "2.0", "software": {"name": self.kind.name, "version": self.kind.version}})

    def _timeline(self, request: Request) -> Response:
        public = [status for status in reversed(self.posts()) if status.visibility == "public"]
        return page(timeline(public, request.origin))

    def _single(self, request: Request, status_id: str) -> Response:
        return page(single(self.status(status_id, None), request.origin))
