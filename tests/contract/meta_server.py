"""What Meta's servers share: Graph errors with code and subcode, tokens that run out, usage headers, parameters."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tests.contract.faults import Known
from tests.contract.server import ContractServer
from tests.contract.wire import RefusedError, Request, Response, answer

LONG = timedelta(days=60)
# What stands between a name and the next in `fields`: nested fields and modifiers.
_NESTED = re.compile(r"\{[^{}]*\}|\([^()]*\)|\.\w+")
# Percent, beyond what Meta calls for backing off.
MUCH = 91
TROUBLE = {500: (1, "An unknown error has occurred."), 503: (2, "Service temporarily unavailable")}


class GraphError(RefusedError):
    """An error as the Graph tells it."""

    def __init__(self, code: int, message: str, subcode: int = 0, status: int = 400, **more: object) -> None:
        super().__init__(status, message)
        self.body = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1b2C3"}
        if subcode:
            self.body["error_subcode"] = subcode
        self.body |= more


@dataclass
class Token:
    """Who may act as `owner`: a "page", a "person" or a "profile". `only`: pages that it is for, None for all."""

    kind: str
    owner: str
    scopes: frozenset[str]
    issued: datetime
    until: datetime | None = None
    only: frozenset[str] | None = None
    short: bool = False
    revoked: bool = False
    expired: bool = False
    name: str = field(default_factory=lambda: secrets.token_urlsafe(48))


class GraphServer(ContractServer):
    """Adds what every Meta server does to the shared server. `usage`: percent of what the app and a Page may call."""

    graph_faults: ClassVar[Mapping[str, Known]] = {
        "app_used": Known("", f"X-App-Usage says that {MUCH} % of the app's calls are used"),
        "page_used": Known("", f"X-Page-Usage says that {MUCH} % of the Page's calls are used"),
        "business_used": Known("", "X-Business-Use-Case-Usage says so, and that access is regained in 7 minutes"),
        "usage_unreadable": Known("", "the headers about usage are no JSON, wrong JSON and far too long"),
    }
    # Whether the token may be a parameter in the address, as it is documented for Threads alone.
    token_in_address = False

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, Token] = {}
        self.usage = 3
        self._last = 5_000_000

    def issue(self, token: Token, prefix: str = "EAA") -> str:
        """Make the token valid; its text."""
        token.name = f"{prefix}{token.name}"
        self.tokens[token.name] = token
        return token.name

    def next_number(self) -> int:
        """A number that no other thing has."""
        self._last += 1
        return self._last

    def refusal(self, request: Request, status: int, message: str) -> Response:
        code, words = TROUBLE.get(status, (2500 if status == 404 else 100, message))
        more = {"is_transient": True} if status == 503 else {}
        return _as_answer(GraphError(code, words, status=400 if status == 404 else status, **more))

    def throttled(self, request: Request) -> Response:
        use = [{"type": "pages", "call_count": 100, "total_cputime": 25, "total_time": 25,
                "estimated_time_to_regain_access": 5}]  # fmt: skip
        response = _as_answer(GraphError(4, "(#4) Application request limit reached", status=403))
        response.headers["X-Business-Use-Case-Usage"] = json.dumps({"1001": use})
        return response

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        if not expired:
            self.revoke(self.token_of(request))
        return _as_answer(self._worthless(expired=expired))

    def revoke(self, token: str) -> None:
        if token in self.tokens:
            self.tokens[token].revoked = True

    def expire(self) -> None:
        for token in self.tokens.values():
            token.expired = True

    def token_of(self, request: Request) -> str:
        """The text of the call's token: in the header, in the body, and where that is allowed in the address."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            return token
        given = request.query.get("access_token", [""])[-1]
        if given and not self.token_in_address:
            raise GraphError(100, "Contract: the token stands in the address; send it in a header")
        if not given and request.media_type == "application/x-www-form-urlencoded":
            given = request.form().get("access_token", [""])[-1]
        return given

    def allowed(self, request: Request, *scopes: str) -> Token:
        """The call's token, which must be good and have `scopes`."""
        token = self.tokens.get(self.token_of(request))
        if token is None:
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token", status=401)
        self.check_alive(token)
        for scope in scopes:
            if scope not in token.scopes:
                raise GraphError(
                    200 if scope.startswith("pages") else 10, f"(#200) Requires {scope} permission", status=403
                )
        return token

    def check_alive(self, token: Token) -> None:
        """Refuse a token that was taken back or has run out."""
        if token.revoked:
            raise self._worthless(expired=False)
        if token.expired or (token.until is not None and token.until <= self.clock.now()):
            raise self._worthless(expired=True)

    def asked(
        self, request: Request, known: Iterable[str], fields: Iterable[str] = (), node: str = ""
    ) -> dict[str, Any]:
        """The call's parameters; others than the `known`, and fields that `node` does not have, are refused."""
        given: dict[str, Any] = {name: values[-1] for name, values in request.query.items()}
        if request.method == "POST" and request.media_type == "application/json":
            given |= request.json()
        elif request.method == "POST" and request.media_type == "application/x-www-form-urlencoded":
            given |= {name: values[-1] for name, values in request.form().items()}
        elif request.method == "POST" and request.media_type != "multipart/form-data" and request.body:
            raise GraphError(100, f"Contract: {request.media_type} is no body for the Graph")
        given.pop("access_token", None)
        if unknown := set(given) - {*known, *(["fields"] if fields else [])}:
            raise GraphError(100, f"Contract: unknown parameters: {', '.join(sorted(unknown))}")
        for name in filter(None, _NESTED.sub("", _NESTED.sub("", str(given.get("fields", "")))).split(",")):
            if name not in fields:
                raise GraphError(100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({node})")
        return given

    def missing(self, identity: str) -> GraphError:
        """There is no such object."""
        return GraphError(
            100,
            f"Unsupported request. Object with ID '{identity}' does not exist, cannot be loaded due to missing "
            "permissions, or does not support this operation",
            33,
        )

    def __call__(self, request: Request) -> Response:
        response = super().__call__(request)
        for name, told in self._usages(request).items():
            response.headers.setdefault(name, told)
        return response

    def _usages(self, request: Request) -> dict[str, str]:
        if self.faults.take("usage_unreadable", request):
            return {"X-App-Usage": "{", "X-Page-Usage": '{"call_count": "99", "total_time": null}',
                    "X-Business-Use-Case-Usage": json.dumps({"1001": [_use(99)] * 500})}  # fmt: skip
        app, page = (MUCH if self.faults.take(name, request) else self.usage for name in ("app_used", "page_used"))
        told = {"X-App-Usage": json.dumps(_use(app)), "X-Page-Usage": json.dumps(_use(page))}
        if self.faults.take("business_used", request):
            use = {"type": "pages", **_use(MUCH), "estimated_time_to_regain_access": 7}
            told["X-Business-Use-Case-Usage"] = json.dumps({"1001": [use]})
        return told

    def _route(self, request: Request) -> Response:
        try:
            return super()._route(request)
        except GraphError as error:
            return _as_answer(error)

    def _worthless(self, *, expired: bool) -> GraphError:
        if expired:
            return GraphError(190, "Error validating access token: Session has expired.", 463, status=401)
        return GraphError(190, "Error validating access token: The user has not authorized application 9001.", 458)


def _use(percent: int) -> dict[str, int]:
    return {"call_count": percent, "total_time": 25, "total_cputime": 25}


def listed(request: Request, rows: list[dict[str, Any]], after: str, limit: int) -> Response:
    """One page of a list, with the cursor of the next."""
    begin = int(after or 0)
    found, paging = rows[begin : begin + limit], {"cursors": {"before": str(begin), "after": str(begin + limit)}}
    more = {"next": f"{request.origin}{request.path}?after={begin + limit}"} if begin + limit < len(rows) else {}
    return answer({"data": found, "paging": paging | more} if found else {"data": []})


def shown(row: dict[str, Any], fields: str) -> dict[str, Any]:
    """The fields that were asked for; the id always."""
    names = _NESTED.sub("", _NESTED.sub("", fields)).split(",")
    return {name: value for name, value in row.items() if name in {*names, "id"} and value is not None}


def _as_answer(error: GraphError) -> Response:
    return answer({"error": error.body}, error.status)
