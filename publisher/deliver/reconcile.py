"""Reconciling posts: an uncertain one is repeated with its key where that is harmless, else looked for, else left to a
person; a published one is read back once more for its permalink."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from publisher.accounts.renewal import with_access
from publisher.accounts.settings import platform_of
from publisher.accounts.waiting import heed, waiting
from publisher.deliver import looks, outcome
from publisher.deliver.evidence import (
    ANYBODYS,
    ASKED_FOR_OTHER,
    LOOKED_FOR,
    REPEATED,
    note_answer,
    note_handed_over,
    of_search,
)
from publisher.deliver.post import ALIKE_WITHIN, account_of, adopt, plan_of, taken_ids
from publisher.deliver.post_claim import ClaimLostError, PostClaim, store_step, take
from publisher.deliver.post_trouble import refused_as_same, tell_failed, tell_unconfirmed
from publisher.deliver.server_room import first_of_each
from publisher.errors import Explanation, OpslagError, ThrottledError
from publisher.models import Claim, Delivery, Message, PostPart
from publisher.models.counting import COMMON_LANE
from publisher.models.line import hold_briefly
from publisher.models.probe import Moment
from publisher.platforms.contract import Missing, Platform, Post, Published
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import PUBLIC_STEPS, DeliveryStatus, MessageStatus, PartStep, Reason

# Pauses between looks at an uncertain post; after the last one only a person can tell. Also between tries to read a
# published one back, after which it stays as it is.
LOOKS_S = (5, 30, 120, 600, 1800)
# What `strikes` of an uncertain post says, which else counts its looks, once a person was told.
_TOLD = len(LOOKS_S) + 2
LEASE = timedelta(minutes=3)
_Answer = TypeVar("_Answer", bound=Published | Missing | None)
# Between two of our own machines.
_CLOCKS_DIFFER = timedelta(seconds=30)
_READ_BACK_FOR = timedelta(hours=1)
_LOOKED_AT_FOR = timedelta(days=7)
_AT_ONCE = 50


def uncertain(now: Moment) -> QuerySet[Delivery]:
    """Uncertain posts that should be looked at now; after a week only a person can tell.

    Among them those whose worker died over the last look: of these a person is still to be told.
    """
    posts = Delivery.objects.filter(looks.LET_IN, due_at__lte=now, due_at__gt=now - _LOOKED_AT_FOR)
    found = posts.filter(status=DeliveryStatus.UNCERTAIN, strikes__lt=_TOLD)
    return found.exclude(waiting(now))


def to_reconcile(now: datetime) -> list[int]:
    """Some of the `uncertain`."""
    return first_of_each(uncertain(now), "account", "due_at", "pk", most=_AT_ONCE)


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
    return fresh.exclude(remote_id="").exclude(waiting(now, account="delivery__account"))


def to_confirm(now: datetime) -> list[int]:
    """Some of the `unconfirmed`."""
    return first_of_each(unconfirmed(now), "delivery__account", "delivery__due_at", "pk", most=_AT_ONCE)


def reconcile(delivery_id: int) -> bool:
    """Look at one uncertain post; true if it is now known to be public. Meanwhile nobody can decide about it.

    A thread of which only the beginning was in doubt goes on where it stopped.
    """
    now = timezone.now()
    due = Delivery.objects.filter(status=DeliveryStatus.UNCERTAIN, due_at__lte=now, strikes__lt=_TOLD)
    mine = take(delivery_id, due, DeliveryStatus.UNCERTAIN, LEASE, due_at=now + LEASE)
    if mine is None:
        return False
    delivery = Delivery.objects.select_related("message__campaign", "account").get(pk=delivery_id)
    if delivery.strikes >= _TOLD:
        return _look_again(delivery, mine)
    try:
        known = all(_look(delivery, part, mine) for part in delivery.parts.filter(step=PartStep.COMMITTING))
    except _SameWordsError as error:
        return _conclude_refused(delivery, error.part, mine)
    except ThrottledError as error:
        heed(account_of(delivery), error)
        return _look_again(delivery, mine, error)
    except OpslagError as error:
        if looks.is_barred(account_of(delivery), error):
            return _look_again(delivery, mine, barred=True)
        # Even a refusal proves nothing about the first attempt, whose answer was lost.
        known = False
    except ClaimLostError:
        return False
    return conclude(delivery, mine) if known else _look_again(delivery, mine)


class _SameWordsError(Exception):
    """The platform surely did not take the part, since it has the same words from another post of ours."""

    def __init__(self, part: PostPart) -> None:
        super().__init__()
        self.part = part


def _look(delivery: Delivery, part: PostPart, mine: PostClaim) -> bool:
    if part.first_commit_at is None:
        return False
    note_handed_over(delivery, account_of(delivery), part)
    _platform, post = plan_of(delivery, part)
    post = replace(post, taken=taken_ids(delivery, part))
    found: Published | Missing | None = None
    if _may_be_repeated(delivery, part, post):
        # A server that knows the key may say so with an error (mastodon#40399): then the post is looked for.
        with contextlib.suppress(OpslagError):
            found = _asked(delivery, REPEATED, lambda _platform, config: _commit_again(config, post, part, mine))
    # It compared the texts, and names the post of another send-out.
    is_anothers = isinstance(found, Published) and found.earlier and found.remote_id in post.taken
    if not isinstance(found, Published) or is_anothers:
        found = _search(delivery, part, post, part.first_commit_at)
    if isinstance(found, Published):
        adopt(part, found, mine)
        return True
    if is_anothers or (delivery.reason == Reason.DUPLICATE and _stands_elsewhere(delivery, part)):
        raise _SameWordsError(part)
    return False


def _asked(delivery: Delivery, msgid: str, question: Callable[[Platform, Any], _Answer]) -> _Answer:
    """Ask the platform, and keep what it said. Raises what `question` raises."""
    account = account_of(delivery)
    platform = platform_of(account)
    try:
        found = with_access(account, lambda config: question(platform, config))
    except OpslagError as error:
        note_answer(delivery, account, msgid, error.explanation)
        raise
    note_answer(delivery, account, msgid, of_search(found))
    return found


def _may_be_repeated(delivery: Delivery, part: PostPart, post: Post) -> bool:
    account = account_of(delivery)
    platform = platform_of(account)
    if part.first_commit_at is None or not (platform.repeats_safely(account.facts, post) and _may_leave(delivery)):
        return False
    # A clock that was put back says nothing about how long ago that was.
    ago = timezone.now() - part.first_commit_at + _CLOCKS_DIFFER
    return timedelta() <= ago < platform.repeat_safe_for(account.facts)


def _search(delivery: Delivery, part: PostPart, post: Post, since: datetime) -> Published | Missing | None:
    """Ask for it among the account's own posts, where they can be read."""
    account = account_of(delivery)
    if not platform_of(account).abilities(account.facts).finds:
        return None
    found = _asked(delivery, LOOKED_FOR, lambda platform, config: platform.find(config, account.facts, post, since))
    # Asked afterwards: whatever was to be seen had its step stored before.
    if isinstance(found, Published) and (_has_a_twin(delivery, part) or found.remote_id in taken_ids(delivery, part)):
        note_answer(delivery, account, ANYBODYS, Explanation(""))
        return None
    return found


