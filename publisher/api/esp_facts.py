"""From what an e-mail service reports, in django-anymail's words, to facts about our deliveries."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from django.conf import settings

from publisher.track.events import Fact
from publisher.transports.bounce_table import classify, status_in
from publisher.transports.esps import KEY_NAME, Esp
from publisher.vocabulary import BounceClass, EventKind

# What the service should never have counted: its tracking is on (`doctor` tells).
TRACKED, FOREIGN, OTHER = "tracked", "foreign", "other"

_KEPT = {
    str(kind): kind
    for kind in (
        EventKind.SENT,
        EventKind.DELIVERED,
        EventKind.BOUNCED,
        EventKind.REJECTED,
        EventKind.FAILED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
    )
}
_RETURNS = frozenset({EventKind.BOUNCED, EventKind.REJECTED, EventKind.FAILED})
_TRACKING = frozenset({"opened", "clicked"})
_OUR_KEY = re.compile(r"<?(d\d{1,18}\.[0-9a-f]{32})(?:@.*)?")

_HARD, _SOFT, _BLOCKED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED
# Where in its report a service says of what kind the return is, and what its words mean; asked only where the receiving
# server's own words say nothing.
_HINTS: dict[str, tuple[tuple[str, ...], dict[str, BounceClass]]] = {
    "brevo": (("event",), {"hard_bounce": _HARD, "invalid_email": _HARD, "soft_bounce": _SOFT, "blocked": _BLOCKED}),
    "mailersend": (("data", "type"), {"hard_bounced": _HARD, "soft_bounced": _SOFT}),
    "mailgun": (("event-data", "reason"), {"bounce": _HARD, "suppress-bounce": _HARD}),
    "mailjet": (("hard_bounce",), {"True": _HARD, "1": _HARD, "False": _SOFT, "0": _SOFT}),
    "mailtrap": (("event",), {"bounce": _HARD, "reject": _BLOCKED}),
    "postmark": (
        ("Type",),
        {"HardBounce": _HARD, "BadEmailAddress": _HARD, "SoftBounce": _SOFT, "Blocked": _BLOCKED},
    ),
    "resend": (("data", "bounce", "type"), {"Permanent": _HARD, "Transient": _SOFT}),
    "ses": (("bounce", "bounceType"), {"Permanent": _HARD, "Transient": _SOFT}),
    "sparkpost": (
        ("bounce_class",),
        {"10": _HARD, "30": _HARD, "90": _HARD, "22": _SOFT, "24": _SOFT, "70": _SOFT, "50": _BLOCKED, "51": _BLOCKED},
    ),
}


class StrangerError(Exception):
    """Who calls has not proved to be the service."""


class UnreadableError(Exception):
    """The service's report cannot be read; says which kind of error that was, and no more."""


class Reported(Protocol):
    """What django-anymail makes of one report (`anymail.signals.AnymailTrackingEvent`)."""

    event_type: str
    timestamp: datetime | None
    message_id: str | None
    recipient: str | None
    metadata: Any
    tags: Any
    description: str | None
    mta_response: str | None
    reject_reason: str | None
    esp_event: Any


def facts_of(esp: Esp, reports: Iterable[Reported], now: datetime) -> tuple[list[Fact], Counter[str]]:
    """The facts about deliveries of ours; and how many reports were about something else, by what."""
    facts: list[Fact] = []
    rest: Counter[str] = Counter()
    for report in reports:
        kind, key = _KEPT.get(report.event_type), _key_in(report)
        if report.event_type in _TRACKING:
            rest[TRACKED] += 1
        elif kind is None:
            rest[OTHER] += 1
        elif key is None:
            rest[FOREIGN] += 1
        else:
            facts.append(_fact(esp, kind, key, report, now))
    return facts, rest


def _fact(esp: Esp, kind: EventKind, key: str, report: Reported, now: datetime) -> Fact:
    at = report.timestamp or now
    text = str(report.mta_response or report.description or "")
    return Fact(
        esp.name,
        _event_id(kind, key, report),
        kind,
        at if at.tzinfo else at.replace(tzinfo=UTC),
        message_id=f"<{key}@{settings.OPSLAG_MAIL_DOMAIN}>",
        bounce=_bounce(esp, text, report.esp_event) if kind in _RETURNS else None,
        detail={"text": text, "status": status_in(text), "reason": str(report.reject_reason or "")},
    )


def _event_id(kind: EventKind, key: str, report: Reported) -> str:
    """The same however often it is reported: few services number their reports, and not all the same way twice.

    A delivery has one recipient, so kind and moment tell its facts apart.
    """
    moment = report.timestamp.isoformat() if report.timestamp else ""
    return hashlib.sha256("\n".join((kind, key, moment)).encode()).hexdigest()


def _key_in(report: Reported) -> str | None:
    """Our delivery's key, as metadata, as a tag, or as the Message-ID that some services leave as it was."""
    metadata = report.metadata if isinstance(report.metadata, Mapping) else {}
    tags = report.tags if isinstance(report.tags, list) else []
    for candidate in (metadata.get(KEY_NAME), *tags, report.message_id):
        if found := _OUR_KEY.fullmatch(str(candidate or "")):
            return found[1]
    return None


def _bounce(esp: Esp, text: str, raw: Any) -> BounceClass:
    said = classify("", text)
    if said != BounceClass.UNKNOWN:
        return said
    path, words = _HINTS.get(esp.name, ((), {}))
    for name in path:
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return words.get(str(raw), BounceClass.UNKNOWN)
