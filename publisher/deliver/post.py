"""Posts: prepare → commit → confirm, each step stored before its call, so that nothing becomes public twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers, notify_other_approvers
from publisher.accounts.refusal import refused
from publisher.accounts.renewal import fresh_config, renewed, wants_renewal, with_access
from publisher.accounts.settings import platform_of
from publisher.accounts.waiting import check_uploads, heed, waiting
from publisher.address_guard import time_limit
from publisher.compose.social import follow_up_of, post_of
from publisher.deliver import outcome, post_statements, post_trouble
from publisher.deliver.post_claim import MARGIN, ClaimLostError, NotNowError, PostClaim, take_to_publish
from publisher.deliver.server_room import first_of_each
from publisher.errors import (
    AccountError,
    Explanation,
    OpslagError,
    PermanentError,
    ThrottledError,
    TokenExpiredError,
    TransientError,
    UncertainError,
)
from publisher.models import Account, Claim, Delivery, Message, PostPart
from publisher.models.counting import COMMON_LANE
from publisher.models.line import hold_briefly
from publisher.models.probe import Moment
from publisher.platforms.contract import Platform, Post, Published
from publisher.schedule import dispatch
from publisher.schedule.stops import not_stopped
from publisher.vocabulary import (
    PUBLIC_STEPS,
    AccountStatus,
    Calls,
    DeliveryStatus,
    HoldReason,
    MessageStatus,
    Outlet,
    PartStep,
    Reason,
)

# Uploads expire at the platforms, so nothing is prepared earlier than this before it is due.
AHEAD = timedelta(minutes=10)
# The pause after a first failure ahead of time.
FIRST_PAUSE = timedelta(seconds=15)
# A commit call takes at most 60 s (post_claim.CALL); whoever holds a claim longer than this is dead.
COMMIT_LEASE = timedelta(seconds=120)
# An album's pictures, where nothing was uploaded ahead.
UPLOAD_LEASE = timedelta(minutes=6)
# Longer than any platform compares a post with the ones before it, and than its clock may differ from ours.
ALIKE_WITHIN = timedelta(hours=1)
_AT_ONCE = 100

# In words that only the index of posts has: that of the lines holds all mails that were ever sent.
_WAITING = Q(status=DeliveryStatus.PENDING, account__isnull=False)


def unprepared(now: Moment) -> QuerySet[Delivery]:
    """Posts whose uploads should be made now: deliveries of scheduled messages due within ten minutes."""
    # A free row with a lease ahead failed a while ago and is left alone until then (see _put_off).
    free = Q(message__lease_until=None) | Q(message__lease_until__lt=now)
    found = Delivery.objects.filter(
        free,
        _WAITING,
        message__outlet=Outlet.POST,
        message__status=MessageStatus.SCHEDULED,
        message__scheduled_at__lte=now + AHEAD,
        due_at__lte=now + AHEAD,
        # What follows the first part names its id, which is not there yet.
        parts__position=0,
        parts__step__in=(PartStep.WAITING, PartStep.PREPARING),
    )
    return found.exclude(waiting(now, Calls.POSTS, Calls.UPLOADS))


def to_prepare(now: datetime) -> list[int]:
    """Some of the `unprepared`, each once."""
    return first_of_each(unprepared(now), "account", "due_at", "pk", most=_AT_ONCE)


def due(now: Moment, sending: QuerySet[Message] | None = None) -> QuerySet[Delivery]:
    """Posts whose instant has come and whose account may publish, stopped or not; or those of `sending`."""
    messages = _in_sending() if sending is None else sending
    found = Delivery.objects.filter(_WAITING, message__in=messages, due_at__lte=now)
    return found.exclude(waiting(now, Calls.POSTS))


def to_publish(now: datetime) -> list[int]:
    """Posts that should become public now."""
    wanted = due(now, not_stopped(_in_sending()))
    return first_of_each(wanted, "account", "due_at", "pk", most=_AT_ONCE)


def _in_sending() -> QuerySet[Message]:
    return Message.objects.filter(status=MessageStatus.SENDING, outlet=Outlet.POST, withdrawn_at=None)


def prepare(delivery_id: int) -> bool:
    """Do ahead what is not yet public; true if that is done. `publish` takes over from it at the due instant.

    After a failure there is another try later, or the due instant's own; a channel that refuses us is reported now.
    A worker that dies here leaves its strike.
    """
    delivery = _load(delivery_id)
    message = dispatch.take(delivery.message_id, timezone.now(), MessageStatus.SCHEDULED)
    if message is None or message.claim_id is None:
        return False
    if message.strikes > dispatch.STRIKES_ALLOWED:
        stopped = Explanation(gettext_noop("Preparing this post stopped the worker three times; change its content."))
        dispatch.hold(message, HoldReason.WORKER_KILLED, stopped, frm=MessageStatus.SCHEDULED)
        return False
    mine = PostClaim(delivery_id, message.claim_id, DeliveryStatus.PENDING)
    Delivery.objects.filter(pk=delivery_id, status=DeliveryStatus.PENDING).update(claim_id=mine.claim_id)
    try:
        for part in delivery.parts.filter(position=0):
            _prepare_part(delivery, part, mine)
    except OpslagError as error:
        _put_off(delivery, message, error)
        return False
    except ClaimLostError:
        dispatch.let_go(message, done=True)
        return False
    dispatch.let_go(message, done=True)
    return True


def _put_off(delivery: Delivery, message: Message, error: OpslagError) -> None:
    """The worker is alive, so no strike stays; the row says why, and from when on another try may be made ahead."""
    words, now = error.explanation.as_json(), timezone.now()
    if isinstance(error, ThrottledError):
        heed(account_of(delivery), error)
    Delivery.objects.filter(pk=delivery.pk, claim_id=message.claim_id).update(last_error=words)
    if isinstance(error, AccountError) and _hold_for_account(delivery, error, frm=MessageStatus.SCHEDULED):
        return
    Message.objects.filter(pk=message.pk, claim_id=message.claim_id).update(
        claim_id=None, lease_until=_next_try(message, error, now), strikes=0
    )


def _next_try(message: Message, error: OpslagError, now: datetime) -> datetime:
    """When to prepare again: as asked, else after as long again as has been tried, so that the pauses double."""
    assert message.scheduled_at is not None
    if isinstance(error, PermanentError):
        return message.scheduled_at
    if isinstance(error, TransientError) and error.retry_after is not None:
        return now + timedelta(seconds=max(error.retry_after, FIRST_PAUSE.total_seconds()))
    began = max(message.scheduled_at - AHEAD, message.campaign.approved_at or message.scheduled_at - AHEAD)
    return now + max(now - began, FIRST_PAUSE)


def publish(delivery_id: int) -> DeliveryStatus | None:
    """Claim the delivery and make its parts public in order; answers the outcome.

    None if it was not to be had, or was lost on the way: then somebody else gives it its outcome.
    """
    mine = take_to_publish(delivery_id, COMMIT_LEASE)
    if mine is None:
        return None
    delivery = _load(delivery_id)
    try:
        for part in delivery.parts.all():
            _publish_part(delivery, part, mine)
    except OpslagError as error:
        return _failed(delivery, mine, error)
    except ClaimLostError:
        return None
    except NotNowError:
        return _end(delivery, mine, outcome.handed_back(delivery_id, timezone.now()))
    return DeliveryStatus.SENT if post_statements.sent(delivery_id, mine.claim_id, timezone.now()) else None


def _load(delivery_id: int) -> Delivery:
    """The post with all but its parts that it takes to publish it."""
    delivery = Delivery.objects.select_related("message__campaign", "account").get(pk=delivery_id)
    delivery.message.account = delivery.account
    return delivery


def account_of(delivery: Delivery) -> Account:
    """The account that the post goes to."""
    assert delivery.account is not None
    return delivery.account


def plan_of(delivery: Delivery, part: PostPart) -> tuple[Platform, Post]:
    """The plug-in and the frozen content of one part."""
    return platform_of(account_of(delivery)), _content(delivery, part)


def taken_ids(delivery: Delivery, part: PostPart) -> frozenset[str]:
    """Remote ids of the account's other posts since shortly before the part's first call: what is alike is not it."""
    since = (part.first_commit_at or timezone.now()) - ALIKE_WITHIN
    others = PostPart.objects.filter(delivery__account=delivery.account_id, published_at__gt=since)
    return frozenset(others.exclude(pk=part.pk).exclude(remote_id="").values_list("remote_id", flat=True))


def _content(delivery: Delivery, part: PostPart) -> Post:
    if not part.position:
        return post_of(delivery.message, key=part.key, text=part.text, link=part.link)
    before = {each.position: each.remote_id for each in delivery.parts.filter(position__lt=part.position)}
    follows, first = before[part.position - 1], before[0]
    if not follows or not first:
        # A person said that it is public: published by itself, this part would be an answer to nothing.
        raise PermanentError(gettext_noop("Nobody knows the post that this one follows."), reason=Reason.REJECTED)
    return follow_up_of(delivery.message, key=part.key, text=part.text, reply_to=follows, thread_root=first)


def _prepare_part(delivery: Delivery, part: PostPart, mine: PostClaim) -> None:
    if part.step in PUBLIC_STEPS:
        return
    if part.step == PartStep.COMMITTING:
        # Whatever came before, this much is known: the call may have been made, so it is not made again.
        words = gettext_noop("The worker stopped after handing it over and before the answer.")
        raise UncertainError(words, reason=Reason.ANSWER_LOST)
    if _is_prepared(part):
        return
    if part.step == PartStep.PREPARED:
        mine.step(part, PartStep.WAITING)
    platform, post = plan_of(delivery, part)
    account = account_of(delivery)
    if post.pictures:
        check_uploads(account)
    if part.step == PartStep.WAITING:
        mine.step(part, PartStep.PREPARING)
    try:
        # All its calls together: whoever took longer than the claim lasts would be taken for dead, again and again.
        with time_limit((UPLOAD_LEASE - MARGIN).total_seconds()):
            prepared = with_access(account, lambda config: platform.prepare(config, account.facts, post))
    except OpslagError:
        mine.step(part, PartStep.WAITING)
        raise
    mine.step(part, PartStep.PREPARED, prepared=prepared, prepared_at=timezone.now())


def _is_prepared(part: PostPart) -> bool:
    """Whether what was uploaded for it lately is still there."""
    fresh = part.prepared_at is not None and part.prepared_at > timezone.now() - 2 * AHEAD
    return part.step == PartStep.PREPARED and fresh


def _publish_part(delivery: Delivery, part: PostPart, mine: PostClaim) -> None:
    """Make one part public. Raises NotNowError if the message was stopped or changed before; else as `commit`."""
    if part.step in PUBLIC_STEPS:
        return
    account = account_of(delivery)
    if not _is_prepared(part) or wants_renewal(account):
        mine.renew(UPLOAD_LEASE)
        _prepare_part(delivery, part, mine)
    try:
        _commit_part(delivery, part, mine, fresh_config(account))
    except TokenExpiredError as error:
        # Surely not public. The renewal may take its time, so the claim is held anew.
        mine.renew(UPLOAD_LEASE)
        _commit_part(delivery, part, mine, renewed(account, error))


def _commit_part(delivery: Delivery, part: PostPart, mine: PostClaim, config: object) -> None:
    """The one call, with its step stored before and after."""
    platform, post = plan_of(delivery, part)
    mine.last(COMMIT_LEASE)
    first = part.first_commit_at or timezone.now()
    mine.step(part, PartStep.COMMITTING, unchanged=delivery.message, first_commit_at=first)
    try:
        with mine.one_call():
            published = platform.commit(config, account_of(delivery).facts, post, part.prepared)
        if published.earlier and published.remote_id in taken_ids(delivery, part):
            raise post_trouble.refused_as_same(account_of(delivery))
    except UncertainError:
        raise
    except (OpslagError, ClaimLostError):
        # Surely not public: the same bytes may be committed again.
        mine.step(part, PartStep.PREPARED)
        raise
    adopt(part, published, mine)


def adopt(part: PostPart, published: Published, mine: PostClaim) -> None:
    """Store that the part is public, as the platform named it. Raises ClaimLostError."""
    mine.step(
        part,
        PartStep.COMMITTED,
        remote_id=published.remote_id,
        permalink=published.permalink,
        published_at=timezone.now(),
    )


def _failed(delivery: Delivery, mine: PostClaim, error: OpslagError) -> DeliveryStatus | None:
    now = timezone.now()
    if isinstance(error, ThrottledError):
        heed(account_of(delivery), error)
    result = post_trouble.outcome_of(delivery, error, now)
    ended = _end(delivery, mine, result)
    if ended is not None and isinstance(error, AccountError):
        _hold_for_account(delivery, error, frm=MessageStatus.SENDING)
    elif ended == DeliveryStatus.PENDING and isinstance(error, TransientError) and result.due_at is not None:
        post_trouble.heed_delay(delivery, error, result.due_at, now)
    return ended


def _hold_for_account(delivery: Delivery, error: AccountError, *, frm: MessageStatus) -> bool:
    """Ask for a reconnect and hold the message; false where the channel was connected anew since we read it."""
    words, account = error.explanation, account_of(delivery)
    if not refused(account, words):
        return False
    # Administrators have a mail about the channel, which says that its posts wait; they need none about this one.
    in_a_mail = Account.objects.filter(pk=account.pk, status=AccountStatus.NEEDS_RECONNECT).exists()
    tell = notify_other_approvers if in_a_mail else notify_approvers
    return dispatch.hold(delivery.message, HoldReason.ACCOUNT_BROKEN, words, frm=frm, tell=tell)


def _end(delivery: Delivery, mine: PostClaim, result: outcome.Outcome) -> DeliveryStatus | None:
    """Store the outcome; None if the claim is lost, and with it the right to give one."""
    with transaction.atomic():
        hold_briefly()
        stored = outcome.store(mine.claim_id, delivery.message_id, COMMON_LANE, [result], was=DeliveryStatus.SENDING)
        if not stored:
            return None
        Delivery.objects.filter(pk=delivery.pk).update(strikes=0)
        if result.status == DeliveryStatus.FAILED:
            post_trouble.tell_failed(delivery, result.error)
        Claim.objects.filter(pk=mine.claim_id).delete()
    return result.status


def dead_claims(now: Moment) -> QuerySet[Claim]:
    """Claims of posts whose worker died."""
    return Claim.objects.filter(lease_until__lt=now, message__outlet=Outlet.POST)


def give_up_dead_claims(now: datetime) -> int:
    """Give the `dead_claims` their outcome: public or not is read from the step that was stored before the call."""
    return sum(_settle(found, now) for found in dead_claims(now))


def _settle(found: Claim, now: datetime) -> int:
    with transaction.atomic():
        hold_briefly()
        # The delivery first: its worker, if it lives after all, can store no step until this is decided.
        mine = Delivery.objects.select_for_update().filter(claim_id=found.pk, status=DeliveryStatus.SENDING)
        delivery = mine.first()
        if not Claim.objects.filter(pk=found.pk, lease_until__lt=now).delete()[0] or delivery is None:
            return 0
        result = _of_dead_worker(delivery, now)
        if result.status == DeliveryStatus.PENDING:
            PostPart.objects.filter(delivery=delivery, step=PartStep.PREPARING).update(step=PartStep.WAITING)
        else:
            # From here on they count looks (reconcile).
            mine.update(strikes=0)
        if result.status == DeliveryStatus.FAILED:
            post_trouble.tell_failed(delivery, result.error)
        return outcome.store(found.pk, delivery.message_id, COMMON_LANE, [result], was=DeliveryStatus.SENDING)


def _of_dead_worker(delivery: Delivery, now: datetime) -> outcome.Outcome:
    steps = set(delivery.parts.values_list("step", flat=True))
    if PartStep.COMMITTING in steps:
        return outcome.lost(delivery.pk, now)
    if steps <= PUBLIC_STEPS:
        return outcome.sent(delivery.pk, 200, now)
    if delivery.strikes >= dispatch.STRIKES_ALLOWED:
        words = Explanation(gettext_noop("Publishing this post stopped the worker three times; change its content."))
        return outcome.Outcome(delivery.pk, DeliveryStatus.FAILED, now, Reason.STOPPED_WORKER, error=words.as_json())
    return outcome.handed_back(delivery.pk, now)