def _stands_elsewhere(delivery: Delivery, part: PostPart) -> bool:
    """Whether another post of ours with the same words is read back on the channel: then that one was meant."""
    alike = PostPart.objects.filter(delivery__account=delivery.account_id, text=part.text, link=part.link)
    known = alike.filter(step__in=PUBLIC_STEPS).exclude(pk=part.pk).exclude(remote_id="")
    other = known.order_by("-published_at").first()
    if other is None:
        return False
    facts, published = account_of(delivery).facts, Published(other.remote_id, other.permalink)
    _asked(delivery, ASKED_FOR_OTHER, lambda platform, config: platform.confirm(config, facts, published))
    return True


def _may_leave(delivery: Delivery) -> bool:
    """Whether nothing was stopped, held, cancelled or withdrawn since: a repeat may be the first that gets through."""
    going = (MessageStatus.SENDING, MessageStatus.FINISHED)
    return not_stopped(Message.objects.filter(pk=delivery.message_id, withdrawn_at=None, status__in=going)).exists()


def _commit_again(config: object, post: Post, part: PostPart, mine: PostClaim) -> Published:
    account = account_of(part.delivery)
    with mine.one_call():
        return platform_of(account).commit(config, account.facts, post, part.prepared)


def _has_a_twin(delivery: Delivery, part: PostPart) -> bool:
    """Whether the same words are under way to the channel in another post, or were at that time and nobody knows as
    which post: then nobody could say whose a found one is."""
    assert part.first_commit_at is not None
    alike = PostPart.objects.filter(delivery__account=delivery.account_id, text=part.text, link=part.link)
    at_that_time = Q(first_commit_at__gt=part.first_commit_at - ALIKE_WITHIN)
    in_hand = Q(step=PartStep.COMMITTING, delivery__status=DeliveryStatus.SENDING)
    unknown = at_that_time & (Q(step=PartStep.COMMITTING) | Q(step__in=PUBLIC_STEPS, remote_id=""))
    return alike.filter(in_hand | unknown, position=part.position).exclude(pk=part.pk).exists()


