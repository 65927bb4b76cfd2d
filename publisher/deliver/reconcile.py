"""Reconciling posts: an uncertain one is repeated with its key where that is harmless, else looked for, else left to a
person; a published one is read back once more for its permalink."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from publisher.accounts.renewal import with_access
from publisher.accounts.settings import platform_of
from publisher.deliver import looks, outcome
from publisher.deliver.post import PUBLIC, account_of, adopt, plan_of, taken_ids
from publisher.deliver.post_claim import ClaimLostError, PostClaim, store_step, take
from publisher.deliver.post_trouble import tell_unconfirmed
from publisher.errors import OpslagError, ThrottledError
from publisher.models import Claim, Delivery, Message, PostPart
from publisher.models.counting import COMMON_LANE
from publisher.models.probe import Moment
from publisher.platforms.contract import Post, Published
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import DeliveryStatus, MessageStatus, PartStep

# Pauses between looks at an uncertain post; after the last one only a person can tell. Also between tries to read a
# published one back, after which it stays as it is.
LOOKS_S = (5, 30, 120, 600, 1800)
LEASE = timedelta(minutes=3)
_READ_BACK_FOR = timedelta(hours=1)
_LOOKED_AT_FOR = timedelta(days=7)


def uncertain(now: Moment) -> QuerySet[Delivery]:
    """Uncertain posts that should be looked at now; after a week only a person can tell."""
    posts = Delivery.objects.filter(looks.LET_IN, due_at__lte=now, due_at__gt=now - _LOOKED_AT_FOR)
    return posts.filter(status=DeliveryStatus.UNCERTAIN, strikes__lte=len(LOOKS_S))


def to_reconcile(now: datetime) -> list[int]:
    """Some of the `uncertain`."""
    return list(uncertain(now).values_list("pk", flat=True)[:50])


def unconfirmed(now: Moment) -> QuerySet[PostPart]:
    """Published parts that were not read back yet and should be looked at now.

    Once a post is sent, its delivery's `due_at` and `strikes` are the next look and the looks made in vain.
    """
    fresh = PostPart.objects.filter(
        step=PartStep.COMMITTED,
        published_at__gt=now - _READ_BACK_FOR,
        delivery__status=DeliveryStatus.SENT,
        delivery__due_at__lte=now,
        delivery__strikes__lt=len(LOOKS_S),
    )
    # Where a person said that it was sent, there is no id to ask for.
    return fresh.exclude(remote_id="")


def to_confirm(now: datetime) -> list[int]:
    """Some of the `unconfirmed`."""
    return list(unconfirmed(now).values_list("pk", flat=True)[:50])


def reconcile(delivery_id: int) -> bool:
    """Look at one uncertain post; true if it is now known to be public. Meanwhile nobody can decide about it.

    A thread of which only the beginning was in doubt goes on where it stopped.
    """
    now = timezone.now()
    due = Delivery.objects.filter(status=DeliveryStatus.UNCERTAIN, due_at__lte=now)
    mine = take(delivery_id, due, DeliveryStatus.UNCERTAIN, LEASE, due_at=now + LEASE)
    if mine is None:
        return False
    delivery = Delivery.objects.select_related("message__campaign", "account").get(pk=delivery_id)
    try:
        known = all(_look(delivery, part, mine) for part in delivery.parts.filter(step=PartStep.COMMITTING))
    except ThrottledError as error:
        return _look_again(delivery, mine, error)
    except OpslagError as error:
        if looks.is_barred(account_of(delivery), error):
            return _look_again(delivery, mine, barred=True)
        # Even a refusal proves nothing about the first attempt, whose answer was lost.
        known = False
    except ClaimLostError:
        return False
    return _conclude(delivery, mine) if known else _look_again(delivery, mine)


def _look(delivery: Delivery, part: PostPart, mine: PostClaim) -> bool:
    if part.first_commit_at is None:
        return False
    platform, post = plan_of(delivery, part)
    post = replace(post, taken=taken_ids(delivery, part))
    account, since = account_of(delivery), part.first_commit_at
    repeatable = platform.repeats_safely(account.facts, post) and _may_leave(delivery)
    found = None
    if repeatable and timezone.now() - since < platform.repeat_safe_for(account.facts):
        # A server that knows the key may say so with an error (mastodon#40399): then the post is looked for.
        with contextlib.suppress(OpslagError):
            found = with_access(account, lambda config: _commit_again(config, post, part, mine))
    if found is not None and found.earlier and found.remote_id in post.taken:
        # It compared the texts, and names the post of another send-out.
        return False
    if found is None and not _has_a_twin(delivery, part):
        found = with_access(account, lambda config: platform.find(config, account.facts, post, since))
    if found is None:
        return False
    adopt(part, found, mine)
    return True


def _may_leave(delivery: Delivery) -> bool:
    """Whether nothing was stopped, cancelled or withdrawn since: a repeat may be the first that gets through."""
    message = Message.objects.filter(pk=delivery.message_id, withdrawn_at=None).exclude(status=MessageStatus.CANCELLED)
    return not_stopped(message).exists()


def _commit_again(config: object, post: Post, part: PostPart, mine: PostClaim) -> Published:
    account = account_of(part.delivery)
    with mine.one_call():
        return platform_of(account).commit(config, account.facts, post, part.prepared)


def _has_a_twin(delivery: Delivery, part: PostPart) -> bool:
    """Whether the same words are under way to the channel in another post: nobody could say whose a found one is."""
    alike = PostPart.objects.filter(delivery__account=delivery.account_id, text=part.text, link=part.link)
    return alike.filter(step=PartStep.COMMITTING, position=part.position).exclude(pk=part.pk).exists()


def _conclude(delivery: Delivery, mine: PostClaim) -> bool:
    now = timezone.now()
    with transaction.atomic():
        # In the order in which `take` locks them.
        message = Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
        # Of a withdrawn send-out nothing more goes out.
        whole = message.withdrawn_at is not None or not delivery.parts.exclude(step__in=PUBLIC).exists()
        ended = outcome.sent(delivery.pk, 200, now) if whole else outcome.handed_back(delivery.pk, now)
        found = [replace(ended, due_at=now)]
        stored = outcome.store(mine.claim_id, delivery.message_id, COMMON_LANE, found, was=DeliveryStatus.UNCERTAIN)
        if stored:
            Delivery.objects.filter(pk=delivery.pk).update(strikes=0)
        if stored and not whole and message.status == MessageStatus.FINISHED:
            # While all of it was in doubt there was nothing left to do for it.
            Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING, finished_at=None)
        Claim.objects.filter(pk=mine.claim_id).delete()
    return whole and bool(stored)


def _look_again(
    delivery: Delivery, mine: PostClaim, throttled: ThrottledError | None = None, *, barred: bool = False
) -> bool:
    """Later; to be asked to wait, or not to be let in, is no look. After the last one a person is asked."""
    pauses_s = looks.pauses_of(account_of(delivery)) or LOOKS_S
    pause_s = pauses_s[min(delivery.strikes, len(pauses_s)) - 1] if throttled is None else throttled.retry_after
    no_look = throttled is not None or barred
    made = delivery.strikes - no_look
    with transaction.atomic():
        ours = Delivery.objects.filter(pk=delivery.pk, claim_id=mine.claim_id, status=DeliveryStatus.UNCERTAIN)
        due_at = timezone.now() + timedelta(seconds=0 if barred else pause_s)
        if ours.update(due_at=due_at, strikes=made) and not no_look and made == looks.asked_after(pauses_s):
            tell_unconfirmed(delivery)
        Claim.objects.filter(pk=mine.claim_id).delete()
    return False


def confirm(part_id: int) -> bool:
    """Read one published part back; a failure is no harm, a few later looks try again."""
    now = timezone.now()
    part = PostPart.objects.select_related("delivery__account").filter(pk=part_id, step=PartStep.COMMITTED).first()
    if part is None or part.delivery.strikes >= len(LOOKS_S):
        return False
    looks = part.delivery.strikes
    mine = Delivery.objects.filter(pk=part.delivery_id, status=DeliveryStatus.SENT, strikes=looks, due_at__lte=now)
    # Moving `due_at` is the claim: whoever moved it looks, others find it not due.
    if not mine.update(due_at=now + timedelta(seconds=LOOKS_S[looks]), strikes=F("strikes") + 1):
        return False
    return _read_back(part)


def _read_back(part: PostPart) -> bool:
    account = account_of(part.delivery)
    published = Published(part.remote_id, part.permalink)
    try:
        platform = platform_of(account)
        seen = with_access(account, lambda config: platform.confirm(config, account.facts, published))
        permalink = seen.permalink or part.permalink
        store_step(part, PartStep.CONFIRMED, remote_id=seen.remote_id, permalink=permalink)
    except (OpslagError, ClaimLostError):
        return False
    # A thread's next part has its own looks, from now on.
    sent = Delivery.objects.filter(pk=part.delivery_id, status=DeliveryStatus.SENT)
    sent.update(due_at=timezone.now(), strikes=0)
    return True
