"""What the mail server kept, looked at: each mail must be whole, for its recipient, with that person's own links."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage

from publisher.compose.links import click_token, link_url
from publisher.models import Delivery, Link

LINKS = 15
# Those of the stories are counted, the newsletter's own are not.
COUNTED = 14


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
    if not _counts(row, html, text):
        found.append(f"{number}: not this person's counted links")
    return found


def _counts(row: Delivery, html: str, text: str) -> bool:
    """Whether every story's link is one that counts, in both parts, with this person's token if they have agreed."""
    agreed = row.subscription is not None and row.subscription.tracking_consent_at is not None
    token = f"/{click_token(row.pk).decode()}" if agreed else ""
    codes = Link.objects.filter(message=row.message_id).values_list("code", flat=True)
    wanted = [f"{link_url(code)}{token}" for code in codes]
    return len(wanted) == COUNTED and all(f'href="{url}"' in html and url in text for url in wanted)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""  # type: ignore[attr-defined]
