"""What happened: deliveries, post parts, claims and lanes, counters, notices, events."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.lookups import IsNull
from django.utils import timezone

from publisher.models.audience import Subscriber, Subscription
from publisher.models.channels import Account
from publisher.models.line import Place, beyond, hold_briefly
from publisher.models.organisation import Organisation, User
from publisher.models.scoped import ScopedModel
from publisher.models.sendout import Message
from publisher.vocabulary import BounceClass, DeliveryStatus, EventKind, NoticeKind, PartStep

# Nothing is said against it, and no claim named: so is all that has no outcome yet (the database sees to that). A post
# is prepared while it waits, under a claim. It says nothing of the status, which an outcome changes.
_STANDS_IN_LINE = Q(reason="") & (Q(claim_id__isnull=True) | Q(account__isnull=False))
# What has no outcome yet, in the words of the index that finds it: of mails what waits (`waits`, `waiting_of`) and what
# claims have in hand (models.line.held).
UNSETTLED = Q(status=DeliveryStatus.PENDING) & _STANDS_IN_LINE

# How long after the end of a message, or the beginning of one that was cancelled, what a lane hands back is looked for:
# seconds as a rule, weeks where a dead lane's journal comes to light late. Later it stands in the receipt.
LOOKED_FOR = timedelta(days=30)


class Delivery(ScopedModel):
    """One message to one recipient. Holds no address: erasing a person leaves the receipt equal.

    A mail in a claim's hands still says `pending`: its place in the line tells (models.line). `claim_id` names a post's
    claim, and of a mail the claim under which it became uncertain or failed; whoever makes a delivery wait again takes
    it off. `attempts` counts starts, not claims. `choices` are bits that say which parts of the mail it shows
    (see audience.aims). Each index costs at every freeze, so there are few. None has a column in it that an accepted
    mail changes, not even in its condition: so PostgreSQL writes that outcome beside the row, in room that the table's
    fillfactor leaves, and touches no index. Each foreign key costs the freeze as much as the row itself, so the
    database keeps none: a subscriber or subscription that is gone reads as erased. Whoever wants one subscriber's
    deliveries calls `deliveries_to`.
    """

    organisation_path = "message__campaign__organisation"
    message = models.ForeignKey(Message, models.PROTECT, related_name="deliveries", db_index=False, db_constraint=False)
    subscriber = models.ForeignKey(
        Subscriber, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    subscription = models.ForeignKey(
        Subscription, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="deliveries", db_index=False, db_constraint=False
    )
    domain = models.CharField(max_length=255, blank=True)
    choices = models.BigIntegerField(default=0, db_default=0)
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    reason = models.CharField(max_length=30, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    strikes = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claim_id = models.UUIDField(null=True)
    reply_code = models.PositiveSmallIntegerField(null=True)
    last_error = models.JSONField(default=dict)
    first_started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "subscriber"], name="delivery_once"),
            models.UniqueConstraint(
                fields=["account", "message"], condition=Q(account__isnull=False), name="delivery_account_once"
            ),
            models.CheckConstraint(
                condition=~Q(status=DeliveryStatus.PENDING) | _STANDS_IN_LINE, name="delivery_waits_in_no_hands"
            ),
            # What a lane of older code would write, which knows nothing of lines, and claims what others have in hand.
            models.CheckConstraint(
                condition=~Q(status=DeliveryStatus.SENDING) | Q(account__isnull=False),
                name="delivery_sending_is_a_post",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["message", "due_at", "id"], condition=_STANDS_IN_LINE, name="delivery_pending"),
            models.Index(fields=["claim_id"], condition=Q(claim_id__isnull=False), name="delivery_claim"),
            models.Index(fields=["due_at"], condition=Q(account__isnull=False), name="delivery_post"),
        ]


def deliveries_to(subscriber: Subscriber) -> models.QuerySet[Delivery]:
    """All that was ever sent to a subscriber: found message by message, through the index that keeps one to each."""
    return Delivery.objects.filter(message__newsletter__organisation=subscriber.organisation_id, subscriber=subscriber)


def waits(so: bool, **which: object) -> IsNull:
    """For a filter over messages: whether (`so`, or not) any delivery of theirs waits, of those `which`.

    It asks for the first one beyond what is claimed, which PostgreSQL looks up by the index, message by message. Asked
    by EXISTS it may join instead, and read the whole table where its statistics are older than the last minute's mails.
    """
    unclaimed = beyond(models.OuterRef("claimed_due_at"), models.OuterRef("claimed_id"))
    waiting = Delivery.objects.filter(UNSETTLED, unclaimed, message=models.OuterRef("pk"), **which)
    return IsNull(models.Subquery(waiting.order_by("due_at", "pk").values("pk")[:1]), not so)


def waiting_of(message_id: int) -> models.QuerySet[Delivery]:
    """All that waits of a message, and stays so until the end of this transaction: its line is locked."""
    claimed = _lock_line(message_id)
    return Delivery.objects.filter(UNSETTLED, beyond(*claimed), message=message_id)


def _lock_line(message_id: int) -> Place:
    """The last place of the line that is claimed, which no other transaction moves until the end of this one."""
    hold_briefly()
    message = Message.objects.select_for_update(no_key=True).only("claimed_due_at", "claimed_id").get(pk=message_id)
    return Place(message.claimed_due_at, message.claimed_id)


def orphans_of(message_id: int) -> models.QuerySet[Delivery]:
    """Mails up to where the line is claimed that have no outcome; where no claim has any in hand, they are nobody's."""
    return Delivery.objects.filter(UNSETTLED, ~Q(beyond(*_lock_line(message_id))), message=message_id, account=None)


