"""What will happen: to how many, when, and what the checks say; said before it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.audience.rule import Forecast, forecast
from publisher.compose.preflight import Check, checks
from publisher.models import Campaign, Message
from publisher.schedule.forecast import of_draft
from publisher.templatetags.dates import number
from publisher.vocabulary import MessageStatus, Outlet
from publisher.web.course import last_one_words

AT_ONCE = "now"
# More times of their own than these are not listed unasked: the sentence stands over the page.
_LISTED = 3


@dataclass(frozen=True)
class Promise:
    """The sentence over the button, in parts. `at` None means at once; `known` is false while no time is chosen."""

    at: datetime | None
    known: bool
    recipients: int
    blocked: int
    untold: int
    mails: int
    channels: int
    own_times: list[Message]
    errors: int
    undo_seconds: int
    last_at: datetime | None = None

    @property
    def last_one(self) -> str:
        """When the last recipient will have it, "" if it goes to nobody by mail."""
        return last_one_words(self.last_at) if self.last_at else ""

    @property
    def many_own_times(self) -> bool:
        """Whether there are too many to list them in the sentence."""
        return len(self.own_times) > _LISTED

    @property
    def key(self) -> str:
        """What the button carries, so that a press does what the page said when it was pressed."""
        if not self.known:
            return ""
        instants = [self.at.astimezone(UTC).isoformat() if self.at else AT_ONCE]
        own = ((each.pk, each.scheduled_at) for each in self.own_times)
        return " ".join([*instants, *(f"{pk}:{at.astimezone(UTC).isoformat()}" for pk, at in own if at)])

    @property
    def audience(self) -> str:
        """“173 recipients and 2 channels”."""
        parts = []
        if self.mails:
            words = ngettext("%(number)s recipient", "%(number)s recipients", self.recipients)
            parts.append(words % {"number": number(self.recipients)})
        if self.channels:
            words = ngettext("%(number)s channel", "%(number)s channels", self.channels)
            parts.append(words % {"number": number(self.channels)})
        return (
            _("%(first)s and %(last)s") % {"first": parts[0], "last": parts[1]} if len(parts) == 2 else "".join(parts)
        )

    @property
    def skipped(self) -> str:
        """Who is left out, "" if nobody."""
        sentences = []
        if self.blocked:
            words = ngettext(
                "%(number)s is skipped, because the address is blocked.",
                "%(number)s are skipped, because their addresses are blocked.",
                self.blocked,
            )
            sentences.append(words % {"number": number(self.blocked)})
        if self.untold:
            words = ngettext(
                "%(number)s is skipped, because no story concerns their choices.",
                "%(number)s are skipped, because no story concerns their choices.",
                self.untold,
            )
            sentences.append(words % {"number": number(self.untold)})
        return " ".join(sentences)


def promise(messages: Sequence[Message], at: datetime | None, *, known: bool = True, errors: int = 0) -> Promise:
    """What sending `messages` at `at` would mean, as far as can be known now."""
    now = timezone.now()
    mails = [message for message in messages if message.outlet == Outlet.EMAIL]
    found = [forecast(message, now) for message in mails]
    return Promise(
        at=at,
        known=known,
        recipients=sum(each.recipients for each in found),
        blocked=sum(each.blocked for each in found),
        untold=sum(each.untold for each in found),
        mails=len(mails),
        channels=len(messages) - len(mails),
        own_times=[m for m in messages if m.scheduled_at and m.scheduled_at > now and m.scheduled_at != at],
        errors=errors,
        undo_seconds=settings.OPSLAG_UNDO_SECONDS,
        last_at=_last_at(mails, found, at, now) if known else None,
    )


def _last_at(
    mails: Sequence[Message], found: Sequence[Forecast], at: datetime | None, now: datetime
) -> datetime | None:
    begin = at or now + timedelta(seconds=settings.OPSLAG_UNDO_SECONDS)
    instants = []
    for message, each in zip(mails, found, strict=True):
        own = message.scheduled_at if message.scheduled_at and message.scheduled_at > now else None
        if each.recipients:
            instants.append(of_draft(message, each.recipients, own or begin))
    return max(instants, default=None)


def open_checks(campaign: Campaign) -> list[Check]:
    """The findings of the checks about what is not cancelled."""
    return [each for each in checks(campaign) if not each.message or each.message.status != MessageStatus.CANCELLED]


def error_count(found: Sequence[Check]) -> int:
    """How many of the findings stop a send-out."""
    return sum(1 for check in found if check.level == "error")
