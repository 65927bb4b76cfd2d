"""What the answers of an e-mail service's API mean: each is one error that says what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports.smtp_replies import detail_of

# Asked to slow down (RFC 6585 §4); and not there at all, so nothing was taken (RFC 9110 §15.6.4).
TOO_MANY, UNAVAILABLE = 429, 503
# Not signed in, not paid, not allowed, no such account or domain.
_OUR_ACCOUNT = frozenset({401, 402, 403, 404, 405})
_UNCLEAR = frozenset({408, 409, 425})
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 1.0, 3600.0
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
_ABOUT_RECIPIENT = re.compile(r"\b(recipients?|rcpt|mailbox)\b|['\"`\[(](to|To)\b|\bto(\.0)?\.(email|address)\b")
_ABOUT_US = re.compile(
    r"\b(sender|from|domain|account|api.?key|token|unauthori[sz]ed|verif\w+|quota|limit\w*|plan|suspended|credits?"
    r"|billing|stream|region|project)\b",
    re.IGNORECASE,
)
# Where services put their words for people, in the order in which they say most.
_SAID_UNDER = ("ErrorMessage", "message", "Message", "detail", "error", "description", "errors", "Errors", "Messages")


def error_of(reply: http.Reply, recipient: str) -> OpslagError:
    """The error in an answer that is no success; `recipient` tells whether it speaks of the person we write to.

    A success in words that nobody understands may be one.
    """
    said = words_of(reply)
    words: dict[str, Any] = {"code": reply.status, "detail": _short(said)}
    if reply.status < 300 and not _admits_failure(reply):
        return _uncertain(words)
    if reply.status in {TOO_MANY, UNAVAILABLE}:
        return _later(reply, words)
    if reply.status >= 500 or reply.status in _UNCLEAR:
        return _uncertain(words)
    if recipient.lower() in said.lower() or (reply.status not in _OUR_ACCOUNT and _ABOUT_RECIPIENT.search(said)):
        return refused(**words)
    if reply.status in _OUR_ACCOUNT or _ABOUT_US.search(said):
        return AccountError(
            gettext_noop("The e-mail service refuses us: %(code)s %(detail)s"), reason="account", **words
        )
    return PermanentError(
        gettext_noop("The e-mail service refused the content: %(code)s %(detail)s"), reason="content_refused", **words
    )


def refused(code: int, detail: str = "") -> PermanentError:
    """The service does not want to write to this address, or has it on its own list of blocked ones."""
    return PermanentError(
        gettext_noop("The e-mail service refused the address: %(code)s %(detail)s"),
        reason="refused",
        code=code,
        detail=detail,
    )


def not_understood(status: int) -> UncertainError:
    """It says success, in words that nobody here understands."""
    return _uncertain({"code": status, "detail": ""})


def our_configuration(error: OpslagError) -> AccountError:
    """A call that may not be made at all (an address that the guard refuses): nobody's mail is at fault."""
    return AccountError(error.explanation.msgid, reason="account", **error.explanation.params)


def _admits_failure(reply: http.Reply) -> bool:
    """Some say 200 and mean the opposite (Postal: status “error”; Mailtrap: success false)."""
    body = _json(reply)
    return isinstance(body, dict) and (body.get("success") is False or str(body.get("status", "")).endswith("error"))


def _json(reply: http.Reply) -> Any:
    try:
        return http.json_of(reply)
    except PermanentError:
        return None


def _later(reply: http.Reply, words: dict[str, Any]) -> TransientError:
    # “Busy” speaks of our pace, “connection” of a service that is not there: neither is the letter's fault.
    return TransientError(
        gettext_noop("The e-mail service asked us to wait: %(code)s %(detail)s"),
        reason="busy" if reply.status == TOO_MANY else "connection",
        retry_after=_asked_to_wait_s(reply),
        **words,
    )


def _asked_to_wait_s(reply: http.Reply) -> float | None:
    asked = reply.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(max(float(asked[:9]), _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
    return http.retry_after(reply)


def _uncertain(words: dict[str, Any]) -> UncertainError:
    return UncertainError(
        gettext_noop("The e-mail service answered %(code)s %(detail)s: it may have been sent."),
        reason="answer_lost",
        **words,
    )


def words_of(reply: http.Reply) -> str:
    """What the service says, as one line; the whole body where it is no JSON that we know."""
    body = _json(reply)
    if body is None:
        return detail_of(re.sub(r"<[^>]*>", " ", reply.body[:20_000].decode("utf-8", "replace")))
    return " ".join(" ".join(_said(body, 0)).split())


def _said(body: Any, depth: int) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif depth < 6 and isinstance(body, list):
        for each in body[:5]:
            yield from _said(each, depth + 1)
    elif depth < 6 and isinstance(body, dict):
        known = [body[name] for name in _SAID_UNDER if body.get(name)]
        for each in known or list(body.values())[:5]:
            yield from _said(each, depth + 1)


def _short(said: str) -> str:
    """Fit for rows and pages: without addresses."""
    return detail_of(_ADDRESS.sub("…", said))
