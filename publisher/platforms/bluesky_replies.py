"""From an answer of a Bluesky server (XRPC: `{"error": name, "message": words}`) to our errors; the rest: `replies`."""

from __future__ import annotations

import time
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import PermanentError, ThrottledError, TokenExpiredError
from publisher.platforms.replies import DEFAULT_WAIT_S, LONGEST_WAIT_S, object_of
from publisher.vocabulary import Reason

# A session's end, or a server that has new keys: both are mended by a new session. They come as 400, not 401.
RUN_OUT = frozenset({"ExpiredToken", "InvalidToken"})
NO_SUCH_RECORD = "RecordNotFound"
ALREADY_THERE = "InvalidSwap"


def answer_of(reply: http.Reply, *, committing: bool = False) -> dict[str, Any]:
    """The object in a successful reply. Raises TokenExpiredError where renewing helps, else as `replies.object_of`."""
    if reply.status in {400, 401} and error_name(reply) in RUN_OUT:
        raise TokenExpiredError(
            gettext_noop("The access to Bluesky has run out. Connect the channel again."), reason=Reason.ACCOUNT
        )
    if reply.status == 429:
        raise ThrottledError(
            gettext_noop("The platform asks us to wait before the next call."),
            reason=Reason.BUSY,
            retry_after=_wait_s(reply),
        )
    return object_of(reply, committing=committing)


def error_name(reply: http.Reply) -> str:
    """The name of the error in a reply, "" for a success or an answer without one."""
    if reply.status < 400:
        return ""
    try:
        body = http.json_of(reply)
    except PermanentError:
        return ""
    name = body.get("error") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


def _wait_s(reply: http.Reply) -> float:
    """Seconds until the limit begins anew: RateLimit-Reset, in Unix seconds, since these servers give no Retry-After.

    At most LONGEST_WAIT_S.
    """
    reset = reply.headers.get("RateLimit-Reset", "")
    if reset.isascii() and reset.isdigit():
        return min(max(float(reset[:12]) - time.time(), 1.0), LONGEST_WAIT_S)
    return min(http.retry_after(reply) or DEFAULT_WAIT_S, LONGEST_WAIT_S)
