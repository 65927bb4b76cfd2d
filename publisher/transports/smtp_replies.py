"""What the replies of a mail server mean: each is one error that says what to do next (RFC 5321, RFC 3463)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_noop

from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports.bounce_table import classify
from publisher.vocabulary import BounceClass

# A status at the beginning of a reply. Those about the conversation (x.5.x) may be one odd recipient's doing, so that
# one has failed; the circuit breaker holds the message for them, too, and says so.
_STATUS = re.compile(r"\s*([245]\.(?!5\.)\d{1,3}\.\d{1,3})\b")
_DETAIL_LIMIT = 200


def detail_of(text: bytes | str) -> str:
    """A server's reply as one short printable line, fit for a row and a page."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(c if c.isprintable() else " " for c in decoded).split())[:_DETAIL_LIMIT]


def _by_status(text: bytes) -> BounceClass | None:
    """Whose move it is by the reply's own status code, which no words in it can change."""
    found = _STATUS.match(text.decode("utf-8", "replace"))
    return classify(found[1]) if found is not None else None


def asked_to_wait(code: int, text: bytes) -> TransientError:
    """A 4xx: surely not done; another try later."""
    return TransientError(
        gettext_noop("The mail server asked us to wait: %(code)s %(detail)s"),
        reason="connection" if code == 421 else "busy",
        code=code,
        detail=detail_of(text),
    )


def refusal_of_sender(code: int, text: bytes) -> OpslagError:
    """What a refused MAIL means: wait, or the server does not want us."""
    return asked_to_wait(code, text) if code < 500 else _our_fault(code, text)


def _our_fault(code: int, text: bytes) -> AccountError:
    return AccountError(
        gettext_noop("The mail server refuses us as sender: %(code)s %(detail)s"),
        reason="account",
        code=code,
        detail=detail_of(text),
    )


def refusal_of_recipient(code: int, text: bytes) -> OpslagError:
    """What a refused RCPT means: wait, our own fault, or no such recipient."""
    if code >= 500 and _by_status(text) == BounceClass.MESSAGE_FAULT:
        # Too large for this mailbox, for instance: said early, but of the content.
        return refusal_of_content(code, text)
    words = gettext_noop("The receiving server refused the address: %(code)s %(detail)s")
    return _refusal(code, text, PermanentError(words, reason="refused", code=code, detail=detail_of(text)))


def refusal_of_content(code: int, text: bytes) -> OpslagError:
    """What a refused DATA or final dot means: wait, our own fault, or this content."""
    words = gettext_noop("The receiving server refused the content: %(code)s %(detail)s")
    return _refusal(code, text, PermanentError(words, reason="content_refused", code=code, detail=detail_of(text)))


def _refusal(code: int, text: bytes, theirs: PermanentError) -> OpslagError:
    if code < 500:
        return asked_to_wait(code, text)
    return _our_fault(code, text) if _by_status(text) == BounceClass.OUR_FAULT else theirs


def unreachable(error: Exception | None) -> TransientError:
    """No conversation, or one that ended: surely nothing was handed over."""
    if error is None:
        return TransientError(gettext_noop("The mail server closed the connection."), reason="connection")
    if isinstance(error, TimeoutError):
        return silent()
    return TransientError(
        gettext_noop("No connection to the mail server: %(detail)s"),
        reason="connection",
        detail=detail_of(str(error) or type(error).__name__),
    )


def silent() -> TransientError:
    """It does not answer in time."""
    return TransientError(gettext_noop("The mail server does not answer."), reason="connection")


def nonsense(said: bytes) -> TransientError:
    """It says something that is no answer, or speaks out of turn: such a conversation is left."""
    return TransientError(
        gettext_noop("The mail server said something that makes no sense here: “%(detail)s”"),
        reason="connection",
        detail=detail_of(said),
    )


def answer_lost() -> UncertainError:
    """Content was handed over and its reply never came (RFC 1047: the server may have taken it)."""
    return UncertainError(
        gettext_noop("It was handed over to the mail server, and no answer came: it may have been sent."),
        reason="answer_lost",
    )


def unusable_address() -> PermanentError:
    """An address that must not be put into an SMTP command."""
    return PermanentError(
        gettext_noop("This is not an address a mail server understands; correct it."), reason="refused"
    )


def unusable_sender() -> AccountError:
    """An envelope sender that must not be put into an SMTP command."""
    return AccountError(
        gettext_noop("The sender's address is not one that a mail server understands; correct it."), reason="account"
    )
