"""What the e-mail services send to webhooks, in the form that each documents, and signed as each signs.

`report(name, kind, key)` gives the raw event; `call(...)` the whole HTTP call.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

# Payloads are easier to compare with their documentation in their own shape.
# fmt: off
TO = "anna@example.org"
AT = 1_795_000_000
ISO = "2026-11-18T08:26:40Z"
DELIVERED, BOUNCED, SOFT, COMPLAINED, UNSUBSCRIBED = "delivered", "bounced", "soft", "complained", "unsubscribed"
OPENED = "opened"
NO_SUCH = "550 5.1.1 <anna@example.org>: Recipient address rejected: User unknown"
FULL = "452 4.2.2 The email account that you tried to reach is over quota"


def _brevo(kind: str, key: str) -> Any:
    event = {"bounced": "hard_bounce", "soft": "soft_bounce", "complained": "spam", "unsubscribed": "unsubscribe",
             "opened": "unique_opened"}.get(kind, kind)
    said = {"bounced": NO_SUCH, "soft": FULL}.get(kind)
    return {"event": event, "email": TO, "id": 123, "date": "2026-11-18 09:26:40", "ts": AT, "ts_epoch": AT * 1000,
            "message-id": "<202611180826.1@smtp-relay.mailin.fr>", "subject": "x", "tag": "",
            "X-Mailin-custom": json.dumps({"delivery": key}), **({"reason": said} if said else {})}


def _mailersend(kind: str, key: str) -> Any:
    event = {"bounced": "hard_bounced", "soft": "soft_bounced", "complained": "spam_complaint"}.get(kind, kind)
    morph = {"bounced": {"object": "recipient_bounce", "reason": NO_SUCH},
             "soft": {"object": "recipient_bounce", "reason": FULL},
             "complained": {"object": "spam_complaint", "reason": None}}.get(kind)
    email = {"object": "email", "id": "e1", "from": "nyt@example.org", "subject": "x", "status": kind, "tags": [key],
             "message": {"object": "message", "id": "m1"},
             "recipient": {"object": "recipient", "id": "r1", "email": TO}}
    return {"type": f"activity.{event}", "domain_id": "d1", "created_at": ISO, "webhook_id": "w1",
            "data": {"object": "activity", "id": f"a-{kind}", "type": event, "created_at": ISO, "email": email,
                     "morph": morph, "template_id": ""}}


def _mailgun(kind: str, key: str) -> Any:
    event = {"bounced": "failed", "soft": "failed"}.get(kind, kind)
    more: dict[str, Any] = {}
    if kind in {"bounced", "soft"}:
        more = {"severity": "permanent" if kind == "bounced" else "temporary", "reason": "bounce",
                "delivery-status": {"code": 550, "message": NO_SUCH if kind == "bounced" else FULL,
                                    "description": None}}
    return {"event": event, "id": f"id-{kind}", "timestamp": AT + 0.25, "recipient": TO, "tags": [],
            "user-variables": {"delivery": key},
            "message": {"headers": {"message-id": f"{key}@opslag.test", "to": TO}}, **more}


def _mailjet(kind: str, key: str) -> Any:
    event = {"delivered": "sent", "bounced": "bounce", "soft": "bounce", "complained": "spam",
             "unsubscribed": "unsub", "opened": "open"}[kind]
    more: dict[str, Any] = {}
    if kind in {"bounced", "soft"}:
        more = {"blocked": False, "hard_bounce": kind == "bounced", "error_related_to": "recipient",
                "error": "user unknown" if kind == "bounced" else "quota exceeded", "comment": ""}
    return {"event": event, "time": AT, "MessageID": 576460752303423488, "Message_GUID": "1ab2", "email": TO,
            "mj_campaign_id": 7, "mj_contact_id": 8, "customcampaign": "", "CustomID": "",
            "Payload": json.dumps({"delivery": key}), **more}


def _mailtrap(kind: str, key: str) -> Any:
    event = {"delivered": "delivery", "bounced": "bounce", "soft": "soft bounce", "complained": "spam",
             "unsubscribed": "unsubscribe", "opened": "open"}[kind]
    said = {"bounced": NO_SUCH, "soft": FULL}.get(kind)
    return {"event": event, "message_id": "8a0e7f1a-3c7e", "sending_stream": "bulk", "email": TO, "timestamp": AT,
            "event_id": f"ev-{kind}", "custom_variables": {"delivery": key},
            **({"response": said, "response_code": 550, "bounce_category": "invalid_recipient"} if said else {})}


def _postal(kind: str, key: str) -> Any:
    message = {"id": 5, "token": "abc", "direction": "outgoing", "message_id": f"{key}@opslag.test", "to": TO,
               "from": "nyt@example.org", "subject": "x", "timestamp": float(AT), "spam_status": "NotSpam", "tag": key}
    if kind == "bounced":
        payload: dict[str, Any] = {"original_message": message, "bounce": {**message, "direction": "incoming"},
                                   "details": NO_SUCH}
    elif kind == "opened":
        payload = {"message": message, "url": "https://example.org/", "token": "x", "ip_address": "192.0.2.1"}
    else:
        payload = {"message": message, "status": {"delivered": "Sent", "soft": "SoftFail"}[kind],
                   "details": "Message for anna@example.org accepted", "output": "250 2.0.0 OK", "time": 0.22}
    return {"event": "MessageSent", "timestamp": float(AT), "uuid": f"u-{kind}", "payload": payload}


def _postmark(kind: str, key: str) -> Any:
    record = {"delivered": "Delivery", "bounced": "Bounce", "soft": "Bounce", "complained": "SpamComplaint",
              "unsubscribed": "SubscriptionChange", "opened": "Open"}[kind]
    event: dict[str, Any] = {"RecordType": record, "MessageID": "883953f4-6105", "Metadata": {"delivery": key},
                             "Tag": "", "MessageStream": "broadcast", "ServerID": 23}
    if record == "Delivery":
        return {**event, "Recipient": TO, "DeliveredAt": ISO, "Details": "250 2.0.0 OK"}
    if record == "SubscriptionChange":
        return {**event, "Recipient": TO, "ChangedAt": ISO, "SuppressSending": True,
                "SuppressionReason": "ManualSuppression", "Origin": "Recipient"}
    if record == "Open":
        return {**event, "Recipient": TO, "ReceivedAt": ISO, "FirstOpen": True}
    bounce = {"bounced": ("HardBounce", NO_SUCH), "soft": ("SoftBounce", FULL), "complained": ("SpamComplaint", "")}
    return {**event, "ID": 4323372036854775807, "Type": bounce[kind][0], "Email": TO, "BouncedAt": ISO,
            "Description": "The server was unable to deliver", "Details": bounce[kind][1], "Inactive": True}


def _resend(kind: str, key: str) -> Any:
    event = {"soft": "delivery_delayed"}.get(kind, kind)
    data: dict[str, Any] = {"email_id": "56761188-7520", "from": "nyt@example.org", "to": [TO], "subject": "x",
                            "created_at": ISO,
                            "headers": [{"name": "X-Metadata", "value": json.dumps({"delivery": key})}]}
    if kind == "bounced":
        data["bounce"] = {"type": "Permanent", "subType": "General", "message": "The recipient's mail server said no"}
    return {"type": f"email.{event}", "created_at": ISO, "data": data}


def _ses(kind: str, key: str) -> Any:
    mail = {"timestamp": ISO, "messageId": "0102-ses", "source": "nyt@example.org", "destination": [TO],
            "headers": [{"name": "X-Metadata", "value": json.dumps({"delivery": key})}]}
    if kind in {"bounced", "soft"}:
        return {"eventType": "Bounce", "mail": mail, "bounce": {
            "bounceType": "Permanent" if kind == "bounced" else "Transient", "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": TO, "action": "failed", "status": "5.1.1",
                                   "diagnosticCode": f"smtp; {NO_SUCH if kind == 'bounced' else FULL}"}],
            "timestamp": ISO, "feedbackId": "f1"}}
    if kind == "complained":
        return {"eventType": "Complaint", "mail": mail, "complaint": {
            "complainedRecipients": [{"emailAddress": TO}], "complaintFeedbackType": "abuse", "timestamp": ISO}}
    if kind == "opened":
        return {"eventType": "Open", "mail": mail, "open": {"ipAddress": "192.0.2.1", "timestamp": ISO}}
    return {"eventType": "Delivery", "mail": mail, "delivery": {
        "timestamp": ISO, "recipients": [TO], "smtpResponse": "250 2.0.0 OK"}}


def _sparkpost(kind: str, key: str) -> Any:
    event = {"delivered": "delivery", "bounced": "bounce", "soft": "bounce", "complained": "spam_complaint",
             "unsubscribed": "list_unsubscribe", "opened": "open"}[kind]
    group = {"complained": "message_event", "unsubscribed": "unsubscribe_event", "opened": "track_event"}.get(
        kind, "message_event"
    )
    said = {"bounced": ("10", NO_SUCH), "soft": ("22", FULL)}.get(kind)
    return {"msys": {group: {
        "type": event, "event_id": f"92356927693813856-{kind}", "timestamp": str(AT), "rcpt_to": TO,
        "raw_rcpt_to": TO, "message_id": "000443ee14578172be22", "transmission_id": "65832150921904138",
        "campaign_id": "", "rcpt_meta": {"delivery": key},
        **({"bounce_class": said[0], "raw_reason": said[1], "error_code": "550"} if said else {})}}}


@dataclass(frozen=True)
class Call:
    """One HTTP call: what to post, with which headers."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PUBLIC = PRIVATE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
