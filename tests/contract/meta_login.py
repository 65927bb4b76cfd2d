"""Facebook Login on a contract server: the dialog with its Pages, the exchange of tokens, portfolios, debug_token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any, ClassVar
from urllib.parse import urlencode

from tests.contract.faults import Known
from tests.contract.meta_server import LONG, GraphError, GraphServer, Token, listed, shown
from tests.contract.server import Route
from tests.contract.wire import Request, Response, answer, page

VERSION = r"/v2[2-6]\.0"
ASKED = {"client_id", "redirect_uri", "state", "response_type", "scope", "config_id", "auth_type"}
ALL_SCOPES = frozenset(
    {
        "pages_show_list", "pages_read_engagement", "pages_manage_posts", "pages_manage_engagement", "read_insights",
        "business_management", "instagram_basic", "instagram_content_publish", "instagram_manage_comments",
        "instagram_manage_insights",
    }
)  # fmt: skip
EVERYTHING = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")
PERSON, PORTFOLIO = "100200", "501"
_PAGE_FIELDS = {"id", "name", "username", "link", "picture", "access_token", "tasks", "instagram_business_account"}


@dataclass
class FacebookPage:
    """A Page: the person's tasks on it, whether a business portfolio holds it, and its Instagram account's id."""

    page_id: str
    name: str
    username: str
    tasks: tuple[str, ...] = EVERYTHING
    in_portfolio: bool = False
    instagram: str = ""


@dataclass
class _Code:
    redirect_uri: str
    scopes: frozenset[str]
    only: frozenset[str] | None
    until: object


class LoginServer(GraphServer):
    """An app with one person who has a role on three Pages, one of them in a portfolio.

    `asks_itself`: a token may look at itself by debug_token, as it may where its person has a role on the app.
    """

    login_faults: ClassVar[Mapping[str, Known]] = {
        **GraphServer.graph_faults,
        "portfolio_page": Known("GET", "all Pages are held by a business portfolio and listed only there"),
        "development_mode": Known("", "the app is not Live: only people with a role on it get in and see posts"),
    }

    def __init__(self) -> None:
        super().__init__()
        # One app for Pages and Instagram, as at Meta.
        self.app_id, self.app_secret = "9001", "contract-secret"
        self.asks_itself = True
        self.pages = {
            each.page_id: each
            for each in (
                FacebookPage("1001", "Kulturfællesskabet", "kulturfaellesskabet", instagram="17841"),
                FacebookPage("1002", "Museet", "museet", tasks=("ANALYZE", "MODERATE")),
                FacebookPage("1003", "Biblioteket", "", in_portfolio=True),
            )
        }
        self._codes: dict[str, _Code] = {}
        self.token = self.page_token("1001", ALL_SCOPES)

    def page_token(self, page_id: str, scopes: frozenset[str] = ALL_SCOPES, only: frozenset[str] | None = None) -> str:
        """A Page's own token, which has no end."""
        return self.issue(Token("page", page_id, scopes, self.clock.now(), only=only))

    def person_token(self, scopes: frozenset[str] = ALL_SCOPES) -> str:
        """A person's token for 60 days."""
        return self.issue(Token("person", PERSON, scopes, self.clock.now(), self.clock.now() + LONG))

    def login_routes(self) -> list[Route]:
        return [
            ("GET", rf"{VERSION}/dialog/oauth", self._ask),
            ("POST", rf"{VERSION}/dialog/oauth", self._agree),
            ("GET", rf"{VERSION}/oauth/access_token", self._exchange),
            ("GET", rf"{VERSION}/debug_token", self._debug),
            ("GET", rf"{VERSION}/me/accounts", self._accounts),
            ("GET", rf"{VERSION}/me/businesses", self._businesses),
            ("GET", rf"{VERSION}/{PORTFOLIO}/(owned_pages|client_pages)", self._portfolio),
            ("GET", rf"{VERSION}/me", self._me),
        ]

    def page_entity(self, each: FacebookPage, origin: str) -> dict[str, Any]:
        """A Page as everybody sees it."""
        account = {"id": each.instagram, "username": each.username, "name": each.name,
                   "profile_picture_url": f"{origin}/picture/{each.page_id}"}  # fmt: skip
        return {
            "id": each.page_id, "name": each.name, "username": each.username or None,
            "link": f"{origin}/{each.username or each.page_id}",
            "picture": {"data": {"url": f"{origin}/picture/{each.page_id}"}},
            "instagram_business_account": account if each.instagram else None,
        }  # fmt: skip

    def is_live(self, request: Request) -> bool:
        """Whether everybody sees what the app posts."""
        return not self.faults.take("development_mode", request)

    def _ask(self, request: Request) -> Response:
        asked = {name: values[-1] for name, values in request.query.items()}
        self._check_asked(asked)
        if not asked.get("scope") and not asked.get("config_id"):
            raise GraphError(100, "Contract: scope or config_id is missing")
        boxes = "".join(
            f'<label><input type="checkbox" name="granted" value="{scope}" checked>{scope}</label><br>'
            for scope in asked.get("scope", ",".join(sorted(ALL_SCOPES))).split(",")
        )
        pages = "".join(
            f'<label><input type="checkbox" name="page" value="{each.page_id}" checked>{escape(each.name)}</label><br>'
            for each in self.pages.values()
        )
        hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
        return page(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in with Facebook</title><main>'
            f'<h1>Log in with Facebook</h1><form method="post">{hidden}<fieldset><legend>Pages</legend>{pages}'
            f"</fieldset><fieldset><legend>Opslag may</legend>{boxes}</fieldset><label><input type='checkbox' "
            "name='outsider'>I have no role on the app</label><p><button>Allow</button> "
            '<button name="denied" value="yes">Cancel</button></form></main></html>'
        )

    def _agree(self, request: Request) -> Response:
        form = request.form()
        asked = {name: values[-1] for name, values in form.items() if name in ASKED}
        self._check_asked(asked)
        if "outsider" in form and self.faults.take("development_mode", request):
            return page("<h1>App not active</h1><p>This app is not accessible right now.</p>", 403)
        back = {"state": asked["state"]}
        if "denied" in form:
            back |= {"error": "access_denied", "error_code": "200", "error_reason": "user_denied"}
        else:
            code, chosen = secrets.token_urlsafe(60), frozenset(form.get("page", []))
            only = None if chosen == set(self.pages) else chosen
            until = self.clock.now() + timedelta(minutes=10)
            self._codes[code] = _Code(asked["redirect_uri"], frozenset(form.get("granted", [])), only, until)
            back |= {"code": code}
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return Response(302, b"", {"Location": f"{asked['redirect_uri']}{joint}{urlencode(back)}"})

    def _check_asked(self, asked: dict[str, str]) -> None:
        if set(asked) - ASKED or asked.get("client_id") != self.app_id or asked.get("response_type") != "code":
            raise GraphError(101, "Invalid App ID, or unknown parameters in the dialog")
        if not asked.get("redirect_uri", "").startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise GraphError(191, "URL blocked: the redirect URI is not whitelisted in the app's settings")
        if len(asked.get("state", "")) < 16:
            raise GraphError(100, "Contract: state is missing")
        if set(filter(None, asked.get("scope", "").split(","))) - ALL_SCOPES:
            raise GraphError(100, "Invalid Scopes")

    def _exchange(self, request: Request) -> Response:
        known = {"client_id", "client_secret", "redirect_uri", "code", "grant_type", "fb_exchange_token"}
        given = self.asked(request, known)
        if given.get("client_id") != self.app_id or given.get("client_secret") != self.app_secret:
            raise GraphError(1, "Error validating client secret.")
        if given.get("grant_type") == "fb_exchange_token":
            old = self.tokens.get(given.get("fb_exchange_token", ""))
            if old is None:
                raise GraphError(190, "Invalid OAuth access token.")
            self.check_alive(old)
            fresh = Token("person", PERSON, old.scopes, self.clock.now(), self.clock.now() + LONG, old.only)
        else:
            code = self._codes.pop(given.get("code", ""), None)
            if code is None or code.redirect_uri != given.get("redirect_uri") or code.until < self.clock.now():  # type: ignore[operator]
                raise GraphError(100, "This authorization code has been used.", 36009)
            until = self.clock.now() + timedelta(hours=1)
            fresh = Token("person", PERSON, code.scopes, self.clock.now(), until, code.only, short=True)
        life = int((fresh.until - self.clock.now()).total_seconds()) if fresh.until else 0
        return answer({"access_token": self.issue(fresh), "token_type": "bearer", "expires_in": life})

    def _debug(self, request: Request) -> Response:
        given = self.asked(request, {"input_token"})
        by = self.token_of(request)
        if by != f"{self.app_id}|{self.app_secret}":
            self.allowed(request)
            if by != given.get("input_token") or not self.asks_itself:
                raise GraphError(100, "(#100) You must provide an app access token, or one of an owner of the app")
        token = self.tokens.get(given.get("input_token", ""))
        if token is None:
            raise GraphError(100, "The access token could not be decrypted")
        target = {"target_ids": sorted(token.only)} if token.only is not None else {}
        granular = [{"scope": s} | (target if s.startswith("pages_") else {}) for s in sorted(token.scopes)]
        ends = int((token.issued + timedelta(days=90)).timestamp())
        return answer({"data": {
            "app_id": self.app_id, "type": token.kind.upper(), "is_valid": not token.revoked,
            "expires_at": int(token.until.timestamp()) if token.until else 0,
            "data_access_expires_at": ends, "scopes": sorted(token.scopes), "granular_scopes": granular,
        }})  # fmt: skip

    def _accounts(self, request: Request) -> Response:
        token = self._person(request, "pages_show_list")
        held = self.faults.take("portfolio_page", request)
        return self._pages_of(request, token, [e for e in self.pages.values() if not (held or e.in_portfolio)])

    def _businesses(self, request: Request) -> Response:
        self._person(request, "business_management")
        self.asked(request, {"limit", "after"}, {"id", "name"}, "Business")
        return listed(request, [{"id": PORTFOLIO, "name": "Fællessekretariatet"}], "", 25)

    def _portfolio(self, request: Request, edge: str) -> Response:
        token = self._person(request, "business_management")
        held = self.faults.take("portfolio_page", request)
        pages = [e for e in self.pages.values() if held or e.in_portfolio] if edge == "owned_pages" else []
        return self._pages_of(request, token, pages)

    def _pages_of(self, request: Request, token: Token, pages: list[FacebookPage]) -> Response:
        given = self.asked(request, {"limit", "after"}, _PAGE_FIELDS, "Page")
        rows = []
        for each in pages:
            if token.only is None or each.page_id in token.only:
                row = self.page_entity(each, request.origin) | {"tasks": list(each.tasks)}
                if each.tasks:
                    row["access_token"] = self.page_token(each.page_id, token.scopes, token.only)
                rows.append(shown(row, given.get("fields", "id,name")))
        # So few a page that paging is needed.
        return listed(request, rows, given.get("after", ""), min(int(given.get("limit", 25)), 1))

    def _person(self, request: Request, scope: str) -> Token:
        token = self.allowed(request, scope)
        if token.kind != "person":
            raise GraphError(100, "(#100) Tried accessing nonexisting field (accounts) on node type (Page)")
        return token

    def _me(self, request: Request) -> Response:
        token = self.allowed(request)
        if token.kind == "person":
            given = self.asked(request, set(), {"id", "name"}, "User")
            return answer(shown({"id": PERSON, "name": "Bo Holm"}, given.get("fields", "id,name")))
        given = self.asked(request, set(), _PAGE_FIELDS, "Page")
        return answer(shown(self.page_entity(self.pages[token.owner], request.origin), given.get("fields", "id,name")))
