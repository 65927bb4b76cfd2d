"""Telling the mails of a mailbox apart: bounces, complaints, unsubscribing, automatic replies, people's replies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from publisher.compose.return_path import is_unsubscribe_mailbox
from publisher.track.inbound import returned
from publisher.track.inbound.reading import ReadMail
from publisher.track.inbound.returned import Returned
from publisher.vocabulary import InboundKind

EXCERPT = 500

_AUTOMATIC_SUBJECT = re.compile(
    r"^\s*(?:(?:sv|re|vs|fw|fwd|aw):\s*)*"
    r"(?:auto(?:svar|matisk (?:svar|besvarelse)|matic reply|matische antwort|reply|:)"
    r"|out of (?:the )?office|ikke til stede|ikke på kontoret|fravær|feriebesked|på ferie|ferielukket|on vacation"
    r"|tak for din (?:mail|henvendelse)|vi har modtaget din)",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:afmeld\w*|frameld\w*|un-?subscribe\w*|opt[- ]?out|stop|slet (?:mig|min)|fjern (?:mig|min)"
    r"|ikke (?:længere )?(?:modtage|have) (?:flere |jeres |dette |nyhedsbrev))",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"^(?:>.*|-{2,}\s*(?:original|oprindelig|videresendt|forwarded).*|_{10,}\s*|(?:den|on|am|le) .{5,120}"
    r"(?:skrev|wrote|schrieb|a écrit).{0,120}:?|(?:fra|from|von): .*@.*)$",
    re.IGNORECASE | re.MULTILINE,
)
# As `models.audience.new_token` makes them.
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")


@dataclass(frozen=True)
class Sorted:
    """What a mail is; `reports` of a bounce or complaint, `tokens` that an unsubscribing may mean, `words` of a person
    without what they quoted."""

    kind: InboundKind
    reports: list[Returned] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    words: str = ""


def sort(mail: ReadMail) -> Sorted:
    """What it is. Machines come first: a bounce has the headers of an automatic reply, too."""
    complaints = returned.complaint(mail)
    if complaints is not None:
        return Sorted(InboundKind.COMPLAINT, complaints)
    reports = returned.delivery_status(mail)
    if reports is not None:
        return Sorted(InboundKind.BOUNCE, reports)
    if any(is_unsubscribe_mailbox(address) for address in mail.recipients()):
        return _leaving(mail)
    if "message/disposition-notification" in mail.kinds or _AUTOMATIC_SUBJECT.search(mail.subject):
        return Sorted(InboundKind.AUTO_REPLY)
    reports = returned.in_plain_words(mail)
    if reports is not None:
        return Sorted(InboundKind.BOUNCE, reports)
    if is_automatic(mail):
        return Sorted(InboundKind.AUTO_REPLY)
    words = own_words(mail.text)
    wishes = _WISH.search(f"{mail.subject}\n{words}")
    return Sorted(InboundKind.WISH if wishes else InboundKind.REPLY, words=words)


def _leaving(mail: ReadMail) -> Sorted:
    tokens = _TOKEN.findall(mail.subject)[:5] + _TOKEN.findall(mail.text)[:5]
    words = own_words(mail.text) or mail.subject
    return Sorted(InboundKind.LEAVE if tokens else InboundKind.WISH, tokens=tokens, words=words)


def is_automatic(mail: ReadMail) -> bool:
    """Whether a machine wrote it (RFC 3834 §2 and 5, and what Exchange and others do instead)."""
    fields = mail.fields
    submitted = fields.get("auto-submitted", "no").split(";")[0].strip().lower()
    if submitted != "no" or fields.get("return-path", "").strip() == "<>":
        return True
    if fields.get("precedence", "").strip().lower() in {"bulk", "junk", "list", "auto_reply"}:
        return True
    return any(name in fields for name in ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "list-id"))


def own_words(text: str) -> str:
    """What a person wrote, without the mail that they answered; short enough to show."""
    found = _QUOTED.search(text)
    words = text[: found.start()] if found else text
    return "\n".join(" ".join(line.split()) for line in words.strip().splitlines() if line.strip())[:EXCERPT]
