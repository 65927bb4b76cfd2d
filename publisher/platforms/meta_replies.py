"""From an answer of Meta's Graph API (Facebook, Instagram, Threads) to our errors, by its code and subcode.

Sources: developers.facebook.com, Graph API error handling, Pages and Instagram content publishing error codes, Threads
troubleshooting. An answer that is not in the Graph's shape is judged by its status (`replies`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import (
    AccountError,
    OpslagError,
    PermanentError,
    ThrottledError,
    TokenExpiredError,
    TransientError,
    UncertainError,
)
from publisher.platforms import replies
from publisher.platforms.meta_usage import ROOM_FOR_POSTS, usage_of
from publisher.vocabulary import Reason

# An AccountError about a permission that a person did not give, unlike a token that is worthless.
PERMISSION = "permission"
GONE = "gone"
# Waits in seconds: for a picture that is still being fetched, for calls that count by the hour, for quotas of a day.
SOON_S, RATE_S, QUOTA_S = 15.0, 600.0, 3600.0
# Tokens and ids in an answer's own words; a sentence for people has no word as long as this.
_SECRET = re.compile(r"[A-Za-z0-9_\-|.]{32,}")

_IN_WORDS = re.compile(r"\b2207\d{3}\b")
_PASSING_WORDS = frozenset({"", "UNKNOWN", "EXPIRED"})
_TOKEN = frozenset({190, 102})
_EXPIRED = frozenset({463})
_RATE = frozenset({4, 17, 32, 341, 613})
_PASSING = frozenset({1, 2})
_OBJECT_MISSING = (100, 33)

# Said by subcode, whatever the code.
_SUBCODES: Mapping[int, str] = {
    2069032: "page_token",
    2207042: "quota",
    2207027: "not_ready",
    2207052: "not_fetched",
    2207003: "try_anew",
    2207032: "try_anew",
    2207008: "try_anew",
    2207020: "try_anew",
    2207050: "restricted",
    2207051: "restricted",
    1366051: "duplicate",
    1390008: "quota",
    1404078: "authorise",
    4854002: "identify",
}
# Said by code, where no subcode says more.
_CODES: Mapping[int, str] = {
    3: "permission",
    10: "permission",
    368: "blocked",
    506: "duplicate",
    9: "quota",
    9007: "not_ready",
    9004: "not_fetched",
}


@dataclass(frozen=True)
class GraphError:
    """The `error` object of an answer; `said` is its words for people, without what could be a token."""

    code: int
    subcode: int
    said: str
    passing: bool


def object_of(reply: http.Reply, *, committing: bool = False) -> dict[str, Any]:
    """The JSON object of a successful answer. `committing` marks the call that makes a post public.

    Raises AccountError (reason PERMISSION where a permission is missing), TokenExpiredError, TransientError,
    PermanentError (reason GONE where the object is not there) and, only if `committing`, UncertainError.
    """
    error = graph_error(reply)
    if error is not None:
        raise _error_for(reply, error, committing)
    return replies.object_of(reply, committing=committing)


def named_object_of(reply: http.Reply, *, committing: bool = False) -> dict[str, Any]:
    """As `object_of`, for objects that are worth nothing without their id."""
    object_of(reply, committing=committing)
    return replies.named_object_of(reply, committing=committing)


def rows_of(reply: http.Reply) -> list[dict[str, Any]]:
    """The objects in the `data` of a successful answer. Raises as `object_of`."""
    data = object_of(reply).get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def next_page_of(reply: http.Reply) -> str:
    """The cursor of what follows a list, "" at its end."""
    paging = object_of(reply).get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    return str(cursors.get("after") or "") if isinstance(cursors, dict) else ""


def pages_of(call: Callable[[Mapping[str, str]], http.Reply], most: int = 10) -> Iterator[list[dict[str, Any]]]:
    """A long list page by page: `call` makes the call with the parameters of one page. Raises as `object_of`."""
    after = ""
    for _page in range(most):
        reply = call({"after": after} if after else {})
        yield rows_of(reply)
        after = next_page_of(reply)
        if not after:
            return


def graph_error(reply: http.Reply) -> GraphError | None:
    """The error in an answer, None if it has none in the Graph's shape."""
    try:
        body = http.json_of(reply)
    except PermanentError:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    said = error.get("error_user_msg") or error.get("error_user_title") or error.get("message") or ""
    line = " ".join("".join(c if c.isprintable() else " " for c in _SECRET.sub("…", str(said))).split())
    return GraphError(
        _number(error.get("code")),
        _number(error.get("error_subcode")),
        line[: replies.MESSAGE_LENGTH] or f"HTTP {reply.status}",
        error.get("is_transient") is True,
    )


def wait_s(reply: http.Reply, usual: float) -> float:
    """Seconds to leave the platform alone: until access is regained, if it says so (whole minutes), else `usual`."""
    return min(max(usage_of(reply.headers).regain_s, http.retry_after(reply) or 0.0) or usual, replies.LONGEST_WAIT_S)


def unhurried(reply: http.Reply) -> http.Reply:
    """The reply to a call that could wait (figures). Raises ThrottledError where what is left is kept for posts."""
    used = usage_of(reply.headers).percent
    if used > ROOM_FOR_POSTS:
        raise ThrottledError(
            gettext_noop(
                "%(percent)s %% of the calls that the platform grants us for an hour are used; the rest is kept for "
                "posts."
            ),
            reason=Reason.BUSY,
            retry_after=wait_s(reply, RATE_S),
            percent=round(used),
        )
    return reply


