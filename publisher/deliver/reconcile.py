"""Reconciling posts: an uncertain one is repeated with its key where that is harmless, else looked for, else left to a
person; a published one is read back once more for its permalink."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from publisher.accounts.settings import config_of, platform_of
from publisher.deliver import outcome
from publisher.deliver.post import account_of, adopt, plan_of, step_to
from publisher.errors import OpslagError
from publisher.models import Delivery, PostPart
from publisher.models.counting import COMMON_LANE
from publisher.platforms.contract import Published
from publisher.vocabulary import DeliveryStatus, Outlet, PartStep

# Pauses between looks at an uncertain post; after the last one only a person can tell.
LOOKS_S = (5, 30, 120, 600, 1800)
LEASE = timedelta(minutes=3)
_READ_BACK_FOR = timedelta(hours=1)


def to_reconcile(now: datetime) -> list[int]:
    """Uncertain posts that should be looked at now."""
    uncertain = Delivery.objects.filter(
        message__outlet=Outlet.POST, status=DeliveryStatus.UNCERTAIN, due_at__lte=now, strikes__lte=len(LOOKS_S)
    )
    return list(uncertain.values_list("pk", flat=True)[:50])


def to_confirm(now: datetime) -> list[int]:
    """Published parts that were not read back yet."""
    fresh = PostPart.objects.filter(step=PartStep.COMMITTED, published_at__gt=now - _READ_BACK_FOR)
    return list(fresh.filter(delivery__status=DeliveryStatus.SENT).values_list("pk", flat=True)[:50])


def reconcile(delivery_id: int) -> bool:
    """Look at one uncertain post; true if it is now known to be public."""
    now = timezone.now()
    # Moving `due_at` is the claim: whoever moved it looks, others find it not due.
    won = Delivery.objects.filter(pk=delivery_id, status=DeliveryStatus.UNCERTAIN, due_at__lte=now).update(
        due_at=now + LEASE, strikes=F("strikes") + 1
    )
    if not won:
        return False
    delivery = Delivery.objects.select_related("message__campaign", "account").get(pk=delivery_id)
    try:
        known = all(_look(delivery, part, now) for part in delivery.parts.all())
    except OpslagError:
        # Even a refusal proves nothing about the first attempt, whose answer was lost.
        known = False
    if known:
        return _conclude(delivery)
    pause_s = LOOKS_S[min(delivery.strikes, len(LOOKS_S)) - 1]
    Delivery.objects.filter(pk=delivery_id, status=DeliveryStatus.UNCERTAIN).update(
        due_at=timezone.now() + timedelta(seconds=pause_s)
    )
    return False


def _look(delivery: Delivery, part: PostPart, now: datetime) -> bool:
    if part.step in (PartStep.COMMITTED, PartStep.CONFIRMED):
        return True
    if part.step != PartStep.COMMITTING or part.first_commit_at is None:
        return False
    platform, config, post = plan_of(delivery, part)
    facts = account_of(delivery).facts
    if now - part.first_commit_at < platform.repeat_safe_for(facts):
        adopt(part, platform.commit(config, facts, post, part.prepared))
        return True
    found = platform.find(config, facts, post, part.first_commit_at)
    if found is None:
        return False
    adopt(part, found)
    return True


def _conclude(delivery: Delivery) -> bool:
    assert delivery.claim_id is not None
    found = [outcome.sent(delivery.pk, 200, timezone.now())]
    stored = outcome.store(delivery.claim_id, delivery.message_id, COMMON_LANE, found, was=DeliveryStatus.UNCERTAIN)
    return bool(stored)


def confirm(part_id: int) -> bool:
    """Read one published part back; a failure is no harm, the next look tries again."""
    part = PostPart.objects.select_related("delivery__account").get(pk=part_id)
    account = account_of(part.delivery)
    published = Published(part.remote_id, part.permalink)
    try:
        seen = platform_of(account).confirm(config_of(account), account.facts, published)
    except OpslagError:
        return False
    if part.step == PartStep.COMMITTED:
        step_to(part, PartStep.CONFIRMED, remote_id=seen.remote_id, permalink=seen.permalink or part.permalink)
    return True
