"""What a person allowed our app at Meta: the permissions of a token, and until when they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import AccountError, Explanation, PermanentError
from publisher.platforms.meta_graph import graph_url, send
from publisher.platforms.meta_replies import PERMISSION, object_of

# A role that may publish: the tasks of a Page, in its old and its new form.
MAY_PUBLISH = frozenset({"CREATE_CONTENT", "MANAGE", "PROFILE_PLUS_CREATE_CONTENT", "PROFILE_PLUS_FULL_CONTROL"})
MISSING = gettext_noop(
    "The permission %(scope)s is missing. Connect the channel again and say yes to every permission that is asked for."
)


@dataclass(frozen=True)
class Access:
    """What one token may do. `granted`: permission → ids that it is for, None for all; `ends`: ISO 8601 or ""."""

    granted: Mapping[str, frozenset[str] | None]
    ends: str = ""

    def scopes_for(self, *ids: str) -> list[str]:
        """The permissions that hold for one of `ids`."""
        return sorted(scope for scope, only in self.granted.items() if only is None or only & set(ids))


def access_of(kind: str, token: str, asking: str) -> Access:
    """`GET /debug_token`: `asking` is the app's own token ("id|secret"). Raises as `object_of`."""
    reply = send("GET", graph_url(kind, "debug_token"), asking, params={"input_token": token})
    data = object_of(reply).get("data")
    told: Mapping[str, Any] = data if isinstance(data, dict) else {}
    granted: dict[str, frozenset[str] | None] = {str(scope): None for scope in _list(told, "scopes")}
    for row in _list(told, "granular_scopes"):
        if isinstance(row, dict) and "target_ids" in row:
            granted[str(row.get("scope"))] = frozenset(map(str, _list(row, "target_ids")))
    return Access(granted, _moment(told.get("data_access_expires_at")))


def own_scopes(kind: str, token: str, known: str, *ids: str) -> list[str] | None:
    """The permissions for `ids` as they are now, where the token may ask about itself; else those `known` since it was
    given (separated by blanks), None if there are none."""
    try:
        return access_of(kind, token, token).scopes_for(*ids)
    except (AccountError, PermanentError):
        return known.split() or None


def check_scopes(scopes: Iterable[str] | None, needed: Iterable[str]) -> None:
    """Raise AccountError for the first of the `needed` permissions that is not among `scopes` (None: not known)."""
    missing = missing_scope(scopes, needed)
    if missing is not None:
        raise AccountError(missing.msgid, reason=PERMISSION, **missing.params)


def missing_scope(scopes: Iterable[str] | None, needed: Iterable[str]) -> Explanation | None:
    """The same in words, None if all are there."""
    lacking = [scope for scope in needed if scopes is not None and scope not in scopes]
    return Explanation(MISSING, {"scope": lacking[0]}) if lacking else None


def warnings_of(scopes: Iterable[str] | None, wanted: Mapping[str, str]) -> tuple[Explanation, ...]:
    """What does not work for want of a permission: `wanted` says it in words by permission."""
    return tuple(Explanation(words) for scope, words in wanted.items() if scopes is not None and scope not in scopes)


def _list(of: Mapping[str, Any], name: str) -> list[Any]:
    value = of.get(name)
    return value if isinstance(value, list) else []


def _moment(value: object) -> str:
    """Unix seconds as ISO 8601; 0 means never."""
    if not isinstance(value, int) or value <= 0:
        return ""
    return datetime.fromtimestamp(value, UTC).isoformat()
