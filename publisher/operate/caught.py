"""What the mail catcher kept, for people to look at: listed by its headers alone, a mail read when it is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

# How many of the newest mails a list or a search looks through.
LOOKED_THROUGH = 2_000
LARGEST_HEAD = 64_000
LARGEST_SHOWN = 10_000_000
_ID = re.compile(r"[0-9a-f]{32}")
# What the standard library's parser and decoders raise for mails that break the rules.
_UNREADABLE = (LookupError, ValueError, AttributeError, TypeError)


@dataclass(frozen=True)
class Caught:
    """A mail in the list. `stream` is the third word of its Feedback-ID: the slug of the organisation that sent it."""

    mail_id: str
    at: datetime
    recipients: tuple[str, ...]
    sender: str
    subject: str
    stream: str

    def holds(self, words: str) -> bool:
        """Whether a recipient or the subject contains `words`, whatever the case."""
        return any(words.casefold() in text.casefold() for text in (*self.recipients, self.subject))


@dataclass(frozen=True)
class Opened:
    """A whole mail: all headers in order, and its two bodies, "" for one that it has not."""

    caught: Caught
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    size: int
    too_large: bool = False


def newest(folder: Path, wanted: Callable[[Caught], bool]) -> tuple[list[Caught], bool]:
    """The mails that are wanted among the newest ones, and whether there are older ones that nobody looked at."""
    files = _files(folder)
    found = []
    for path, at in files[:LOOKED_THROUGH]:
        caught = _listed(path, at)
        if caught and wanted(caught):
            found.append(caught)
    return found, len(files) > LOOKED_THROUGH


def file_of(folder: Path, mail_id: str) -> Path | None:
    """The file of a mail; None for any name that the catcher did not give, and for what is no plain file."""
    path = folder / f"{mail_id}.eml"
    return path if _ID.fullmatch(mail_id) and path.is_file() and not path.is_symlink() else None


def listed(folder: Path, mail_id: str) -> Caught | None:
    """One mail by its headers; None if it is not there (any more)."""
    path = file_of(folder, mail_id)
    return _listed(path, path.stat().st_mtime) if path else None


def opened(folder: Path, mail_id: str) -> Opened | None:
    """One whole mail; one larger than 10 MB without its bodies."""
    path, caught = file_of(folder, mail_id), listed(folder, mail_id)
    if path is None or caught is None:
        return None
    size = path.stat().st_size
    headers = tuple(_decoded_headers(_head(path)))
    if size > LARGEST_SHOWN:
        return Opened(caught, headers, "", "", size, too_large=True)
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    return Opened(caught, headers, _body(message, "plain"), _body(message, "html"), size)


def _files(folder: Path) -> list[tuple[Path, float]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        kept = [
            (Path(entry.path), entry.stat(follow_symlinks=False).st_mtime_ns)
            for entry in entries
            if entry.name.endswith(".eml") and _ID.fullmatch(entry.name[:-4]) and entry.is_file(follow_symlinks=False)
        ]
    kept.sort(key=lambda each: (each[1], each[0].name), reverse=True)
    return [(path, at / 1e9) for path, at in kept]


def _head(path: Path) -> bytes:
    """The header lines; what a mail has beyond 64 kB of them is left out."""
    with path.open("rb") as file:
        start = file.read(LARGEST_HEAD)
    return re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]


def _listed(path: Path, at: float) -> Caught | None:
    try:
        head = _head(path)
    except FileNotFoundError:
        return None
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
    feedback = str(headers.get("Feedback-ID", "")).split(":")
    return Caught(
        mail_id=path.stem,
        at=datetime.fromtimestamp(at, UTC),
        recipients=tuple(str(address) for address in headers.get_all("X-Rcpt-To", [])),
        sender=_decoded(str(headers.get("From", ""))),
        subject=_decoded(str(headers.get("Subject", ""))),
        stream=feedback[2].strip() if len(feedback) == 4 else "",
    )


def _decoded_headers(head: bytes) -> Iterator[tuple[str, str]]:
    for name, value in BytesHeaderParser(policy=policy.compat32).parsebytes(head).items():
        yield name, _decoded(str(value))


def _decoded(value: str) -> str:
    """A header's value as one line of text (RFC 2047); as it stands where it cannot be decoded."""
    line = " ".join(value.split())
    try:
        return str(make_header(decode_header(line)))
    except _UNREADABLE:
        return line


def _body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part else ""
    except _UNREADABLE:
        return ""
