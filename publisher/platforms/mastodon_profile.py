"""Who a Mastodon token belongs to."""

from __future__ import annotations

from typing import Any

from publisher import http
from publisher.platforms.contract import Profile
from publisher.platforms.mastodon_server import origin_of, server_facts
from publisher.platforms.replies import identity_of, named_object_of, public_url


def with_token(access_token: str) -> dict[str, str]:
    """The headers of a call that an account makes."""
    return {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}


def whoami(server: str, access_token: str) -> dict[str, Any]:
    """The account as its server describes it, with an id. Raises as `replies.checked`."""
    url = f"{origin_of(server)}/api/v1/accounts/verify_credentials"
    return named_object_of(http.send("GET", url, headers=with_token(access_token)))


def profile_of(server: str, access_token: str) -> Profile:
    """The account and what its server takes. Raises as `whoami`."""
    me = whoami(server, access_token)
    facts = server_facts(origin_of(server)) | {"account_id": identity_of(me)}
    username = str(me.get("username", ""))
    return Profile(
        remote_id=identity_of(me),
        name=str(me.get("display_name") or username),
        handle=f"@{username}@{_host(facts['domain']) or _host(origin_of(server))}",
        url=public_url(me.get("url")),
        avatar_url=public_url(me.get("avatar")),
        facts=facts,
    )


def _host(address: str) -> str:
    """The host in an address that may or may not have a scheme."""
    return address.partition("://")[2].partition("/")[0] or address.partition("/")[0]
