"""What the mail server kept, looked at: each mail must be whole, for its recipient, with that person's own links."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage

from publisher.models import Delivery

LINKS = 15


def faults(kept: Iterable[bytes], message_key: str) -> list[str]:
    """What is wrong with the kept mails of a message, in words."""
    return [fault for content in kept for fault in _faults_of(content, message_key)]


def _faults_of(content: bytes, message_key: str) -> list[str]:
    envelope, _, rest = content.partition(b"\r\n")
    recipient = envelope.decode().removeprefix("X-Rcpt-To: ")
    mail = message_from_bytes(rest, policy=policy.default)
    number = str(mail["Message-ID"]).partition(".")[0].removeprefix("<d")
    row = Delivery.objects.select_related("subscriber", "subscription").filter(pk=int(number)).first()
    if row is None or row.subscriber is None or row.subscription is None:
        return [f"{number}: no such delivery"]
    html, text, token = _part(mail, "html"), _part(mail, "plain"), f"/u/{row.subscription.token}"
    found = []
    if row.subscriber.address != recipient or recipient not in str(mail["To"]):
        found.append(f"{number}: went to {recipient}")
    if not (token in html and token in text and token in str(mail["List-Unsubscribe"])):
        found.append(f"{number}: not this person's link to leave")
    if html.count("<a href=") < LINKS or message_key not in html or "Læs mere om nr. 12" not in text:
        found.append(f"{number}: not the whole mail")
    return found


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""  # type: ignore[attr-defined]
