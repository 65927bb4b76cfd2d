"""Posts: prepare → commit → confirm, each step stored before its call, so that nothing becomes public twice."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.settings import config_of, platform_of
from publisher.compose.social import post_of
from publisher.deliver import claim, outcome
from publisher.deliver.journal import boot_id
from publisher.errors import AccountError, Explanation, OpslagError, PermanentError
from publisher.models import Account, Claim, Delivery, Message, PostPart
from publisher.models.counting import COMMON_LANE, move_counts
from publisher.platforms.contract import Platform, Post, Published
from publisher.schedule import dispatch
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import (
    AccountStatus,
    DeliveryStatus,
    HoldReason,
    MessageStatus,
    Outlet,
    PartStep,
    Reason,
    check_transition,
)

# Uploads expire at the platforms, so nothing is prepared earlier than this before it is due.
AHEAD = timedelta(minutes=10)
# A commit call takes at most 60 s (http.send); whoever holds a claim longer than this is dead.
COMMIT_LEASE = timedelta(seconds=120)
# Four pictures on a slow server, where nothing was uploaded ahead.
UPLOAD_LEASE = timedelta(minutes=6)
_AT_ONCE = 100


def to_prepare(now: datetime) -> list[int]:
    """Posts whose uploads should be made now: deliveries of scheduled messages due within ten minutes."""
    soon = Delivery.objects.filter(
        message__outlet=Outlet.POST,
        message__status=MessageStatus.SCHEDULED,
        message__scheduled_at__lte=now + AHEAD,
        message__claim_id=None,
        status=DeliveryStatus.PENDING,
        due_at__lte=now + AHEAD,
        parts__step=PartStep.WAITING,
    )
    return list(soon.distinct().values_list("pk", flat=True)[:_AT_ONCE])


def to_publish(now: datetime) -> list[int]:
    """Posts whose instant has come."""
    messages = not_stopped(Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.POST))
    due = Delivery.objects.filter(message__in=messages, status=DeliveryStatus.PENDING, due_at__lte=now)
    return list(due.order_by("due_at").values_list("pk", flat=True)[:_AT_ONCE])


def prepare(delivery_id: int) -> bool:
    """Do ahead what is not yet public. Failures wait for the due instant, which tries again and reports."""
    delivery = _load(delivery_id)
    message = dispatch.take(delivery.message_id, timezone.now(), MessageStatus.SCHEDULED)
    if message is None:
        return False
    if message.strikes > dispatch.STRIKES_ALLOWED:
        stopped = Explanation(gettext_noop("Preparing this post stopped the worker three times; change its content."))
        dispatch.hold(message, HoldReason.WORKER_KILLED, stopped, frm=MessageStatus.SCHEDULED)
        return False
    done = False
    try:
        done = all(_prepare_part(delivery, part) for part in delivery.parts.all())
    except OpslagError as error:
        Delivery.objects.filter(pk=delivery_id).update(last_error=error.explanation.as_json())
    finally:
        dispatch.let_go(message, done=done)
    return done


def publish(delivery_id: int) -> DeliveryStatus | None:
    """Claim the delivery and make its parts public in order; answers the outcome, None if it was not to be had."""
    claim_id = _claim(delivery_id)
    if claim_id is None:
        return None
    delivery = _load(delivery_id)
    parts = list(delivery.parts.all())
    try:
        for part in parts:
            _hold_claim(claim_id, UPLOAD_LEASE)
            _prepare_part(delivery, part)
            _hold_claim(claim_id, COMMIT_LEASE)
            if not claim.may_go_on(delivery.message_id, delivery.message.campaign.approved_revision):
                return _end(delivery, claim_id, outcome.handed_back(delivery_id, timezone.now()))
            commit_part(delivery, part)
    except OpslagError as error:
        return _failed(delivery, claim_id, error)
    return _end(delivery, claim_id, outcome.sent(delivery_id, 200, timezone.now()))


def _load(delivery_id: int) -> Delivery:
    return Delivery.objects.select_related("message__campaign", "account").get(pk=delivery_id)


def _claim(delivery_id: int) -> uuid.UUID | None:
    claim_id, now = uuid.uuid4(), timezone.now()
    with transaction.atomic():
        won = Delivery.objects.filter(
            pk=delivery_id,
            status=DeliveryStatus.PENDING,
            due_at__lte=now,
            message__in=not_stopped(Message.objects.filter(status=MessageStatus.SENDING)),
        ).update(status=DeliveryStatus.SENDING, claim_id=claim_id, strikes=F("strikes") + 1)
        if not won:
            return None
        message_id = Delivery.objects.values_list("message_id", flat=True).get(pk=delivery_id)
        Claim.objects.create(
            id=claim_id,
            run_id=claim_id,
            message_id=message_id,
            host=settings.OPSLAG_HOST,
            boot_id=boot_id(),
            journal="",
            lease_until=now + COMMIT_LEASE,
        )
        moved = {DeliveryStatus.PENDING.value: -1, DeliveryStatus.SENDING.value: 1}
        move_counts(message_id, COMMON_LANE, moved)
    return claim_id


def _hold_claim(claim_id: uuid.UUID, lease: timedelta) -> None:
    Claim.objects.filter(pk=claim_id).update(lease_until=timezone.now() + lease)


def account_of(delivery: Delivery) -> Account:
    """The account that the post goes to."""
    assert delivery.account is not None
    return delivery.account


def step_to(part: PostPart, new: PartStep, **fields: object) -> None:
    """Store the next step of a part before its call is made. Raises TransitionError."""
    check_transition(PartStep, part.step, new)
    PostPart.objects.filter(pk=part.pk).update(step=new, **fields)
    part.step = new
    for name, value in fields.items():
        setattr(part, name, value)


def plan_of(delivery: Delivery, part: PostPart) -> tuple[Platform, object, Post]:
    """The plug-in, the account's configuration and the frozen content of one part."""
    account = account_of(delivery)
    return platform_of(account), config_of(account), post_of(delivery.message, key=part.key, text=part.text)


