"""Calls to LinkedIn's versioned API (api.linkedin.com/rest), and what its answers mean for the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, OpslagError, ThrottledError, TokenExpiredError, UncertainError
from publisher.platforms import replies
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Published
from publisher.vocabulary import Reason

KIND = "linkedin"
API, SITE = "https://api.linkedin.com", "https://www.linkedin.com"
# A version of the API that ended, or none: nothing works until whoever runs Opslag sets another.
_VERSION_CODES = ("NONEXISTENT_VERSION", "VERSION_MISSING")
_EARLIER = re.compile(r"duplicate of (urn:li:(?:share|ugcPost):\d+)")
_COMMENT = re.compile(r"urn:li:comment:\((urn:li:\w+:\d+),(\d+)\)")


def call(
    token: str,
    method: str,
    path: str,
    *,
    commit: bool = False,
    restli_method: str = "",
    **content: Any,
) -> http.Reply:
    """One call; `path` begins after /rest and is quoted already, its query too. Raises as `http.send`."""
    headers = {
        "Authorization": f"Bearer {token}",
        "LinkedIn-Version": settings.OPSLAG_LINKEDIN_VERSION,
        "X-Restli-Protocol-Version": "2.0.0",
        "Accept": "application/json",
    }
    if restli_method:
        headers["X-RestLi-Method"] = restli_method
    url = f"{origin(KIND, API)}/rest{path}"
    return http.send(method, url, commit=commit, headers=headers, **content)


def checked(reply: http.Reply, *, committing: bool = False) -> http.Reply:
    """As `replies.checked`, with what LinkedIn says in ways of its own."""
    if not 200 <= reply.status < 300 and (error := _own_error(reply)):
        raise error
    return replies.checked(reply, committing=committing)


def object_of(reply: http.Reply) -> dict[str, Any]:
    """The JSON object of a successful reply. Raises as `checked`."""
    return replies.object_of(checked(reply))


def elements_of(reply: http.Reply) -> list[dict[str, Any]]:
    """The rows of a finder's answer. Raises as `checked`."""
    rows = object_of(reply).get("elements")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def created_of(reply: http.Reply) -> str:
    """The id in the header of a 201 to the call that publishes. Raises as `checked`, UncertainError without an id."""
    checked(reply, committing=True)
    urn = str(reply.headers.get("x-restli-id", ""))
    if reply.status != 201 or not urn:
        raise replies.server_fault(reply, committing=True)
    return urn


def earlier_post(reply: http.Reply) -> str:
    """The post that LinkedIn calls a duplicate of this one: it took the same from us in the last ten minutes; or "".

    Raises UncertainError where it says so without naming the post.
    """
    said = replies.platform_message(reply)
    if reply.status not in {400, 409, 422} or "duplicate" not in said.lower():
        return ""
    found = _EARLIER.search(said)
    if found:
        return found[1]
    raise UncertainError(
        gettext_noop("LinkedIn says that it has this post already: an earlier try may have worked."),
        reason=Reason.DUPLICATE,
    )


def published_as(urn: str) -> Published:
    """A post or a comment by its URN, with the address at which people see it."""
    thread = comment_parts(urn)
    path = f"{thread[0]}/?commentUrn={quoted(urn)}" if thread else f"{urn}/"
    return Published(urn, f"{origin(KIND, SITE)}/feed/update/{path}")


def comment_parts(urn: str) -> tuple[str, str] | None:
    """What a comment stands beneath, and its id there; None for a post's URN."""
    found = _COMMENT.fullmatch(urn)
    return (found[1], found[2]) if found else None


def quoted(urn: str) -> str:
    """A URN as one segment of a path, or within a list in a query."""
    return quote(urn, safe="")


def moment_of(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time in milliseconds since 1970 (aware), None if there is none."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 32_503_680_000_000:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def _own_error(reply: http.Reply) -> OpslagError | None:
    said = replies.platform_message(reply)
    if reply.status == 426 or any(code in reply.body.decode("utf-8", "replace") for code in _VERSION_CODES):
        return AccountError(
            gettext_noop(
                "LinkedIn no longer takes version %(version)s of its API. Whoever runs Opslag must set "
                "OPSLAG_LINKEDIN_VERSION to a newer one; then try again. The posts wait until then."
            ),
            reason=Reason.ACCOUNT,
            version=settings.OPSLAG_LINKEDIN_VERSION,
        )
    if reply.status == 401 and "expired" in said.lower():
        return TokenExpiredError(
            gettext_noop("The access to LinkedIn has run out: “%(message)s”. Connect the channel again."),
            reason=Reason.ACCOUNT,
            message=said,
        )
    if reply.status == 403:
        return AccountError(
            gettext_noop(
                "LinkedIn refuses access: “%(message)s”. Whoever connects the channel must be super admin or content "
                "admin of the page. Connect it again as such a person."
            ),
            reason=Reason.ACCOUNT,
            message=said,
        )
    if reply.status == 429:
        return ThrottledError(
            gettext_noop("LinkedIn takes nothing more from us today."),
            reason=Reason.BUSY,
            retry_after=_until_midnight_s(datetime.now(UTC)),
            # “Resource level throttle APPLICATION DAY limit …”; a MEMBER's is that of who connected the channel.
            of_app="APPLICATION" in said,
        )
    return None


def _until_midnight_s(now: datetime) -> float:
    """Until the daily quota is counted anew."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds() + 1