RESEND_KEY = "whsec_" + b64encode(b"a key of the tests, 24 by").decode()


def _basic(events: list[Any], key: str) -> Call:
    return Call(json.dumps(events[0]).encode(), {"Authorization": f"Basic {b64encode(key.encode()).decode()}"})


def _basic_batch(events: list[Any], key: str) -> Call:
    return Call(json.dumps(events).encode(), _basic(events, key).headers)


def _hex(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _signed_mailersend(events: list[Any], key: str) -> Call:
    body = json.dumps(events[0]).encode()
    return Call(body, {"Signature": _hex(body, key)})


def _signed_mailgun(events: list[Any], key: str) -> Call:
    stamp, token = str(AT), hashlib.sha256(json.dumps(events[0]).encode()).hexdigest()[:50]
    signature = {"timestamp": stamp, "token": token, "signature": _hex(f"{stamp}{token}".encode(), key)}
    return Call(json.dumps({"signature": signature, "event-data": events[0]}).encode())


def _signed_mailtrap(events: list[Any], key: str) -> Call:
    body = json.dumps({"events": events}).encode()
    return Call(body, {"Mailtrap-Signature": _hex(body, key)})


def _signed_postal(events: list[Any], key: str) -> Call:
    body = json.dumps(events[0]).encode()
    private = PRIVATE if key == KEYS["postal"] else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = private.sign(body, padding.PKCS1v15(), hashes.SHA1())
    return Call(body, {"X-Postal-Signature": b64encode(signed).decode()})


def _signed_resend(events: list[Any], key: str, at: float | None = None) -> Call:
    body, stamp = json.dumps(events[0]).encode(), str(int(at or time.time()))
    secret = b"a key of the tests, 24 by" if key == RESEND_KEY else b"another key of somebody's"
    signed = hmac.new(secret, f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()
    return Call(body, {"svix-id": "msg_1", "svix-timestamp": stamp,
                       "svix-signature": f"v1,{b64encode(b'older').decode()} v1,{b64encode(signed).decode()}"})


def sns(message: Any, key: str, kind: str = "Notification", **more: str) -> Call:
    """A message of Amazon's notification service around a report."""
    body = {"Type": kind, "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:eu-north-1:1:ses", "Timestamp": ISO,
            "Message": message if isinstance(message, str) else json.dumps(message), **more}
    headers = {"x-amz-sns-message-type": kind, "x-amz-sns-message-id": "22b80b92",
               "Authorization": f"Basic {b64encode(key.encode()).decode()}"}
    return Call(json.dumps(body).encode(), headers, "text/plain; charset=UTF-8")


USER = "opslag:hemmelig"
KEYS = {
    "mailersend": "ms-key", "mailgun": "mg-key", "mailtrap": "mt-key", "postal": b64encode(_PUBLIC).decode(),
    "resend": RESEND_KEY,
}
_REPORTS: dict[str, Callable[[str, str], Any]] = {
    "brevo": _brevo, "mailersend": _mailersend, "mailgun": _mailgun, "mailjet": _mailjet, "mailtrap": _mailtrap,
    "postal": _postal, "postmark": _postmark, "resend": _resend, "ses": _ses, "sparkpost": _sparkpost,
}
_CALLS: dict[str, Callable[[list[Any], str], Call]] = {
    "mailersend": _signed_mailersend, "mailgun": _signed_mailgun, "mailtrap": _signed_mailtrap,
    "postal": _signed_postal, "resend": _signed_resend, "mailjet": _basic_batch, "sparkpost": _basic_batch,
    "ses": lambda events, key: sns(events[0], key),
}
BATCHES = ("mailjet", "mailtrap", "sparkpost")
NAMES = tuple(_REPORTS)
# Postal, Resend and SES know nothing of these.
SILENT = {("postal", COMPLAINED), ("postal", UNSUBSCRIBED), ("resend", UNSUBSCRIBED), ("ses", UNSUBSCRIBED)}


def key_of(name: str) -> str:
    """What OPSLAG_ESP_WEBHOOK_KEY holds with this service."""
    return KEYS.get(name, USER)


def call(name: str, *reports: tuple[str, str], key: str = "") -> Call:
    """A call that tells these reports, each (kind, delivery's key), signed with `key` or the right one."""
    events = [_REPORTS[name](kind, delivery) for kind, delivery in reports]
    return _CALLS.get(name, _basic)(events, key or key_of(name))
