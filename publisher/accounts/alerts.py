"""What administrators are told of a channel by mail: that it must be connected again, or soon must be."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.accounts.lasting import HEEDED, must_reconnect_by
from publisher.errors import Explanation
from publisher.models import Account, Notice, User, alert_due
from publisher.vocabulary import AccountStatus, NoticeKind, RoleKind

# How many days before the end they are told, each once.
DAYS = (1, 7, 14)
REFUSED = gettext_noop(
    "“%(name)s” must be connected again before it can publish. The platform’s answer: %(why)s What is planned for it "
    "waits until then."
)
MENDED_THERE = gettext_noop("“%(name)s” cannot publish now. %(why)s")
ENDS = gettext_noop(
    "“%(name)s” must be connected again within %(days)s days. It takes a minute, and what is planned after that goes "
    "out as planned."
)
ENDS_TOMORROW = gettext_noop(
    "“%(name)s” must be connected again within a day. It takes a minute; otherwise what is planned after that waits."
)


def alert(account: Account, words: Explanation) -> None:
    """A notice for all who may connect the channel."""
    people = User.objects.filter(
        is_active=True, roles__organisation=account.organisation_id, roles__kind=RoleKind.OWNER
    )
    Notice.objects.bulk_create(
        Notice(
            organisation_id=account.organisation_id,
            kind=NoticeKind.ALERT,
            user=person,
            address=person.email,
            subject_kind="account",
            subject_id=account.pk,
            explanation=words.as_json(),
            due_at=alert_due(),
        )
        for person in people
    )


def ending(now: datetime) -> QuerySet[Account]:
    """Connected channels whose connection ends soon."""
    return Account.objects.filter(status=AccountStatus.CONNECTED, lasts_until__lte=now + HEEDED)


def tell_of_ending(now: datetime) -> int:
    """Tell of each channel that must be connected again, at 14, 7 and 1 days; gives of how many."""
    return sum(_tell(account, now) for account in ending(now).order_by("lasts_until", "pk"))


def _tell(account: Account, now: datetime) -> bool:
    until = must_reconnect_by(account, now)
    if until is None:
        return False
    stage = next((days for days in DAYS if until - now <= timedelta(days=days)), None)
    if stage is None or (account.told_days is not None and account.told_days <= stage):
        return False
    untold = Q(told_days=None) | Q(told_days__gt=stage)
    with transaction.atomic():
        told = Account.objects.filter(untold, pk=account.pk, lasts_until=account.lasts_until).update(told_days=stage)
        if told:
            left = max((until - now + timedelta(hours=23)).days, 1)
            words = ENDS_TOMORROW if left <= 1 else ENDS
            alert(account, Explanation(words, {"name": str(account), "days": str(left)}))
    return bool(told)
