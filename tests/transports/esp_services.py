"""Stand-ins for the e-mail services' APIs: each takes a call apart as the service documents it, and answers like it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

RECIPIENT = "anna@example.org"


@dataclass
class Taken:
    """One mail as the service understood it. `tracking` is what the call says of it; None if it says nothing."""

    url: str
    to: list[str]
    sender: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    key: str
    tracking: bool | None = None
    signed_in: str = ""


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _brevo(call: httpx.Request, body: Any) -> Taken:
    headers = _lower(body["headers"])
    return Taken(
        str(call.url), [each["email"] for each in body["to"]], body["sender"]["email"], body["subject"],
        body["textContent"], body["htmlContent"], headers, json.loads(headers["x-mailin-custom"])["delivery"],
        signed_in=call.headers["api-key"],
    )  # fmt: skip


def _mailersend(call: httpx.Request, body: Any) -> Taken:
    wanted = body["settings"]
    return Taken(
        str(call.url), [each["email"] for each in body["to"]], body["from"]["email"], body["subject"], body["text"],
        body["html"], _lower({each["name"]: each["value"] for each in body["headers"]}), body["tags"][0],
        wanted["track_opens"] or wanted["track_clicks"], call.headers["authorization"],
    )  # fmt: skip


def _mailgun(call: httpx.Request, body: Any) -> Taken:
    form = dict(parse_qsl(call.content.decode(), keep_blank_values=True))
    headers = {name[2:].lower(): value for name, value in form.items() if name.startswith("h:")}
    assert "recipient-variables" not in form
    return Taken(
        str(call.url), [form["to"].rpartition("<")[2].rstrip(">")], form["from"].rpartition("<")[2].rstrip(">"),
        form["subject"], form["text"], form["html"], headers, form["v:delivery"],
        "yes" in (form["o:tracking-opens"], form["o:tracking-clicks"]), call.headers["authorization"],
    )  # fmt: skip


def _mailjet(call: httpx.Request, body: Any) -> Taken:
    (message,), shared = body["Messages"], body["Globals"]
    return Taken(
        str(call.url), [each["Email"] for each in message["To"]], shared["From"]["Email"], shared["Subject"],
        shared["TextPart"], shared["HTMLPart"], _lower(shared["Headers"]),
        json.loads(shared["EventPayload"])["delivery"],
        "enabled" in (shared["TrackOpens"], shared["TrackClicks"]), call.headers["authorization"],
    )  # fmt: skip


def _mailtrap(call: httpx.Request, body: Any) -> Taken:
    return Taken(
        str(call.url), [each["email"] for each in body["to"]], body["from"]["email"], body["subject"], body["text"],
        body["html"], _lower(body["headers"]), body["custom_variables"]["delivery"],
        signed_in=call.headers.get("api-token", call.headers.get("authorization", "")),
    )  # fmt: skip


def _postal(call: httpx.Request, body: Any) -> Taken:
    headers = _lower(body["headers"])
    return Taken(
        str(call.url), [each.rpartition("<")[2].rstrip(">") for each in body["to"]],
        body["from"].rpartition("<")[2].rstrip(">"), body["subject"], body["plain_body"], body["html_body"], headers,
        body["tag"], headers["x-amp"] != "skip", call.headers["x-server-api-key"],
    )  # fmt: skip


def _postmark(call: httpx.Request, body: Any) -> Taken:
    headers = _lower({each["Name"]: each["Value"] for each in body["Headers"]})
    assert headers["x-pm-keepid"] == "true" and body["MessageStream"] == "broadcast"
    return Taken(
        str(call.url), [body["To"].rpartition("<")[2].rstrip(">")], body["From"].rpartition("<")[2].rstrip(">"),
        body["Subject"], body["TextBody"], body["HtmlBody"], headers, body["Metadata"]["delivery"],
        body["TrackOpens"] or body["TrackLinks"] != "None", call.headers["x-postmark-server-token"],
    )  # fmt: skip


def _resend(call: httpx.Request, body: Any) -> Taken:
    headers = _lower(body["headers"])
    key = json.loads(headers["x-metadata"])["delivery"]
    assert call.headers["idempotency-key"] == f"{key}@opslag.test"
    return Taken(
        str(call.url), [each.rpartition("<")[2].rstrip(">") for each in body["to"]],
        body["from"].rpartition("<")[2].rstrip(">"), body["subject"], body["text"], body["html"], headers, key,
        signed_in=call.headers["authorization"],
    )  # fmt: skip


def _scaleway(call: httpx.Request, body: Any) -> Taken:
    headers = _lower({each["key"]: each["value"] for each in body["additional_headers"]})
    return Taken(
        str(call.url), [each["email"] for each in body["to"]], body["from"]["email"], body["subject"], body["text"],
        body["html"], headers, json.loads(headers["x-metadata"])["delivery"], signed_in=call.headers["x-auth-token"],
    )  # fmt: skip


def _sparkpost(call: httpx.Request, body: Any) -> Taken:
    content, options = body["content"], body["options"]
    return Taken(
        str(call.url), [each["address"]["email"] for each in body["recipients"]],
        content["from"].rpartition("<")[2].rstrip(">"), content["subject"], content["text"], content["html"],
        _lower(content["headers"]), body["metadata"]["delivery"],
        options["open_tracking"] or options["click_tracking"], call.headers["authorization"],
    )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a service says when it takes a mail."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> httpx.Response:
        if self.body is None:
            return httpx.Response(self.status, headers=self.headers)
        return httpx.Response(self.status, json=self.body, headers=self.headers)


@dataclass(frozen=True)
class Service:
    """One service: the key it wants, where it listens, how it reads a call, what it says to a good one."""

    key: str
    url: str
    read: Callable[[httpx.Request, Any], Taken]
    yes: Answer


_MAILJET_YES = {"Messages": [{"Status": "success", "To": [{"Email": RECIPIENT, "MessageID": 576460752303423488}]}]}
_POSTAL_YES = {"status": "success", "data": {"messages": {RECIPIENT: {"id": 5, "token": "x"}}}}
_SPARKPOST_YES = {
    "results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "11668787484950529"}
}
SERVICES: dict[str, Service] = {
    "brevo": Service("k", "https://api.brevo.com/v3/smtp/email", _brevo, Answer(201, {"messageId": "<1@smtp-relay>"})),
    "mailersend": Service(
        "k", "https://api.mailersend.com/v1/email", _mailersend, Answer(202, None, {"X-Message-Id": "5e42957d51f1d94a"})
    ),
    "mailgun": Service(
        "mg.example.org:k",
        "https://api.eu.mailgun.net/v3/mg.example.org/messages",
        _mailgun,
        Answer(200, {"id": "<d1@opslag.test>", "message": "Queued. Thank you."}),
    ),
    "mailjet": Service("k:s", "https://api.mailjet.com/v3.1/send", _mailjet, Answer(200, _MAILJET_YES)),
    "mailtrap": Service(
        "k",
        "https://bulk.api.mailtrap.io/api/send",
        _mailtrap,
        Answer(200, {"success": True, "message_ids": ["0c7fd939-02cf"]}),
    ),
    "postal": Service(
        "k", "https://postal.example.org/api/v1/send/message", _postal, Answer(200, _POSTAL_YES)
    ),
    "postmark": Service(
        "k",
        "https://api.postmarkapp.com/email",
        _postmark,
        Answer(200, {"To": RECIPIENT, "ErrorCode": 0, "Message": "OK", "MessageID": "0a129aee-e1cd"}),
    ),
    "resend": Service("k", "https://api.resend.com/emails", _resend, Answer(200, {"id": "49a3999c-0ce1"})),
    "scaleway": Service(
        "p:k",
        "https://api.scaleway.com/transactional-email/v1alpha1/regions/fr-par/emails",
        _scaleway,
        Answer(200, {"emails": [{"id": "aa1-b2", "mail_rcpt": RECIPIENT, "status": "new"}]}),
    ),
    "sparkpost": Service(
        "k", "https://api.eu.sparkpost.com/api/v1/transmissions/", _sparkpost, Answer(200, _SPARKPOST_YES)
    ),
}  # fmt: skip


def body_of(call: httpx.Request) -> Any:
    """The JSON of a call; None for a form."""
    return json.loads(call.content) if call.content.startswith((b"{", b"[")) else None
