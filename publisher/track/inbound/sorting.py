"""Telling the mails of a mailbox apart: bounces, complaints, unsubscribing, automatic replies, people's replies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from publisher.compose.return_path import is_unsubscribe_mailbox
from publisher.track.inbound import returned
from publisher.track.inbound.reading import ReadMail
from publisher.track.inbound.returned import Returned, says_automatic
from publisher.track.inbound.words import own_subject, own_words
from publisher.vocabulary import InboundKind

# What a machine puts in front of our subject. Anything else could be the title of a newsletter, or a person's words.
_AUTOMATIC_SUBJECT = re.compile(
    r"\s*(?:auto[- ]?(?:svar|reply)|automatisk (?:svar|besvarelse)|automatic reply|automatische antwort"
    r"|out of (?:the )?office(?: reply)?|fraværende|ikke til stede|ikke på kontoret)\s?:",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:afmeld\w*|frameld\w*|un-?subscribe\w*|opt[- ]?out|stop|slet (?:mig|min)|fjern (?:mig|min)"
    r"|ikke (?:længere )?(?:modtage|have) (?:flere |jeres |dette |nyhedsbrev))",
    re.IGNORECASE,
)
# As `models.audience.new_token` makes them.
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")


@dataclass(frozen=True)
class Sorted:
    """What a mail is; `reports` of a bounce or complaint, `tokens` that an unsubscribing may mean, `words` of a person
    without what they quoted. `is_guess`: it looks like a bounce, and no word in it proves that."""

    kind: InboundKind
    reports: list[Returned] = field(default_factory=list)
    is_guess: bool = False
    tokens: list[str] = field(default_factory=list)
    words: str = ""


def sort(mail: ReadMail, answered: str = "") -> Sorted:
    """What it is; `answered` is the subject of the mail of ours to which it belongs ("" if nobody knows).

    Machines come first: a bounce has the headers of an automatic reply, too. When in doubt a person wrote it.
    """
    complaints = returned.complaint(mail)
    if complaints is not None:
        return Sorted(InboundKind.COMPLAINT, complaints)
    reports = returned.delivery_status(mail)
    if reports is not None:
        return Sorted(InboundKind.BOUNCE, reports)
    if any(is_unsubscribe_mailbox(address) for address in mail.recipients()):
        return _leaving(mail)
    if "message/disposition-notification" in mail.kinds or _AUTOMATIC_SUBJECT.match(mail.subject):
        return Sorted(InboundKind.AUTO_REPLY)
    subject = own_subject(mail.subject, answered)
    plain = returned.in_plain_words(mail, subject)
    if plain is not None:
        return Sorted(InboundKind.BOUNCE, plain.reports, is_guess=plain.is_guess)
    if is_automatic(mail):
        return Sorted(InboundKind.AUTO_REPLY)
    words = own_words(mail.text)
    wishes = _WISH.search(f"{subject}\n{words}")
    return Sorted(InboundKind.WISH if wishes else InboundKind.REPLY, words=words)


def _leaving(mail: ReadMail) -> Sorted:
    tokens = _TOKEN.findall(mail.subject)[:5] + _TOKEN.findall(mail.text)[:5]
    words = own_words(mail.text) or mail.subject
    return Sorted(InboundKind.LEAVE if tokens else InboundKind.WISH, tokens=tokens, words=words)


def is_automatic(mail: ReadMail) -> bool:
    """Whether a machine wrote it (RFC 3834 §2 and 5, and what Exchange and others do instead).

    “Precedence: bulk” stands in what mailing lists pass on, too: in an answer it proves nothing.
    """
    fields = mail.fields
    if says_automatic(fields):
        return True
    precedence = fields.get("precedence", "").strip().lower()
    answers = "in-reply-to" in fields or "references" in fields
    if precedence == "auto_reply" or (precedence in {"bulk", "junk"} and not answers):
        return True
    return any(name in fields for name in ("x-auto-response-suppress", "x-autoreply", "x-autorespond"))
