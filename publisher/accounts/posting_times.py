"""An account's posting times: the weekdays and wall times at which its posts go out by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.models import Account, Slot

MOST = 70


@transaction.atomic
def add_posting_times(account: Account, times: Iterable[tuple[int, time]]) -> int:
    """Add each (weekday, time): Monday is 0, times are those of the organisation's zone; gives how many are new.

    Raises InputError beyond MOST posting times a week: that is no longer a plan.
    """
    Account.objects.select_for_update().get(pk=account.pk)
    known = set(Slot.objects.filter(account=account).values_list("weekday", "time"))
    fresh = [Slot(account=account, weekday=day, time=at) for day, at in sorted(set(times)) if (day, at) not in known]
    if len(known) + len(fresh) > MOST:
        raise InputError(gettext_noop("A channel has at most %(most)s posting times a week."), most=MOST)
    return len(Slot.objects.bulk_create(fresh))
