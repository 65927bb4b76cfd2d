"""Errors named by what the caller does next, each with an explanation that a person can read in their language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from publisher.vocabulary import Calls


@dataclass(frozen=True)
class Explanation:
    """A sentence for people, kept untranslated (its gettext id and values) so that each reader gets their language.

    Rows store `as_json()`; pages and commands read it back with `from_json` and print it with `str()`.
    Values are plain text, which the page escapes, or explanations of their own.
    """

    msgid: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        translated = gettext(self.msgid) if self.msgid else ""
        return translated % dict(self.params) if self.params else translated

    def as_json(self) -> dict[str, Any]:
        words = {k: v.as_json() if isinstance(v, Explanation) else v for k, v in self.params.items()}
        return {"msgid": self.msgid, "params": words}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Explanation:
        stored = stored or {}
        words = {
            str(k): cls.from_json(v) if isinstance(v, Mapping) else str(v)
            for k, v in (stored.get("params") or {}).items()
        }
        return cls(str(stored.get("msgid", "")), words)


class OpslagError(Exception):
    """Base of all our errors. `msgid` is an English gettext id (mark it with `gettext_noop`) with %(name)s places.

    `reason` is one short machine word (snake_case) under which receipts group; `params` fill the sentence, an
    Explanation among them in each reader's own language. `about`: the connection field that a person must change, ""
    where that is not known.
    """

    def __init__(self, msgid: str, *, reason: str = "", about: object = "", **params: object) -> None:
        super().__init__(msgid)
        self.reason = reason
        self.about = str(about)
        words = {name: value if isinstance(value, Explanation) else str(value) for name, value in params.items()}
        self.explanation = Explanation(msgid, words)

    def __str__(self) -> str:
        return str(self.explanation)


class TransientError(OpslagError):
    """Surely not done, and worth another try: later, at `retry_after` seconds if the other side named a time."""

    def __init__(self, msgid: str, *, reason: str = "", retry_after: float | None = None, **params: object) -> None:
        super().__init__(msgid, reason=reason, **params)
        self.retry_after = retry_after


class ThrottledError(TransientError):
    """The other side counts our calls and wants no more before `retry_after`: to wait is no try that failed.

    `calls`: which kind, where it counts that apart. `of_app`: it counts those of our app, for whatever account.
    """

    def __init__(
        self,
        msgid: str,
        *,
        retry_after: float,
        reason: str = "",
        calls: Calls = Calls.ALL,
        of_app: bool = False,
        **params: object,
    ) -> None:
        super().__init__(msgid, reason=reason, retry_after=retry_after, **params)
        self.retry_after: float = retry_after
        self.calls = calls
        self.of_app = of_app


class NotYetError(TransientError):
    """Access is too young to be renewed: no harm while it works; where it does not, only connecting anew helps."""


class PermanentError(OpslagError):
    """Surely not done, and the same try would fail again: give up and tell a person what to change."""


class AccountError(OpslagError):
    """The account or mail server refuses us (credentials, permission): hold its work and ask for a reconnect."""


class TokenExpiredError(AccountError):
    """The access token has run out, as it does now and then: renew it once and try again; else as AccountError."""


class UncertainError(OpslagError):
    """It may have happened and the answer was lost: never repeat blindly."""


class InputError(OpslagError):
    """A person gave something we cannot use; the sentence says what to do instead. Nothing was lost or changed."""


class TransitionError(OpslagError):
    """The code tried a status change that `life_cycles.py` does not declare. Always a fault of ours."""