def container_error(said: str) -> OpslagError:
    """Why a container cannot be published, from its status in words ("… failed with error code 2207003")."""
    line = " ".join(_SECRET.sub("…", said).split())[: replies.MESSAGE_LENGTH]
    code = _IN_WORDS.search(said)
    meaning = _SUBCODES.get(int(code.group()), "refused") if code else "refused"
    if said in _PASSING_WORDS or meaning in _TRANSIENT:
        return TransientError(_TRANSIENT["try_anew"][0], reason=Reason.BUSY, retry_after=SOON_S, message=line)
    words = _PERMANENT.get(meaning, gettext_noop("The platform could not use the picture: “%(message)s”."))
    return PermanentError(words, reason=Reason.REJECTED, message=line)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _error_for(reply: http.Reply, error: GraphError, committing: bool) -> OpslagError:
    meaning = _meaning(reply, error)
    if meaning == "passing":
        return _no_clear_answer(reply, committing)
    if meaning == "duplicate" and committing:
        return UncertainError(
            gettext_noop("The platform says that this was published already: an earlier try may have worked."),
            reason=Reason.ANSWER_LOST,
        )
    if meaning in _TRANSIENT:
        words, wait = _TRANSIENT[meaning]
        busy = ThrottledError if meaning in _COUNTED else TransientError
        return busy(words, reason=Reason.BUSY, retry_after=wait_s(reply, wait), message=error.said)
    if meaning in _ACCOUNT:
        kind, words, reason = _ACCOUNT[meaning]
        return kind(words, reason=reason, message=error.said)
    words = _PERMANENT.get(meaning, gettext_noop("The platform refused: “%(message)s”."))
    return PermanentError(words, reason=GONE if meaning == "gone" else Reason.REJECTED, message=error.said)


def _meaning(reply: http.Reply, error: GraphError) -> str:
    """One of the words below. A token's code says more than its subcode; elsewhere it is the other way round."""
    if error.code in _TOKEN and error.subcode not in _SUBCODES:
        return "expired" if error.subcode in _EXPIRED else "token"
    if error.subcode in _SUBCODES:
        return _SUBCODES[error.subcode]
    if error.code in _RATE or 80000 <= error.code < 80100:
        return "rate"
    if 200 <= error.code <= 299:
        return "permission"
    if (error.code, error.subcode) == _OBJECT_MISSING:
        return "gone"
    if error.passing or error.code in _PASSING or (reply.status >= 500 and error.code not in _CODES):
        return "passing"
    if not error.code and reply.status == 429:
        return "rate"
    return _CODES.get(error.code, "refused")


def _no_clear_answer(reply: http.Reply, committing: bool) -> OpslagError:
    if committing:
        return UncertainError(
            gettext_noop("The platform gave no clear answer (%(status)s): the post may or may not be published."),
            reason=Reason.ANSWER_LOST,
            status=reply.status,
        )
    return TransientError(
        gettext_noop("The platform's server gave no usable answer (%(status)s)."),
        reason=Reason.CONNECTION,
        status=reply.status,
    )


_TRANSIENT: Mapping[str, tuple[str, float]] = {
    "rate": (gettext_noop("The platform asks us to wait before the next call."), RATE_S),
    "quota": (gettext_noop("The platform takes no more posts from this channel for now: “%(message)s”."), QUOTA_S),
    "not_ready": (gettext_noop("The platform is still working on the picture."), SOON_S),
    "try_anew": (gettext_noop("The platform lost what we had prepared; it is made anew: “%(message)s”."), SOON_S),
}
# Those of them in which the platform counts our calls.
_COUNTED = frozenset({"rate", "quota"})
_ACCOUNT: Mapping[str, tuple[type[AccountError], str, str]] = {
    "token": (
        AccountError,
        gettext_noop("The platform refused us access: “%(message)s”. Connect the channel again."),
        Reason.ACCOUNT,
    ),
    "expired": (
        TokenExpiredError,
        gettext_noop("Our access to the channel has run out: “%(message)s”. Connect the channel again."),
        Reason.ACCOUNT,
    ),
    "page_token": (
        AccountError,
        gettext_noop("This is a person's access, not the Page's. Connect the channel again and choose the Page."),
        Reason.ACCOUNT,
    ),
    "permission": (
        AccountError,
        gettext_noop(
            "A permission is missing: “%(message)s”. Connect the channel again, say yes to every permission that is "
            "asked for, and check your role on the Page and on the app."
        ),
        PERMISSION,
    ),
}
_PERMANENT: Mapping[str, str] = {
    "gone": gettext_noop("The platform does not have it (any more), or does not show it to us: “%(message)s”."),
    "duplicate": gettext_noop("The platform says that this was published already: “%(message)s”."),
    "not_fetched": gettext_noop(
        "The platform could not fetch the picture from us: “%(message)s”. Opslag's own address must be reachable from "
        "the internet by https."
    ),
    "blocked": gettext_noop(
        "The platform has blocked this for now: “%(message)s”. Look at the channel's own page for a message from it."
    ),
    "restricted": gettext_noop(
        "The platform has restricted this channel: “%(message)s”. Look in its own app for a message from it."
    ),
    "authorise": gettext_noop(
        "Facebook wants the Page's administrator to confirm who they are before more is published (Page publishing "
        "authorisation). Do that on Facebook, then try again."
    ),
    "identify": gettext_noop(
        "Facebook wants the person who connected the Page to confirm their identity. Do that on Facebook, then try "
        "again."
    ),
}