def place_again(message_id: int) -> datetime:
    """The earliest time at which a mail of the message may wait again; its line is locked, so that this stays true."""
    return _lock_line(message_id).due_at + timedelta(microseconds=1)


class PostPart(ScopedModel):
    """One public call of a post. Each step is stored before its call; `prepared` is what `commit` needs.

    `text` and `link` are what was approved, as the platform gets it.
    """

    organisation_path = "delivery__message__campaign__organisation"
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField(default=0)
    step = models.CharField(max_length=10, choices=PartStep.choices, default=PartStep.WAITING)
    key = models.CharField(max_length=100)
    text = models.TextField()
    link = models.URLField(max_length=1200, blank=True, db_default="")
    prepared = models.JSONField(default=dict)
    prepared_at = models.DateTimeField(null=True)
    first_commit_at = models.DateTimeField(null=True)
    remote_id = models.CharField(max_length=300, blank=True)
    permalink = models.URLField(max_length=500, blank=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["delivery", "position"], name="part_once")]
        indexes: ClassVar = [
            models.Index(fields=["delivery"], condition=Q(step__in=["waiting", "preparing"]), name="part_unprepared"),
            models.Index(fields=["published_at"], condition=Q(step="committed"), name="part_committed"),
            models.Index(fields=["published_at"], name="part_published"),
        ]


class LaneSlot(models.Model):
    """The right to run one lane: taken and renewed by conditional UPDATE. `number` counts from 1 within `kind`."""

    kind = models.CharField(max_length=10)
    number = models.PositiveSmallIntegerField()
    run_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "number"], name="lane_slot_once")]


