"""From a platform's HTTP answer to our errors: the one place where a status code becomes the caller's next move."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, ThrottledError, TransientError, UncertainError
from publisher.platforms.contract import Published
from publisher.vocabulary import Calls, Reason

DEFAULT_WAIT_S = 60.0
LONGEST_WAIT_S = 24 * 3600.0
MESSAGE_LENGTH = 300
# 409: Pleroma is still working on an earlier call with the same key.
UNCLEAR = frozenset({408, 409, 425})
# What servers say about a picture that they still work on (Mastodon, 422): not our fault and soon over.
_NOT_READY = "have not finished processing"
# A picture can be used once: if it is used, an earlier attempt got through although its answer was lost.
_ALREADY_USED = "already attached"
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


def checked(reply: http.Reply, *, committing: bool = False) -> http.Reply:
    """The reply if it says success (2xx); else raises what the caller must do next.

    `committing` marks the one call that makes a post public: there a server's fault means "it may be published".
    Raises AccountError, TransientError, PermanentError and, only if `committing`, UncertainError.
    """
    if 200 <= reply.status < 300:
        return reply
    raise _error_for(reply, committing)


def object_of(reply: http.Reply, *, committing: bool = False) -> dict[str, Any]:
    """The JSON object of a successful reply. Raises as `checked`; an unreadable success counts as a server's fault."""
    body = _json(checked(reply, committing=committing))
    if not isinstance(body, dict):
        raise server_fault(reply, committing)
    return body


def named_object_of(reply: http.Reply, *, committing: bool = False) -> dict[str, Any]:
    """As `object_of`, for objects that are worth nothing without their id."""
    body = object_of(reply, committing=committing)
    if not identity_of(body):
        raise server_fault(reply, committing)
    return body


def published_of(reply: http.Reply, *, committing: bool = False) -> Published:
    """The post in a successful reply: its id and its public address. Raises as `object_of`."""
    return published_in(named_object_of(reply, committing=committing))


def published_in(post: Mapping[str, Any]) -> Published:
    """The post in one JSON object."""
    return Published(identity_of(post), public_url(post.get("url"), post.get("uri")))


def rows_of(reply: http.Reply) -> list[dict[str, Any]]:
    """The objects in the JSON list of a successful reply. Raises as `checked`."""
    body = _json(checked(reply))
    if not isinstance(body, list):
        raise server_fault(reply, committing=False)
    return [row for row in body if isinstance(row, dict)]


def identity_of(row: Mapping[str, Any]) -> str:
    """The id in `row`, always as an opaque string; "" if there is none."""
    value = row.get("id")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def public_url(*candidates: object) -> str:
    """The first of the candidates that is an http(s) address (others must never become a link), else ""."""
    for value in candidates:
        if isinstance(value, str) and value.lower().startswith(("https://", "http://")):
            return value
    return ""


def platform_message(reply: http.Reply) -> str:
    """What the platform said about its refusal, as one short line of plain text.

    Servers behind proxies answer errors as plain text or HTML, also where they promise JSON.
    """
    said = _said_in_json(_json(reply)) or _TAG.sub(" ", reply.body[:20_000].decode("utf-8", "replace"))
    line = " ".join("".join(c if c.isprintable() else " " for c in html.unescape(said)).split())
    short = line if len(line) <= MESSAGE_LENGTH else f"{line[: MESSAGE_LENGTH - 1]}…"
    return short or f"HTTP {reply.status}"


def wait_s(reply: http.Reply) -> float | None:
    """Seconds until the platform wants to hear from us again, if it says so.

    Mastodon names no Retry-After but X-RateLimit-Reset, as ISO 8601 (others: Unix time); at most LONGEST_WAIT_S of it.
    """
    asked = http.retry_after(reply)
    reset = _moment(reply.headers.get("X-RateLimit-Reset", ""))
    if asked is None and reset is not None:
        return min(max((reset - datetime.now(UTC)).total_seconds(), 1.0), LONGEST_WAIT_S)
    return asked


def _json(reply: http.Reply) -> Any:
    try:
        return http.json_of(reply)
    except PermanentError:
        return None


def _said_in_json(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    said = [body.get(name) for name in ("error", "error_description", "message", "detail")]
    return ": ".join(dict.fromkeys(text for text in said if isinstance(text, str) and text))


def _moment(value: str) -> datetime | None:
    try:
        if value.isdigit():
            return datetime.fromtimestamp(int(value), UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _error_for(reply: http.Reply, committing: bool) -> OpslagError:
    status, said = reply.status, platform_message(reply)
    if status == 429:
        return ThrottledError(
            gettext_noop("The platform asks us to wait before the next call."),
            reason=Reason.BUSY,
            retry_after=wait_s(reply) or DEFAULT_WAIT_S,
        )
    if status in {401, 403}:
        return AccountError(
            gettext_noop("The platform refused us access: “%(message)s”. Connect the channel again."),
            reason=Reason.ACCOUNT,
            message=said,
        )
    if status < 400:
        return AccountError(
            gettext_noop("The server sends us on to another address. Connect the channel again with the right one."),
            reason=Reason.ACCOUNT,
        )
    if status in UNCLEAR or status >= 500:
        return server_fault(reply, committing)
    return _refusal(said, committing)


def _refusal(said: str, committing: bool) -> OpslagError:
    if _NOT_READY in said:
        return TransientError(
            gettext_noop("The platform is still working on the picture."), reason=Reason.BUSY, retry_after=5
        )
    if committing and _ALREADY_USED in said:
        return UncertainError(
            gettext_noop("The platform says that the picture is already in a post: an earlier try may have worked."),
            reason=Reason.ANSWER_LOST,
        )
    return PermanentError(gettext_noop("The platform refused: “%(message)s”."), reason=Reason.REJECTED, message=said)


@contextmanager
def counted_apart(calls: Calls, *, told: bool = True) -> Iterator[None]:
    """Around what reads an answer: a limit that it tells is about `calls` alone, if the platform `told` that."""
    try:
        yield
    except ThrottledError as error:
        if told:
            error.calls = calls
        raise


def server_fault(reply: http.Reply, committing: bool) -> OpslagError:
    """What an answer that tells nothing means: the post may be out (`committing`), or another try is worth it."""
    if committing:
        return UncertainError(
            gettext_noop("The platform gave no clear answer (%(status)s): the post may or may not be published."),
            reason=Reason.ANSWER_LOST,
            status=reply.status,
        )
    return TransientError(
        gettext_noop("The platform's server gave no usable answer (%(status)s)."),
        reason=Reason.CONNECTION,
        retry_after=wait_s(reply),
        status=reply.status,
    )