def _prepare_part(delivery: Delivery, part: PostPart) -> bool:
    fresh = part.prepared_at and part.prepared_at > timezone.now() - 2 * AHEAD
    if part.step in (PartStep.COMMITTING, PartStep.COMMITTED, PartStep.CONFIRMED):
        return True
    if part.step == PartStep.PREPARED:
        if fresh:
            return True
        step_to(part, PartStep.WAITING)
    platform, config, post = plan_of(delivery, part)
    if part.step == PartStep.WAITING:
        step_to(part, PartStep.PREPARING)
    try:
        prepared = platform.prepare(config, account_of(delivery).facts, post)
    except OpslagError:
        step_to(part, PartStep.WAITING)
        raise
    step_to(part, PartStep.PREPARED, prepared=prepared, prepared_at=timezone.now())
    return True


def commit_part(delivery: Delivery, part: PostPart) -> None:
    """Make one part public; what is already public is left alone. Errors as the platform raised them."""
    if part.step in (PartStep.COMMITTED, PartStep.CONFIRMED):
        return
    platform, config, post = plan_of(delivery, part)
    if part.step == PartStep.PREPARED:
        step_to(part, PartStep.COMMITTING, first_commit_at=part.first_commit_at or timezone.now())
    try:
        published = platform.commit(config, account_of(delivery).facts, post, part.prepared)
    except (AccountError, PermanentError):
        step_to(part, PartStep.PREPARED)
        raise
    adopt(part, published)


def adopt(part: PostPart, published: Published) -> None:
    """Store that the part is public, as the platform named it."""
    step_to(
        part,
        PartStep.COMMITTED,
        remote_id=published.remote_id,
        permalink=published.permalink,
        published_at=timezone.now(),
    )


def _failed(delivery: Delivery, claim_id: uuid.UUID, error: OpslagError) -> DeliveryStatus:
    if isinstance(error, AccountError):
        _hold_for_account(delivery, error)
    result = outcome.of_error(delivery.pk, error, delivery.attempts, timezone.now())
    if result.status == DeliveryStatus.UNCERTAIN:
        # Reconciling begins soon: the same key may still be repeated, or the post read back.
        soon = timezone.now() + timedelta(seconds=5)
        Delivery.objects.filter(pk=delivery.pk, claim_id=claim_id).update(due_at=soon)
    else:
        # Surely not public: the same bytes may be committed again.
        PostPart.objects.filter(delivery=delivery, step=PartStep.COMMITTING).update(step=PartStep.PREPARED)
    return _end(delivery, claim_id, result)


def _hold_for_account(delivery: Delivery, error: AccountError) -> None:
    Account.objects.filter(pk=account_of(delivery).pk).update(
        status=AccountStatus.NEEDS_RECONNECT, last_error=error.explanation.as_json(), checked_at=timezone.now()
    )
    dispatch.hold(delivery.message, HoldReason.ACCOUNT_BROKEN, error.explanation, frm=MessageStatus.SENDING)


def _end(delivery: Delivery, claim_id: uuid.UUID, result: outcome.Outcome) -> DeliveryStatus:
    with transaction.atomic():
        outcome.store(claim_id, delivery.message_id, COMMON_LANE, [result], was=DeliveryStatus.SENDING)
        Delivery.objects.filter(pk=delivery.pk).update(strikes=0)
        Claim.objects.filter(pk=claim_id).delete()
    return result.status


def give_up_dead_claims(now: datetime) -> int:
    """Posts whose worker died: public or not is read from the step that was stored before the call."""
    expired = Claim.objects.filter(lease_until__lt=now, message__outlet=Outlet.POST)
    return sum(_settle(found, now) for found in expired)


def _settle(found: Claim, now: datetime) -> int:
    delivery = Delivery.objects.filter(claim_id=found.pk, status=DeliveryStatus.SENDING).first()
    if delivery is None:
        Claim.objects.filter(pk=found.pk).delete()
        return 0
    steps = set(delivery.parts.values_list("step", flat=True))
    if PartStep.COMMITTING in steps:
        result = outcome.lost(delivery.pk, now)
    elif steps <= {PartStep.COMMITTED, PartStep.CONFIRMED}:
        result = outcome.sent(delivery.pk, 200, now)
    elif delivery.strikes >= dispatch.STRIKES_ALLOWED:
        words = Explanation(gettext_noop("Publishing this post stopped the worker three times; change its content."))
        result = outcome.Outcome(delivery.pk, DeliveryStatus.FAILED, now, Reason.STOPPED_WORKER, error=words.as_json())
    else:
        PostPart.objects.filter(delivery=delivery, step=PartStep.PREPARING).update(step=PartStep.WAITING)
        result = outcome.handed_back(delivery.pk, now)
    stored = outcome.store(found.pk, delivery.message_id, COMMON_LANE, [result], was=DeliveryStatus.SENDING)
    Claim.objects.filter(pk=found.pk).delete()
    return stored
