"""Status marks (a word, a shape and a colour), bars whose parts add up, icons beside words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django import template
from django.db.models import TextChoices
from django.forms import Form, PasswordInput
from lucide.templatetags.lucide import lucide

from publisher.models import Account
from publisher.vocabulary import (
    AccountStatus,
    CampaignStatus,
    DeliveryStatus,
    MessageStatus,
    PartStep,
    SourceStatus,
)

register = template.Library()

# Each status with its shape (a symbol of templates/web/parts/shapes.html) and its tone (a colour of the design system).
LOOKS: dict[str, tuple[type[TextChoices], dict[str, tuple[str, str]]]] = {
    "campaign": (
        CampaignStatus,
        {
            CampaignStatus.DRAFT: ("dashes", "muted"),
            CampaignStatus.IN_REVIEW: ("eye", "plan"),
            CampaignStatus.APPROVED: ("tick-open", "good"),
            CampaignStatus.CANCELLED: ("cross-open", "muted"),
        },
    ),
    "message": (
        MessageStatus,
        {
            MessageStatus.DRAFT: ("dashes", "muted"),
            MessageStatus.SCHEDULED: ("clock", "plan"),
            MessageStatus.SENDING: ("half", "plan"),
            MessageStatus.PAUSED: ("bars", "warn"),
            MessageStatus.HELD: ("square", "warn"),
            MessageStatus.FINISHED: ("tick", "good"),
            MessageStatus.CANCELLED: ("cross-open", "muted"),
        },
    ),
    "delivery": (
        DeliveryStatus,
        {
            DeliveryStatus.PENDING: ("ring", "muted"),
            DeliveryStatus.SENDING: ("half", "plan"),
            DeliveryStatus.SENT: ("tick", "good"),
            DeliveryStatus.FAILED: ("cross", "bad"),
            DeliveryStatus.UNCERTAIN: ("diamond", "warn"),
            DeliveryStatus.SUPPRESSED: ("slash", "muted"),
            DeliveryStatus.CANCELLED: ("cross-open", "muted"),
        },
    ),
    "part": (
        PartStep,
        {
            PartStep.WAITING: ("ring", "muted"),
            PartStep.PREPARING: ("half", "plan"),
            PartStep.PREPARED: ("clock", "plan"),
            PartStep.COMMITTING: ("half", "plan"),
            PartStep.COMMITTED: ("tick-open", "good"),
            PartStep.CONFIRMED: ("tick", "good"),
        },
    ),
    "source": (
        SourceStatus,
        {
            SourceStatus.ACTIVE: ("tick", "good"),
            SourceStatus.PAUSED: ("bars", "warn"),
            SourceStatus.BROKEN: ("cross", "bad"),
        },
    ),
    "account": (
        AccountStatus,
        {
            AccountStatus.CONNECTED: ("tick", "good"),
            AccountStatus.NEEDS_RECONNECT: ("cross", "bad"),
            AccountStatus.DISCONNECTED: ("slash", "muted"),
        },
    ),
}
# The parts of a bar in reading order, each with its fill: a colour class and, for some, a texture over it.
FILLS = {
    DeliveryStatus.SENT: "good",
    DeliveryStatus.SENDING: "sending",
    DeliveryStatus.UNCERTAIN: "uncertain",
    DeliveryStatus.FAILED: "failed",
    DeliveryStatus.SUPPRESSED: "skipped",
    DeliveryStatus.CANCELLED: "cancelled",
    DeliveryStatus.PENDING: "waiting",
}
# A part never gets narrower than this share of the bar (percent), so that one failure among 100 000 is seen.
THINNEST = 1.5


@dataclass(frozen=True)
class Segment:
    """One part of a bar: its word, its number, and its place in percent of the width."""

    fill: str
    word: str
    count: int
    x: str
    width: str


@register.simple_tag
def icon(name: str) -> str:
    """An icon of the lucide set, drawn for the eye only: the word beside it is what is read aloud."""
    return str(lucide(name, size=20, **{"class": "icon", "aria-hidden": "true"}))


@register.inclusion_tag("web/parts/status.html")
def status(cycle: str, value: str) -> dict[str, str]:
    """The mark of a stored status; `cycle` is a key of LOOKS. A status without a look is a fault of ours: KeyError."""
    choices, looks = LOOKS[cycle]
    shape, tone = looks[value]
    return {"word": str(choices(value).label), "shape": shape, "tone": tone}


@register.inclusion_tag("web/parts/status.html")
def account_status(account: Account) -> dict[str, str]:
    """The mark of a channel's status; of one that something at its platform must mend, what that is."""
    marked = status("account", account.status)
    return marked | {"word": str(account.mended_there or marked["word"])}


@register.inclusion_tag("web/parts/status.html")
def mark(tone: str, word: str, shape: str = "tick") -> dict[str, str]:
    """A mark with words of the page's own; tone good, warn, bad, plan or muted."""
    return {"word": word, "shape": shape, "tone": tone}


def segments(counts: Mapping[str, int]) -> list[Segment]:
    """The non-empty parts of `counts` (delivery status → number), their widths adding up to 100 percent."""
    present = [(status, fill, counts[status]) for status, fill in FILLS.items() if counts.get(status)]
    total = sum(count for *_, count in present)
    widths = [max(100 * count / total, THINNEST) for *_, count in present]
    scale = 100 / sum(widths) if widths else 0.0
    parts, x = [], 0.0
    for (status, fill, count), width in zip(present, widths, strict=True):
        share = width * scale
        parts.append(Segment(fill, str(DeliveryStatus(status).label), count, f"{x:.3f}%", f"{share:.3f}%"))
        x += share
    return parts


@register.inclusion_tag("web/parts/proportions.html")
def proportions(counts: Mapping[str, int], *, legend: bool = True) -> dict[str, object]:
    """One bar of proportions, and the same numbers in words with their sum (without `legend` read aloud only)."""
    parts = segments(counts)
    return {"parts": parts, "total": sum(part.count for part in parts), "legend": legend}


@register.filter
def has_secrets(form: Form) -> bool:
    """Whether a form has fields that come back empty when it is refused: passwords and access tokens."""
    return any(isinstance(field.widget, PasswordInput) for field in form.fields.values())
