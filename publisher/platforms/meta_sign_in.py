"""Signing in at Facebook to connect Pages, and Instagram accounts by the Page that they belong to (Facebook Login).

A Page that a business portfolio holds is not in the person's own list; it is looked for in their portfolios as well.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, Explanation
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Found, Profile, SignIn
from publisher.platforms.meta_access import MAY_PUBLISH, Access, access_of, missing_scope
from publisher.platforms.meta_graph import WWW, graph_url, send
from publisher.platforms.meta_replies import PERMISSION, graph_error, object_of, pages_of
from publisher.platforms.replies import identity_of, public_url
from publisher.vocabulary import Reason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LIST, PORTFOLIOS = "pages_show_list", "business_management"
PAGE_SCOPES = (LIST, "pages_read_engagement", PORTFOLIOS)
FACEBOOK_SCOPES = (*PAGE_SCOPES, "pages_manage_posts", "pages_manage_engagement", "read_insights")
# Without these nothing can be published.
FACEBOOK_NEEDED = ("pages_manage_posts", "pages_read_engagement")
INSTAGRAM_NEEDED = ("instagram_basic", "instagram_content_publish")
INSTAGRAM_SCOPES = (
    *PAGE_SCOPES,
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_comments",
    "instagram_manage_insights",
)
_PAGE = "id,name,username,link,picture{url},access_token,tasks"
_INSTAGRAM = "instagram_business_account{id,username,name,profile_picture_url}"

PAGE_NOT_FOUND = gettext_noop(
    "Facebook does not show us the Page with this access: its role or its permission may have been taken away, or the "
    "Page may have moved to a business portfolio. Connect the Page again."
)
NO_ROLE = gettext_noop(
    "Your role does not let you publish on %(pages)s. Ask the Page's administrator to give you Facebook access with "
    "“Content”, then begin again."
)
_NOT_ALLOWED = gettext_noop(
    "Opslag was not allowed to see your Pages (pages_show_list). Begin again, say yes to every permission, and choose "
    "the Page in Facebook's window."
)
_NO_PORTFOLIO = gettext_noop(
    "Facebook showed no Page of yours. If the Page belongs to a business portfolio (Meta Business Suite), begin again "
    "and say yes to the portfolio as well (business_management). If not, ask the Page's administrator to give you a "
    "role on the Page."
)
_NO_PAGE = gettext_noop(
    "Facebook showed no Page on which you have a role, neither your own nor in a business portfolio. Ask the Page's "
    "administrator to give you Facebook access, and choose the Page in Facebook's window when you begin again."
)
_NO_INSTAGRAM = gettext_noop(
    "No professional Instagram account belongs to %(pages)s. Make the account a professional one in Instagram, connect "
    "it with the Page (the Page's settings, Linked accounts), and begin again."
)


@dataclass(frozen=True)
class MetaApp:
    """Our app at developers.facebook.com, for Pages and Instagram.

    `config_id` and `instagram_config_id` are its configurations of Facebook Login for Business, if it has any: they
    name the permissions themselves.
    """

    client_id: str = field(metadata={"label": _("App ID")})
    client_secret: str = field(repr=False, metadata={"label": _("App secret"), "secret": True})
    config_id: str = field(
        default="",
        metadata={
            "label": _("Configuration ID for Pages"),
            "help": _("Only where the app uses Facebook Login for Business."),
        },
    )
    instagram_config_id: str = field(
        default="",
        metadata={"label": _("Configuration ID for Instagram"), "help": _("As above, with Instagram’s permissions.")},
    )


class MetaSignIn(SignIn):
    """Facebook Login: the code becomes the person's access for 60 days, and that each Page's own, which has no end."""

    app_class = MetaApp
    https_only = True
    kind: ClassVar[str]
    scopes: ClassVar[tuple[str, ...]]
    page_fields: ClassVar[str] = _PAGE

    def address(self, app: MetaApp, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str) -> str:
        """Facebook's own page; a permission that was refused before is asked for again."""
        asked = {
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "response_type": "code",
            "auth_type": "rerequest",
        }
        configured = self.config_id(app)
        asked |= {"config_id": configured} if configured else {"scope": ",".join(self.scopes)}
        return f"{origin(self.kind, WWW)}/{settings.OPSLAG_META_VERSION}/dialog/oauth?{urlencode(asked)}"

    def redeem(
        self, app: MetaApp, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """All Pages that the person gave us access to. Raises AccountError, saying why there are none."""
        person = {"client_id": app.client_id, "client_secret": app.client_secret}
        short = self._token(person | {"redirect_uri": redirect_uri, "code": code})
        long = self._token(person | {"grant_type": "fb_exchange_token", "fb_exchange_token": short})
        access = access_of(self.kind, long, f"{app.client_id}|{app.client_secret}")
        pages = self._pages(long, access)
        usable = [page for page in pages if page.get("access_token")]
        found = [each for page in usable if (each := self.found(page, access)) is not None]
        obstacles = [each.obstacle for each in found if each.obstacle]
        if len(obstacles) == len(found):
            raise self._why_none(pages, usable, access, obstacles)
        return tuple(found)

    @abstractmethod
    def config_id(self, app: MetaApp) -> str:
        """The app's configuration for what is connected here, "" if it has none."""

    @abstractmethod
    def found(self, page: Mapping[str, Any], access: Access) -> Found | None:
        """What can be connected by one Page."""

    def none_by(self, pages: Sequence[Mapping[str, Any]]) -> AccountError:
        """Why nothing can be connected by any of these Pages, although they gave us access."""
        return AccountError(NO_ROLE, reason=PERMISSION, pages=_names(pages))

    def _token(self, asked: Mapping[str, str]) -> str:
        url = graph_url(self.kind, "oauth/access_token")
        reply = http.send("GET", url, params=asked, headers={"Accept": "application/json"})
        error = graph_error(reply)
        # A wrong app secret has the code of a passing fault.
        if error is not None and not error.passing and reply.status < 500:
            words = gettext_noop("Facebook did not accept the sign-in: “%(message)s”. Begin again.")
            raise AccountError(words, reason=Reason.ACCOUNT, message=error.said)
        answer = object_of(reply)
        token = str(answer.get("access_token") or "")
        if not token:
            raise AccountError(gettext_noop("Facebook gave no access. Begin again."), reason=Reason.ACCOUNT)
        return token

    def _pages(self, token: str, access: Access) -> list[dict[str, Any]]:
        """The person's own list, then what their portfolios hold; each Page once, with access where it has it."""
        lists = [self._list(token, "me/accounts", self.page_fields)]
        if PORTFOLIOS in access.granted:
            for portfolio in self._list(token, "me/businesses", "id,name"):
                edges = (f"{identity_of(portfolio)}/{edge}" for edge in ("owned_pages", "client_pages"))
                lists += [self._list(token, edge, self.page_fields) for edge in edges]
        found: dict[str, dict[str, Any]] = {}
        for page in (page for rows in lists for page in rows if identity_of(page)):
            if not found.get(identity_of(page), {}).get("access_token"):
                found[identity_of(page)] = page
        return list(found.values())

    def _list(self, token: str, path: str, fields: str) -> list[dict[str, Any]]:
        """One list; nothing where the permission for it is missing, since the others may have the Page."""
        asked = {"fields": fields, "limit": "100"}
        url = graph_url(self.kind, path)
        try:
            return [
                row for rows in pages_of(lambda page: send("GET", url, token, params={**asked, **page})) for row in rows
            ]
        except AccountError as error:
            if error.reason != PERMISSION:
                raise
            return []

    def _why_none(
        self,
        pages: Sequence[Mapping[str, Any]],
        usable: Sequence[Mapping[str, Any]],
        access: Access,
        obstacles: Sequence[Explanation],
    ) -> AccountError:
        other = next((each for each in obstacles if each.msgid != NO_ROLE), None)
        if other is not None:
            return AccountError(other.msgid, reason=PERMISSION, **other.params)
        if usable:
            return self.none_by(usable)
        if pages:
            return AccountError(NO_ROLE, reason=PERMISSION, pages=_names(pages))
        if LIST not in access.granted:
            return AccountError(_NOT_ALLOWED, reason=PERMISSION)
        return AccountError(_NO_PAGE if PORTFOLIOS in access.granted else _NO_PORTFOLIO, reason=PERMISSION)


SEE_THAT_IT_IS_LIVE = _(
    "Facebook tells no program whether the app is Live. See it in a minute: publish a trial post, and open its address "
    "in a private window, in which you are not signed in. If it is not there, the app is not Live."
)
_THROUGH: tuple[StrOrPromise, ...] = (
    _("You need a role on the Page that may publish: “Content”, or full control."),
    _("In Facebook’s window, choose the Page and the business portfolio that it belongs to, if any."),
    _("Say yes to everything that Facebook asks for, and take no tick away."),
    _(
        "You need a role on the app as well: whoever made it gives it to you, and you say yes at "
        "developers.facebook.com, under Requests."
    ),
)
_APP: tuple[StrOrPromise, ...] = (
    _("Make the app at developers.facebook.com, with the use cases for Pages and for Instagram."),
    _("Enter the addresses below there, under Facebook Login → Settings → Valid OAuth Redirect URIs."),
    _("Switch the app to Live. Before that only those with a role on it see what is published, and nothing says so."),
    _(
        "Give each Page’s administrator a role under App roles → Roles. Once all have one, Meta need not review the "
        "app."
    ),
)


class FacebookSignIn(MetaSignIn):
    """Connects Pages."""

    kind = "facebook"
    before = _THROUGH
    app_before = _APP
    scopes = FACEBOOK_SCOPES

    def config_id(self, app: MetaApp) -> str:
        """The one for Pages."""
        return app.config_id

    def found(self, page: Mapping[str, Any], access: Access) -> Found:
        """The Page itself, and whether the role and the permissions let us publish there, as far as Facebook tells."""
        tasks = page.get("tasks")
        may_publish = not isinstance(tasks, list) or not tasks or MAY_PUBLISH & set(map(str, tasks))
        scopes = access.scopes_for(identity_of(page))
        return Found(
            page_profile(page),
            {
                "access_token": str(page["access_token"]),
                "page_id": identity_of(page),
                "tasks": " ".join(map(str, tasks)) if isinstance(tasks, list) else "",
                "scopes": " ".join(scopes),
                "data_access_until": access.ends,
            },
            missing_scope(scopes or None, FACEBOOK_NEEDED) if may_publish else _no_role(page),
        )


class InstagramSignIn(MetaSignIn):
    """Connects the professional Instagram accounts of Pages, with the Page's own access."""

    kind = "instagram"
    before = (
        _("The Instagram account must be a professional one and belong to a Facebook Page."),
        *_THROUGH,
    )
    app_of = FacebookSignIn.kind
    scopes = INSTAGRAM_SCOPES
    page_fields = f"{_PAGE},{_INSTAGRAM}"

    def config_id(self, app: MetaApp) -> str:
        """The one for Instagram."""
        return app.instagram_config_id

    def found(self, page: Mapping[str, Any], access: Access) -> Found | None:
        """The Page's Instagram account, None if it has none."""
        account = page.get("instagram_business_account")
        if not isinstance(account, dict) or not identity_of(account):
            return None
        scopes = access.scopes_for(identity_of(page), identity_of(account))
        return Found(
            instagram_profile(account),
            {
                "access_token": str(page["access_token"]),
                "account_id": identity_of(account),
                "scopes": " ".join(scopes),
                "ends_at": access.ends,
            },
            missing_scope(scopes or None, INSTAGRAM_NEEDED),
        )

    def none_by(self, pages: Sequence[Mapping[str, Any]]) -> AccountError:
        """The Pages are there, and none has an account."""
        return AccountError(_NO_INSTAGRAM, reason=Reason.ACCOUNT, pages=_names(pages))


def page_profile(
    page: Mapping[str, Any], facts: Mapping[str, Any] | None = None, warnings: tuple[Explanation, ...] = ()
) -> Profile:
    """Who a Page is."""
    page_id = identity_of(page)
    return Profile(
        remote_id=page_id,
        name=str(page.get("name") or ""),
        handle=f"@{page.get('username') or page_id}",
        url=public_url(page.get("link")) or f"{WWW}/{page_id}",
        avatar_url=_picture_of(page),
        facts=facts or {},
        warnings=warnings,
    )


def instagram_profile(
    account: Mapping[str, Any], facts: Mapping[str, Any] | None = None, warnings: tuple[Explanation, ...] = ()
) -> Profile:
    """Who an Instagram account is."""
    username = str(account.get("username") or "")
    return Profile(
        remote_id=str(account.get("user_id") or identity_of(account)),
        name=str(account.get("name") or username),
        handle=f"@{username}",
        url=f"https://www.instagram.com/{username}/",
        avatar_url=public_url(account.get("profile_picture_url")),
        facts=facts or {},
        warnings=warnings,
    )


def _picture_of(page: Mapping[str, Any]) -> str:
    picture = page.get("picture")
    data = picture.get("data") if isinstance(picture, dict) else None
    return public_url(data.get("url")) if isinstance(data, dict) else ""


def _no_role(page: Mapping[str, Any]) -> Explanation:
    return Explanation(NO_ROLE, {"pages": _names([page])})


def _names(pages: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(page.get("name") or identity_of(page)) for page in pages[:5])
