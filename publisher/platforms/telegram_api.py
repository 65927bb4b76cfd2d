"""Calls of Telegram's Bot API (core.telegram.org/bots/api) and what its answers mean.

The bot's token is a part of every address here, so no address leaves this module: not in an error, not in a reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_noop

from publisher import http
from publisher.address_guard import time_limit
from publisher.errors import AccountError, OpslagError, PermanentError, ThrottledError, TransientError, UncertainError
from publisher.platforms.addresses import origin
from publisher.platforms.replies import DEFAULT_WAIT_S, LONGEST_WAIT_S, platform_message, server_fault
from publisher.vocabulary import Reason

_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{20,100}")
# Refusals with 400 that are about the bot's place in the channel and not about the post.
_NO_RIGHTS = (
    "administrator rights",
    "not enough rights",
    "not a member",
    "CHAT_ADMIN_REQUIRED",
    "CHAT_WRITE_FORBIDDEN",
)
# Following a channel to its new id takes a second call; both together must end within a commit's time.
_TOTAL_S = 60


def call(
    token: str,
    method: str,
    fields: Mapping[str, Any],
    *,
    files: Mapping[str, Any] | None = None,
    commit: bool = False,
    already: str = "",
) -> Any:
    """The `result` of one method; `already` is a refusal that says it was done before (then None).

    A chat that has moved (`migrate_to_chat_id`) refuses everything under its old id; the call is made again under the
    new one. Raises as a platform's methods do, UncertainError only with `commit`.
    """
    with time_limit(_TOTAL_S):
        reply = _sent(token, method, fields, files, commit)
        moved_to = _parameters(reply).get("migrate_to_chat_id")
        if reply.status == 400 and moved_to:
            reply = _sent(token, method, {**fields, "chat_id": str(moved_to)}, files, commit)
    body = _object(reply)
    if reply.status == 200 and body.get("ok") is True and "result" in body:
        return body["result"]
    if already and reply.status == 400 and already in str(body.get("description")):
        return None
    raise _error_for(reply, token, commit)


def object_from(token: str, method: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """`call` for methods that read something with an id. Raises TransientError where there is none."""
    result = call(token, method, fields)
    if not isinstance(result, dict) or "id" not in result:
        raise TransientError(gettext_noop("Telegram gave an answer that cannot be read."), reason=Reason.CONNECTION)
    return result


def message_ids(result: Any) -> list[int]:
    """The ids in the result of a call that published. Raises UncertainError where there are none."""
    messages = result if isinstance(result, list) else [result]
    ids = [each.get("message_id") for each in messages if isinstance(each, dict)]
    known = [each for each in ids if isinstance(each, int)]
    if not known or len(known) != len(messages):
        raise UncertainError(
            gettext_noop("Telegram gave an answer that cannot be read: the post may or may not be published."),
            reason=Reason.ANSWER_LOST,
        )
    return known


def _sent(
    token: str, method: str, fields: Mapping[str, Any], files: Mapping[str, Any] | None, commit: bool
) -> http.Reply:
    if not _TOKEN.fullmatch(token):
        raise _unknown_token()
    base = origin("telegram", "https://api.telegram.org")
    url = f"{base}/bot{token}/{method}"
    if not files:
        reply = http.send("POST", url, commit=commit, json=dict(fields))
    else:
        # In a multipart body, whatever has parts of its own is JSON.
        flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        reply = http.send("POST", url, commit=commit, data=flat, files=dict(files))
    return replace(reply, url=base)


def _object(reply: http.Reply) -> dict[str, Any]:
    try:
        body = http.json_of(reply)
    except PermanentError:
        return {}
    return body if isinstance(body, dict) else {}


def _parameters(reply: http.Reply) -> dict[str, Any]:
    parameters = _object(reply).get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _error_for(reply: http.Reply, token: str, commit: bool) -> OpslagError:
    said = _said(reply, token)
    if reply.status == 429:
        return ThrottledError(
            gettext_noop("The platform asks us to wait before the next call."),
            reason=Reason.BUSY,
            retry_after=_wait_s(reply),
        )
    if reply.status in {401, 404}:
        return _unknown_token()
    if reply.status == 403 or (reply.status == 400 and any(words in said for words in _NO_RIGHTS)):
        return AccountError(
            gettext_noop("Telegram lets the bot write there no longer: “%(message)s”. Make it an administrator again."),
            reason=Reason.ACCOUNT,
            message=said,
        )
    if reply.status < 300 or reply.status == 408 or reply.status >= 500:
        return server_fault(reply, commit)
    return PermanentError(gettext_noop("The platform refused: “%(message)s”."), reason=Reason.REJECTED, message=said)


def _said(reply: http.Reply, token: str) -> str:
    """Telegram's own words, or those of a proxy, which may repeat the address."""
    said = _object(reply).get("description")
    words = said if isinstance(said, str) and said else platform_message(reply)
    return words.replace(token, "…").removeprefix("Bad Request: ").removeprefix("Forbidden: ")[:300]


def _wait_s(reply: http.Reply) -> float:
    asked = _parameters(reply).get("retry_after")
    if isinstance(asked, int) and not isinstance(asked, bool):
        return float(min(max(asked, 1), LONGEST_WAIT_S))
    return http.retry_after(reply) or DEFAULT_WAIT_S


def _unknown_token() -> AccountError:
    return AccountError(
        gettext_noop("Telegram does not know the bot's token. Copy it again from @BotFather, all of it."),
        reason=Reason.ACCOUNT,
    )
