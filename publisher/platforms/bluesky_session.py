"""Sessions on Bluesky: opened once with the app password, then renewed by themselves (com.atproto.server).

The app password stays on the account, encrypted like the tokens, to log in once more when a session cannot be renewed:
after a restored backup (the pair in it was used up long ago), a lost answer or ninety days of standstill posts go on
without a person. It can do no more than the session, and its owner can delete it at any time. No post logs in: a server
takes a hundred log-ins a day from an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.address_guard import is_allowed_target
from publisher.errors import AccountError, PermanentError, TokenExpiredError
from publisher.platforms.addresses import origin
from publisher.platforms.bluesky_records import KIND
from publisher.platforms.bluesky_replies import answer_of, error_name
from publisher.vocabulary import Reason

# An access token lasts 120 minutes and a refresh token 90 days (packages/pds/src/account-manager/helpers/auth.ts).
RENEWED_EVERY = timedelta(minutes=90)
SESSION_LASTS = timedelta(days=90)
USUAL_SERVER = "https://bsky.social"
_HIDDEN = {"hidden": True}


@dataclass(frozen=True)
class BlueskyConfig:
    """Whose account, its app password, and the session that was opened with it.

    `pds` is the server that keeps the account, `session_at` (ISO 8601) when the tokens were given.
    """

    handle: str = field(metadata={"label": _("Handle"), "help": _("For example kultur.bsky.social")})
    app_password: str = field(
        repr=False,
        metadata={
            "label": _("App password"),
            "secret": True,
            "help": _("Made on Bluesky under Settings, Privacy and security, App passwords. Not your own password."),
        },
    )
    server: str = field(
        default="",
        metadata={
            "label": _("Server address"),
            "help": _("Leave it empty unless the account is on a server of its own"),
        },
    )
    access_token: str = field(default="", repr=False, metadata={"label": _("Access token"), "secret": True} | _HIDDEN)
    refresh_token: str = field(default="", repr=False, metadata={"label": _("Refresh token"), "secret": True} | _HIDDEN)
    did: str = field(default="", metadata={"label": _("Account number")} | _HIDDEN)
    pds: str = field(default="", metadata={"label": _("Account's server")} | _HIDDEN)
    session_at: str = field(default="", metadata={"label": _("Connected since")} | _HIDDEN)


def session_began(config: BlueskyConfig) -> datetime | None:
    """When the tokens were given (aware); None before the first session."""
    return datetime.fromisoformat(config.session_at) if config.session_at else None


def require_session(config: BlueskyConfig) -> None:
    """Raise TokenExpiredError, which makes the caller renew, where no session was opened yet."""
    if not (config.access_token and config.did and config.pds):
        raise TokenExpiredError(
            gettext_noop("The channel is not connected to Bluesky yet. Connect it again."), reason=Reason.ACCOUNT
        )


def call(config: BlueskyConfig, method: str, nsid: str, *, commit: bool = False, **content: Any) -> http.Reply:
    """Call the account's own server with the session's access token. Raises TokenExpiredError without a session."""
    require_session(config)
    return xrpc(config.pds, method, nsid, token=config.access_token, commit=commit, **content)


def xrpc(
    server: str,
    method: str,
    nsid: str,
    *,
    token: str = "",
    commit: bool = False,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> http.Reply:
    """One call of the API at `server`, by its name such as com.atproto.repo.getRecord; without `token` as anybody."""
    own = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return http.send(method, f"{server}/xrpc/{nsid}", commit=commit, headers=own | dict(headers or {}), **content)


def renewed(config: BlueskyConfig) -> dict[str, Any]:
    """The config fields of a new session: from the refresh token, or if that is used up from the app password, once.

    Each refresh token works once, so what this gives must be stored. Raises AccountError where a person must act.
    """
    if config.refresh_token and config.pds:
        reply = xrpc(config.pds, "POST", "com.atproto.server.refreshSession", token=config.refresh_token)
        try:
            return _values(config, answer_of(reply), config.pds)
        except AccountError:
            # Also where the account is blocked, which logging in says in better words.
            return _logged_in(config)
    return _logged_in(config)


def _logged_in(config: BlueskyConfig) -> dict[str, Any]:
    """By account number once it is known: a handle can pass to somebody else."""
    server = origin_of(config.server) if config.server.strip() else origin(KIND, USUAL_SERVER)
    login = {"identifier": config.did or plain_handle(config.handle), "password": config.app_password}
    reply = xrpc(server, "POST", "com.atproto.server.createSession", json=login)
    if error_name(reply) == "AuthFactorTokenRequired":
        raise AccountError(
            gettext_noop(
                "That is the account's own password. Make an app password on Bluesky under Settings, Privacy and "
                "security, and use it here."
            ),
            reason=Reason.ACCOUNT,
        )
    if error_name(reply) == "AuthenticationRequired":
        raise AccountError(
            gettext_noop(
                "Bluesky does not know this handle with this app password. Make a new one on Bluesky under Settings, "
                "Privacy and security, App passwords, and connect the channel again."
            ),
            reason=Reason.ACCOUNT,
        )
    return _values(config, answer_of(reply), server)


def _values(config: BlueskyConfig, session: Mapping[str, Any], server: str) -> dict[str, Any]:
    did, access, refresh = (str(session.get(name) or "") for name in ("did", "accessJwt", "refreshJwt"))
    if not (did and access and refresh) or did != (config.did or did):
        raise AccountError(
            gettext_noop("Bluesky gave us no access to this account. Connect the channel again."),
            reason=Reason.ACCOUNT,
        )
    return {
        "access_token": access,
        "refresh_token": refresh,
        "did": did,
        "pds": _own_server(session.get("didDoc")) or server,
        "session_at": timezone.now().isoformat(),
    }


def _own_server(document: object) -> str:
    """The server that keeps the account, as its DID document says; "" if it does not."""
    services = document.get("service") if isinstance(document, dict) else None
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            return origin_of(str(service.get("serviceEndpoint", "")))
    return ""


def plain_handle(given: str) -> str:
    """The handle as people paste it: “@kultur.bsky.social” and the profile's address are the same."""
    return given.strip().rstrip("/").rpartition("/")[2].lstrip("@")


def origin_of(server: str) -> str:
    """The address of a server without path. Plain http only where OPSLAG_ALLOWED_TARGETS lists it.

    Raises PermanentError.
    """
    wrong = PermanentError(
        gettext_noop("“%(server)s” is not a server's address. It looks like https://bsky.social."),
        reason=Reason.REJECTED,
        server=server,
    )
    text = server.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_allowed_target(host, port or 80))
    if not host or "@" in parts.netloc or not secure:
        raise wrong
    return f"{parts.scheme}://{parts.netloc}"
