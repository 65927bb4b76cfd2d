"""A mailbox over IMAP (RFC 3501, RFC 4315): opened with verified TLS, read in small steps, each with a time limit.

`imaplib` of the standard library does the talking. Sign-in is by user name and password (LOGIN): a server that wants
OAuth 2.0 (RFC 7628, or XOAUTH2 before it) and nothing else cannot be used, and the refusal says so. Mails are named by
UID, so that another client of the same mailbox does no harm.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from publisher.errors import AccountError, OpslagError, TransientError
from publisher.transports.smtp_replies import detail_of

TIMEOUT_S = 20.0
# A mail longer than this is read so far and stays in the mailbox.
LARGEST = 10 * 1024 * 1024

_STRETCH = 10_000
_PORTS = {"imaps": 993, "imap": 143, "imap+plain": 143}
# RFC 5530: what a server cannot do only at this moment.
_BUSY = re.compile(r"\[(?:UNAVAILABLE|INUSE)\]", re.IGNORECASE)
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,15})")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class MailboxAddress:
    """Where the mailbox is, read from OPSLAG_INBOUND_IMAP_URL."""

    host: str
    port: int
    security: str
    user: str
    password: str
    folder: str

    @classmethod
    def from_settings(cls) -> MailboxAddress:
        """Of the one mailbox there is; settings.py has looked at the form."""
        parts = urlsplit(settings.OPSLAG_INBOUND_IMAP_URL)
        return cls(
            parts.hostname or "",
            parts.port or _PORTS.get(parts.scheme, 993),
            parts.scheme,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            unquote(parts.path.lstrip("/")) or "INBOX",
        )


@dataclass(frozen=True)
class Fetched:
    """The bytes of a mail; `is_cut`: there is more than we read."""

    raw: bytes
    is_cut: bool


class OpenMailbox:
    """A signed-in conversation, to be used in `with`.

    Everything in it raises TransientError (unreachable, silent, busy) or AccountError (certificate, sign-in, folder).
    A TransientError's reason "refused" says that the conversation goes on: only this step was not done.
    """

    def __init__(self, where: MailboxAddress) -> None:
        self._where = where
        self._imap = _guarded(lambda: _connected(where))
        try:
            self._sign_in()
        except OpslagError:
            self._hang_up()
            raise

    def _sign_in(self) -> None:
        offered = " ".join(self._imap.capabilities).upper().split()
        if "LOGINDISABLED" in offered:
            # RFC 3501 §6.2.3: the password must not even be shown then.
            raise AccountError(
                gettext_noop(
                    "The mailbox's server takes no password on this connection. Begin the address with imaps:// "
                    "or imap://; a server that wants OAuth 2.0 and no password cannot be used"
                ),
                reason="account",
            )
        try:
            _guarded(lambda: self._imap.login(_quoted(self._where.user), self._where.password))
        except TransientError as error:
            if error.reason == "refused":
                raise _refused(error, by_oauth=any("OAUTH" in each for each in offered)) from error
            raise
        # What it can do is often said only now.
        able = _guarded(lambda: self._done(self._imap.capability()))
        self._expunges_by_uid = (
            b"UIDPLUS" in b" ".join(part for part in able if isinstance(part, bytes)).upper().split()
        )
        found = _guarded(lambda: self._done(self._imap.select(_quoted(self._where.folder)), folder=True))
        self._number = int(found[0]) if found and found[0] and found[0].isdigit() else 0

    def __enter__(self) -> OpenMailbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        with contextlib.suppress(Exception):
            self._imap.logout()
        with contextlib.suppress(Exception):
            self._imap.shutdown()

    def waiting(self, most: int) -> list[str]:
        """Up to `most` UIDs of mails that wait, oldest first; to be asked before any is taken out."""
        found: list[str] = []
        for among in self._stretches():
            # Those marked as deleted, too: they were to be taken out when the line broke.
            found += self._search(among, "UNFLAGGED")
            if len(found) >= most:
                break
        return found[:most]

    def left_for_a_person(self) -> int:
        """How many mails lie there because only a person can place them. To be asked before any is taken out."""
        return sum(len(self._search(among, "FLAGGED")) for among in self._stretches())

    def _stretches(self) -> Iterator[str]:
        """The mailbox in stretches whose answers fit into one line."""
        for first in range(1, self._number + 1, _STRETCH):
            yield f"{first}:{min(first + _STRETCH - 1, self._number)}"

    def _search(self, *keys: str) -> list[str]:
        found = _guarded(lambda: self._done(self._imap.uid("SEARCH", *keys)))
        numbers = b" ".join(part for part in found if isinstance(part, bytes)).split()
        return [number.decode() for number in numbers if number.isdigit()]

    def fetch(self, uid: str) -> Fetched | None:
        """One mail, at most `LARGEST` bytes of it; None if it is no longer there."""
        found = _guarded(lambda: self._done(self._imap.uid("FETCH", uid, f"(RFC822.SIZE BODY.PEEK[]<0.{LARGEST}>)")))
        for part in found:
            if isinstance(part, tuple) and len(part) == 2:
                size = _SIZE.search(part[0])
                return Fetched(part[1], size is not None and int(size[1]) > LARGEST)
        return None

    def take_out(self, uids: list[str]) -> None:
        """Delete mails that are stored with us."""
        if uids:
            self._store(uids, r"+FLAGS.SILENT", r"(\Deleted)")
            if self._expunges_by_uid:
                _guarded(lambda: self._done(self._imap.uid("EXPUNGE", ",".join(uids))))
            else:
                _guarded(lambda: self._done(self._imap.expunge()))

    def leave_for_a_person(self, uids: list[str]) -> None:
        """Flag mails that stay there: they are not looked at again."""
        if uids:
            self._store(uids, r"+FLAGS.SILENT", r"(\Flagged)")

    def _store(self, uids: list[str], how: str, flags: str) -> None:
        _guarded(lambda: self._done(self._imap.uid("STORE", ",".join(uids), how, flags)))

    def _done(self, answer: tuple[str, list[Any]], *, folder: bool = False) -> list[Any]:
        kind, data = answer
        if kind == "OK":
            return data
        detail = detail_of(b" ".join(part for part in data if isinstance(part, bytes)))
        if folder:
            raise AccountError(
                gettext_noop("The mailbox has no folder “%(folder)s”: %(detail)s"),
                reason="account",
                folder=self._where.folder,
                detail=detail,
            )
        raise TransientError(
            gettext_noop("The mailbox's server refused a step: %(detail)s"),
            reason="busy" if _BUSY.match(detail) else "refused",
            detail=detail,
        )


def _connected(where: MailboxAddress) -> imaplib.IMAP4:
    if where.security == "imaps":
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=TIMEOUT_S)
    opened = imaplib.IMAP4(where.host, where.port, timeout=TIMEOUT_S)
    if where.security == "imap":
        opened.starttls(ssl.create_default_context())
    return opened


def _guarded(step: Callable[[], Answer]) -> Answer:
    """One step of the conversation; whatever it may end with becomes an error that says what to do next."""
    try:
        return step()
    except ssl.SSLCertVerificationError as error:
        raise AccountError(
            gettext_noop("The mailbox server's certificate cannot be trusted: %(detail)s"),
            reason="account",
            detail=detail_of(error.verify_message),
        ) from error
    except (imaplib.IMAP4.abort, OSError, EOFError) as error:
        raise TransientError(
            gettext_noop("No connection to the mailbox: %(detail)s"),
            reason="connection",
            detail=detail_of(str(error) or type(error).__name__),
        ) from error
    except imaplib.IMAP4.error as error:
        raise TransientError(
            gettext_noop("The mailbox's server refused a step: %(detail)s"),
            reason="refused",
            # A refused sign-in comes with the server's bytes, all else with words.
            detail=detail_of(error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)),
        ) from error
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
        # What a server says that does not keep to the protocol ends in the library's own confusion.
        raise TransientError(
            gettext_noop("The mailbox's server said something that makes no sense here."), reason="connection"
        ) from error


def _refused(error: OpslagError, *, by_oauth: bool) -> AccountError:
    if by_oauth:
        words = gettext_noop(
            "The mailbox refused the user name or password: %(detail)s. Its server also knows OAuth 2.0, and may let "
            "in nobody with an ordinary password: use an app password, or a mailbox on a server that takes passwords"
        )
    else:
        words = gettext_noop("The mailbox refused the user name or password: %(detail)s")
    return AccountError(words, reason="account", detail=error.explanation.params.get("detail", "").rstrip("."))


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
