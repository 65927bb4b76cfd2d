"""What came back and why: delivery status (RFC 3464), complaints (RFC 5965), and what servers write in plain words."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from flufl.bounce import all_failures

from publisher.track.inbound.reading import Fields, ReadMail
from publisher.transports.bounce_table import STATUS, classify, status_in
from publisher.vocabulary import BounceClass, EventKind

# It writes a traceback for every mail that it does not understand.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_SUBJECT = re.compile(
    r"undeliver|delivery (?:status|failure|failed|has failed|notification|incomplete|delayed)|failure notice"
    r"|returned (?:mail|to sender)|mail delivery|could not (?:be delivered|send message)|non[- ]?delivery"
    r"|message (?:not|you sent).*deliver"
    r"|kan ikke leveres|kunne ikke leveres|ikke leveret|uleverbar|ulevereret|returneret|leveringsfejl"
    r"|mislykket levering|unzustellbar|warning: message|delayed mail|forsinket",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"delayed|warning: message|still (?:trying|being retried)|will (?:be )?retr|no action is required|forsinket",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"^(?:mailer-?daemon|postmaster|mail-?daemon|microsoftexchange[0-9a-f]*|system ?administrator|bounces?)@",
    re.IGNORECASE,
)
# From here on it quotes our own mail, whose words must not count as the server's.
_COPY = re.compile(
    r"^(?:-{2,}.{0,40}(?:copy|original|below this line|message header|returned message|oprindelig|kopi).*"
    r"|(?:return-path|received|mime-version|dkim-signature|list-unsubscribe|x-mailer): .*)$",
    re.IGNORECASE | re.MULTILINE,
)
_COMPLAINTS = {"abuse", "fraud", "virus", "other", "miscategorized", "complaint"}
_OPT_OUT = {"opt-out", "opt-out-list"}


@dataclass(frozen=True)
class Returned:
    """One report on one recipient. `bounce` only where it did not arrive; `recipient` may be ""."""

    kind: EventKind
    bounce: BounceClass | None = None
    recipient: str = ""
    status: str = ""
    text: str = ""


def complaint(mail: ReadMail) -> list[Returned] | None:
    """A feedback report's meaning; None if the mail is none. A report that it was no spam means nothing to us."""
    if "message/feedback-report" not in mail.kinds and "feedback-report" not in mail.fields.get("content-type", ""):
        return None
    about = mail.feedback.get("feedback-type", "").lower()
    recipient = mail.feedback.get("original-rcpt-to", "") or mail.about.get("to", "")
    if about in _OPT_OUT:
        return [Returned(EventKind.UNSUBSCRIBED, recipient=_address(recipient), text=about)]
    if about in _COMPLAINTS:
        return [Returned(EventKind.COMPLAINED, recipient=_address(recipient), text=about)]
    return []


def delivery_status(mail: ReadMail) -> list[Returned] | None:
    """A delivery status notification's meaning, one for each recipient; None if the mail is none.

    What was given up after days of trying says “failed” with a 4.x.x: the code decides (RFC 3464 §2.3.4).
    """
    blocks = [block for block in mail.status if "final-recipient" in block or "action" in block]
    return [_of_block(block) for block in blocks] or None


def _of_block(block: Fields) -> Returned:
    said = block.get("diagnostic-code", "")
    text = said.partition(";")[2].strip() or said
    status = _best_status(block.get("status", ""), text)
    recipient = _address(block.get("final-recipient") or block.get("original-recipient") or "")
    action = block.get("action", "failed").split("(")[0].strip().lower()
    if action == "delayed":
        return Returned(EventKind.DEFERRED, None, recipient, status, text)
    if action in ("delivered", "relayed", "expanded"):
        kind = EventKind.DELIVERED if action == "delivered" else EventKind.SENT
        return Returned(kind, None, recipient, status, text)
    return Returned(EventKind.BOUNCED, classify(status, text), recipient, status, text)


def _best_status(status: str, text: str) -> str:
    """The status, or the remote server's own where the reporting one only says that it failed (5.0.0)."""
    found, inner = STATUS.search(status), status_in(text)
    if found is None:
        return inner
    vague = found[2] == "0" and found[3] == "0"
    return inner if vague and inner.startswith(found[1]) else found[0]


@dataclass(frozen=True)
class InPlainWords:
    """What a mail for people reports. `is_guess`: sender and subject say so, and neither an address nor a code does."""

    reports: list[Returned]
    is_guess: bool


def in_plain_words(mail: ReadMail, subject: str) -> InPlainWords | None:
    """A bounce that some server or Exchange wrote for people; None if the mail does not look like one.

    `subject` is what of its subject is not ours. However it reads, a machine must have sent it.
    """
    if not _is_from_a_machine(mail):
        return None
    is_about_it = bool(_SUBJECT.search(subject))
    temporary, permanent = _recognised(mail)
    words = without_copy(mail.text)
    if not (temporary or permanent or is_about_it):
        return None
    recipient = next(iter(sorted(permanent or temporary)), "")
    status = status_in(words)
    is_guess = not (temporary or permanent or status)
    if _DELAYED.search(subject) or (_DELAYED.search(words) and not permanent):
        return InPlainWords([Returned(EventKind.DEFERRED, None, recipient, status, words)], is_guess)
    return InPlainWords([Returned(EventKind.BOUNCED, classify("", words), recipient, status, words)], is_guess)


def says_automatic(fields: Fields) -> bool:
    """Whether it says that a machine sent it: in words, or by wanting no answer (RFC 3834 §5, RFC 5321 §4.5.5)."""
    submitted = fields.get("auto-submitted", "no").split(";")[0].strip().lower()
    return submitted != "no" or fields.get("return-path", "").strip() == "<>"


def _is_from_a_machine(mail: ReadMail) -> bool:
    if says_automatic(mail.fields) or _MACHINE.match(mail.sender()) or "x-failed-recipients" in mail.fields:
        return True
    return "multipart/report" in mail.fields.get("content-type", "").lower()


def without_copy(text: str) -> str:
    """The text up to where a copy of the returned mail begins."""
    found = _COPY.search(text)
    return text[: found.start()] if found else text


def _recognised(mail: ReadMail) -> tuple[set[str], set[str]]:
    """The addresses that flufl.bounce's detectors find: for the time being, and for good."""
    small = Message()
    for name in ("From", "Subject"):
        small[name] = mail.fields.get(name.lower(), "")
    small.set_type("text/plain")
    small.set_payload("\n".join(line[:500] for line in mail.text.splitlines()[:400]))
    whole = mail.parsed if mail.parsed is not None and len(mail.start) < 64 * 1024 else small
    for candidate in (whole, small):
        # Each detector has its own way of failing on what it does not know.
        with contextlib.suppress(Exception):
            temporary, permanent = (set(_decoded(found)) for found in all_failures(candidate))
            if temporary or permanent:
                return temporary, permanent
    return set(), set()


def _decoded(found: object) -> Iterator[str]:
    if isinstance(found, frozenset | set):
        yield from (each.decode("ascii", "ignore") if isinstance(each, bytes) else str(each) for each in found)


def _address(value: str) -> str:
    """The address in `rfc822; anna@example.org` or `Anna <anna@example.org>`."""
    address = value.rpartition(";")[2].strip()
    inner = re.search(r"<([^<>\s]{3,320})>", address)
    return (inner[1] if inner else address)[:320] if "@" in address else ""
