"""Calls to X's API v2 (api.x.com), and what its answers mean for the caller. X counts those to each endpoint apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import (
    AccountError,
    OpslagError,
    PermanentError,
    ThrottledError,
    TokenExpiredError,
    UncertainError,
)
from publisher.platforms import replies
from publisher.platforms.addresses import origin
from publisher.vocabulary import Calls, Reason

KIND = "x"
API, SITE = "https://api.x.com", "https://x.com"
_DUPLICATE = "duplicate content"
NO_CREDIT = gettext_noop(
    "The credit at X is used up. Whoever has the developer account must pay in more at X; then try again. "
    "The posts wait until then."
)


def call(token: str, method: str, path: str, *, commit: bool = False, **content: Any) -> http.Reply:
    """One call; `path` begins with /2. Raises as `http.send`."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return http.send(method, f"{origin(KIND, API)}{path}", commit=commit, headers=headers, **content)


def data_of(reply: http.Reply, *, committing: bool = False, answering: bool = False) -> dict[str, Any]:
    """The object in a successful reply's `data`; {} where X names errors instead, such as a post that is gone.

    `answering`: the post is an answer, which X may forbid although the account is well. Raises AccountError,
    PermanentError, TransientError and, only if `committing`, UncertainError.
    """
    body = _body(reply, committing, answering)
    data = body.get("data")
    if isinstance(data, dict):
        return data
    if committing or "errors" not in body:
        raise replies.server_fault(reply, committing)
    return {}


def rows_of(reply: http.Reply) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows in a successful reply's `data` (none where nothing was found) and its `meta`. Raises as `data_of`."""
    with replies.counted_apart(Calls.LOOKS):
        body = _body(reply, committing=False, answering=False)
    rows, meta = body.get("data"), body.get("meta")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return found, meta if isinstance(meta, dict) else {}


def identified(row: Mapping[str, Any], reply: http.Reply, *, committing: bool = False) -> str:
    """The id in an object that is worth nothing without it. Raises as a server's fault."""
    identity = replies.identity_of(row)
    if not identity:
        raise replies.server_fault(reply, committing)
    return identity


def _body(reply: http.Reply, committing: bool, answering: bool) -> dict[str, Any]:
    if not 200 <= reply.status < 300 and (error := _own_error(reply, committing, answering)):
        raise error
    return replies.object_of(reply, committing=committing)


def _own_error(reply: http.Reply, committing: bool, answering: bool) -> OpslagError | None:
    said = replies.platform_message(reply)
    if reply.status == 401:
        return TokenExpiredError(
            gettext_noop("X no longer accepts our access: “%(message)s”. Connect the channel again."),
            reason=Reason.ACCOUNT,
            message=said,
        )
    if reply.status == 402:
        return AccountError(NO_CREDIT, reason=Reason.ACCOUNT)
    if reply.status == 403:
        return _forbidden(said, committing, answering)
    if reply.status == 429:
        return ThrottledError(
            gettext_noop("The platform asks us to wait before the next call."),
            reason=Reason.BUSY,
            retry_after=_until_reset_s(reply),
        )
    return None


def _forbidden(said: str, committing: bool, answering: bool) -> OpslagError | None:
    if committing and _DUPLICATE in said:
        return UncertainError(
            gettext_noop("X says that it has this text from us already: an earlier try may have worked."),
            reason=Reason.DUPLICATE,
        )
    if answering:
        return PermanentError(
            gettext_noop("X does not allow this answer: “%(message)s”. Publish it as a post of its own."),
            reason=Reason.REJECTED,
            message=said,
        )
    return None


def _until_reset_s(reply: http.Reply) -> float:
    """Until the window is over (x-rate-limit-reset: Unix time), a day at most."""
    told = reply.headers.get("x-rate-limit-reset", "")
    if not told.isascii() or not told.isdigit():
        return replies.wait_s(reply) or replies.DEFAULT_WAIT_S
    return min(max(float(told[:12]) - datetime.now(UTC).timestamp(), 1.0), replies.LONGEST_WAIT_S)