class Claim(models.Model):
    """A batch of deliveries that one run of a lane took. Deleted when each of them has its outcome.

    `journal` is the file's name in that host's journal folder; `boot_id` tells whether the host was restarted since.
    The last four columns are a mail claim's stretch of its message's line; a post's claim has none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    run_id = models.UUIDField(db_index=True)
    message = models.ForeignKey(Message, models.CASCADE, related_name="claims")
    host = models.CharField(max_length=120)
    boot_id = models.CharField(max_length=64)
    journal = models.CharField(max_length=120)
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    after_due_at = models.DateTimeField(null=True)
    after_id = models.BigIntegerField(null=True)
    last_due_at = models.DateTimeField(null=True)
    last_id = models.BigIntegerField(null=True)


def being_sent(*, path: str = "") -> Q:
    """For a filter over deliveries, or what leads to one by `path` ("delivery__"): whether a claim has it in hand."""
    claimed_due_at, claimed_id = F(f"{path}message__claimed_due_at"), F(f"{path}message__claimed_id")
    no_outcome, waits = Q(**{f"{path}status": DeliveryStatus.PENDING}), Q(beyond(claimed_due_at, claimed_id, path=path))
    return Q(**{f"{path}status": DeliveryStatus.SENDING}) | no_outcome & ~waits


def status_now() -> Case:
    """A delivery's status as it is counted: a mail in a claim's hands is `sending`, whatever its row says."""
    return Case(When(being_sent(), then=Value(DeliveryStatus.SENDING.value)), default=F("status"))


class DeliveryCount(models.Model):
    """Live figures: deliveries of a message by status, kept per lane so that lanes do not wait for each other.

    One lane's figure may be negative (it moved what another counted); the sum over lanes is the count.
    """

    message = models.ForeignKey(Message, models.CASCADE, related_name="counts")
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices)
    lane = models.PositiveSmallIntegerField(default=0)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "status", "lane"], name="count_once")]


class TransportHealth(models.Model):
    """Whether a transport answers: while `paused_until` is ahead, no lane opens a connection."""

    kind = models.CharField(max_length=20, unique=True)
    paused_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)


class Destination(models.Model):
    """Where mail goes (a domain, or one name for all domains of a big provider) that asked us to slow down.

    Until `rest_until` nothing is sent there, then little, then more. `rests` counts rests that followed each other.
    """

    name = models.CharField(max_length=255, unique=True)
    rest_until = models.DateTimeField()
    rests = models.PositiveSmallIntegerField(default=0)
    last_error = models.JSONField(default=dict)


class WarmupDay(models.Model):
    """A day of a sender domain's warm-up: what had been sent of it before, so that the day's own number is known."""

    domain = models.CharField(max_length=255)
    day = models.DateField()
    before = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["domain", "day"], name="warmup_day_once")]


class Notice(ScopedModel):
    """A transactional mail of ours, with the same claim and outcome as a delivery and a queue of its own."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    user = models.ForeignKey(User, models.CASCADE, null=True)
    address = models.EmailField(blank=True)
    subject_kind = models.CharField(max_length=30, blank=True)
    subject_id = models.BigIntegerField(null=True)
    explanation = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_error = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], condition=Q(status="pending"), name="notice_due")]


# One trouble seldom comes alone: what else is found of the same send-out by then goes into the same mail.
GATHERED_FOR = timedelta(seconds=20)


def alert_due() -> datetime:
    """When an alert that is written now leaves."""
    return timezone.now() + GATHERED_FOR


# So often an event could not be applied that somebody must look: for over an hour, so it is no passing trouble.
TRIES_TOLD = 4
EVENT_IN_TROUBLE = Q(applied_at=None, attempts__gte=TRIES_TOLD)


class Event(ScopedModel):
    """A fact that came back from outside (django-anymail's words); kept once per (source, event id).

    Stored first, `applied_at` later; what fails is tried again at `due_at`, for ever, and `attempts` says how often it
    was. Without a delivery the keyed hash of the recipient finds it. `is_certain`: it carried something that only our
    mail could tell; what anybody could have written weighs less.
    """

    organisation_path = "delivery__message__campaign__organisation"
    delivery = models.ForeignKey(Delivery, models.CASCADE, null=True, related_name="events")
    source = models.CharField(max_length=20)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    bounce = models.CharField(max_length=15, choices=BounceClass.choices, blank=True)
    address_key = models.CharField(max_length=64, blank=True)
    is_certain = models.BooleanField(default=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
    kept_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "event_id"], name="event_once")]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(applied_at=None), name="event_waiting"),
            models.Index(fields=["kept_at"], condition=~Q(bounce=""), name="event_bounce"),
        ]


class Heartbeat(models.Model):
    """When a process last did its work (beat's tick, each worker): what doctor and the page read."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