def conclude(delivery: Delivery, mine: PostClaim) -> bool:
    """All that was in doubt is known to be public: it is sent, or goes on with its next part. True if it is sent."""
    now = timezone.now()
    with transaction.atomic():
        hold_briefly()
        # In the order in which `take` locks them.
        message = Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
        # Of a withdrawn send-out nothing more goes out.
        whole = message.withdrawn_at is not None or not delivery.parts.exclude(step__in=PUBLIC_STEPS).exists()
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


def _conclude_refused(delivery: Delivery, part: PostPart, mine: PostClaim) -> bool:
    """It surely is not public, and would be refused again."""
    words = refused_as_same(account_of(delivery)).explanation.as_json()
    now = timezone.now()
    ended = outcome.Outcome(
        delivery.pk, DeliveryStatus.FAILED, now, Reason.REJECTED, error=words, due_at=now, started=False
    )
    with contextlib.suppress(ClaimLostError), transaction.atomic():
        hold_briefly()
        # In the order in which `take` locks them.
        Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
        mine.step(part, PartStep.PREPARED)
        outcome.store(mine.claim_id, delivery.message_id, COMMON_LANE, [ended], was=DeliveryStatus.UNCERTAIN)
        Delivery.objects.filter(pk=delivery.pk).update(strikes=0)
        tell_failed(delivery, words)
        Claim.objects.filter(pk=mine.claim_id).delete()
    return False


def _look_again(
    delivery: Delivery, mine: PostClaim, throttled: ThrottledError | None = None, *, barred: bool = False
) -> bool:
    """Later; to be asked to wait, or not to be let in, is no look. A person is asked in between or after the last."""
    pauses_s = looks.pauses_of(account_of(delivery)) or LOOKS_S
    pause_s = pauses_s[min(delivery.strikes, len(pauses_s)) - 1] if throttled is None else throttled.retry_after
    no_look = throttled is not None or barred
    made = delivery.strikes - no_look
    was_last = made > len(LOOKS_S)
    is_told = not no_look and (was_last or made == looks.asked_after(pauses_s))
    with transaction.atomic():
        hold_briefly()
        ours = Delivery.objects.filter(pk=delivery.pk, claim_id=mine.claim_id, status=DeliveryStatus.UNCERTAIN)
        due_at = timezone.now() + timedelta(seconds=0 if barred else pause_s)
        if ours.update(due_at=due_at, strikes=_TOLD if was_last else made) and is_told:
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
