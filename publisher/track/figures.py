"""What platforms count about our posts: who is asked about which of them when, and what is kept of the answer.

One channel at a time on each server, some posts at a time. A question that fails waits, and so does everything else of
that channel: figures are never worth being a nuisance. Nor do they ever take a channel out of service.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.health import check_one
from publisher.accounts.renewal import with_access
from publisher.accounts.settings import platform_of
from publisher.address_guard import time_limit
from publisher.errors import AccountError, Explanation, OpslagError, PermanentError, TransientError
from publisher.models import Account, Operation, PostFigures, PostPart
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import Abilities, FollowUp
from publisher.platforms.contract import Figures, Platform, Published
from publisher.schedule.stops import not_stopped_channels
from publisher.track.figure_times import OLDEST, next_look, pause_after
from publisher.vocabulary import PUBLIC_STEPS, AccountStatus, Calls, OperationKind, OperationStatus

# All calls about one channel together; who holds a claim for longer than LEASE is dead.
CALL_S = 60.0
LEASE = timedelta(minutes=5)
AT_ONCE = 25
ACCOUNTS_AT_ONCE = 20
_BEGUN_AT_ONCE = 500
# What a post had when we asked first is no news if the post is older than this.
FRESH = timedelta(days=7)

_LOST = gettext_noop("The worker that read the figures was interrupted.")


def withdrawn(part: str = "part") -> Exists:
    """For a filter: whether we have taken the part (at this path) down."""
    taken_down = Operation.objects.filter(kind=OperationKind.DELETE, status=OperationStatus.DONE)
    return Exists(taken_down.filter(part=OuterRef(part)))


def begin(now: datetime) -> int:
    """Have platforms asked about what was published since the last time; answers about how many parts more."""
    accounts = Account.objects.filter(status=AccountStatus.CONNECTED).defer("credentials")
    known = {row.pk: PLATFORMS[row.kind].abilities(row.facts) for row in accounts if row.kind in PLATFORMS}
    counting = {pk: each for pk, each in known.items() if each.figures}
    whole_threads = [pk for pk, each in counting.items() if _asks_about_all(each)]
    parts = unasked(now, list(counting), whole_threads).order_by("published_at")
    found = parts.values_list("pk", "published_at", "delivery__account")[:_BEGUN_AT_ONCE]
    made = [
        PostFigures(part_id=pk, account_id=account, next_at=_first_look(published_at, now, counting[account]))
        for pk, published_at, account in found
        if published_at is not None and account is not None
    ]
    # Two of us may begin at once.
    PostFigures.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def unasked(now: datetime, channels: Sequence[int], whole_threads: Sequence[int]) -> QuerySet[PostPart]:
    """Public parts that are not asked about yet: first posts on `channels`, all of a thread on `whole_threads`."""
    parts = PostPart.objects.filter(step__in=PUBLIC_STEPS, published_at__gt=now - OLDEST, figures=None).exclude(
        remote_id=""
    )
    asked_about = Q(position=0) | Q(delivery__account__in=whole_threads)
    return parts.filter(asked_about, ~withdrawn("pk"), delivery__account__in=channels)


def _asks_about_all(abilities: Abilities) -> bool:
    """Whether what follows a post is a post of its own, and asking about it costs nothing."""
    return abilities.follow_up == FollowUp.THREAD and not abilities.figures_cost


def _first_look(published_at: datetime, now: datetime, abilities: Abilities) -> datetime:
    first = next_look(published_at, published_at, seldom=abilities.figures_cost)
    return max(first or now, now)


def settle(now: datetime) -> int:
    """End what is not asked about any more, and let go of what a worker died with; answers how many rows."""
    past = Q(part__published_at__lte=now - OLDEST) | Q(withdrawn())
    ended = PostFigures.objects.filter(past, next_at__lte=now).update(next_at=None, claim_id=None)
    lost = PostFigures.objects.filter(claim_id__isnull=False, next_at__lte=now)
    for row in lost[:_BEGUN_AT_ONCE]:
        later = {"next_at": now + pause_after(row.attempts), "last_error": Explanation(_LOST).as_json()}
        ended += PostFigures.objects.filter(pk=row.pk, claim_id=row.claim_id).update(claim_id=None, **later)
    return ended


def due(now: datetime) -> QuerySet[PostFigures]:
    """What should be asked about now: on channels that work and may be asked, and only while nothing is stopped.

    A copy that never sends does not ask either: renewing its access would end the original's.
    """
    connected = Account.objects.filter(status=AccountStatus.CONNECTED)
    channels = not_stopped_channels(connected.exclude(blocked_until__gt=now, blocked_calls=Calls.ALL))
    return PostFigures.objects.filter(~withdrawn(), next_at__lte=now, claim_id=None, account__in=channels)


def to_ask(now: datetime) -> list[int]:
    """Channels with something `due`, the longest waiting first, one for each server that nobody asks at this moment."""
    waiting = due(now).values_list("account").annotate(first=Min("next_at")).order_by("first")
    order = [pk for pk, _first in waiting]
    busy = PostFigures.objects.filter(claim_id__isnull=False, next_at__gt=now).values("account")
    taken = {_server(account) for account in Account.objects.filter(pk__in=busy).defer("credentials")}
    accounts = Account.objects.defer("credentials").in_bulk(order)
    found = []
    for account in (accounts[pk] for pk in order):
        if (server := _server(account)) not in taken:
            taken.add(server)
            found.append(account.pk)
    return found[:ACCOUNTS_AT_ONCE]


def _server(account: Account) -> tuple[str, str]:
    """Whom its questions go to: the platform, or its server where there are many."""
    sign_in = PLATFORMS[account.kind].sign_in if account.kind in PLATFORMS else None
    return account.kind, sign_in.host(account.config) if sign_in else ""


@dataclass(frozen=True)
class _Question:
    """Some posts of one channel, claimed by this worker."""

    claim_id: uuid.UUID
    account: Account
    rows: list[PostFigures]

    @property
    def mine(self) -> QuerySet[PostFigures]:
        return PostFigures.objects.filter(claim_id=self.claim_id)


# What became of the question about one part: its figures; None: it is gone; or why the platform refuses to say.
_Answer = Figures | PermanentError | None


def ask(account_id: int) -> int:
    """Ask about some of what is `due` on a channel; answers about how many parts the platform said something."""
    question = _claim(account_id, timezone.now())
    if question is None:
        return 0
    try:
        with time_limit(CALL_S):
            answers = _answers(question)
    except OpslagError as error:
        _put_off(question, error)
        return 0
    return _store(question, answers)


def _claim(account_id: int, now: datetime) -> _Question | None:
    """The rows that this worker won: another one's claim is seen by the row itself, not by what was read before."""
    found = due(now).filter(account=account_id).order_by("next_at", "pk")
    wanted = list(found.values_list("pk", flat=True)[:AT_ONCE])
    claim_id = uuid.uuid4()
    free = PostFigures.objects.filter(pk__in=wanted, claim_id=None, next_at__lte=now)
    if not free.update(claim_id=claim_id, next_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    account = Account.objects.select_related("organisation").get(pk=account_id)
    rows = PostFigures.objects.filter(claim_id=claim_id).select_related("part").order_by("pk")
    return _Question(claim_id, account, list(rows))


def _answers(question: _Question) -> dict[str, _Answer]:
    """By remote id. Raises what the platform's methods raise."""
    account, platform = question.account, platform_of(question.account)
    parts = {row.part.remote_id: row.part for row in question.rows}
    return with_access(account, lambda config: _asked(platform, config, account.facts, parts))


def _asked(
    platform: Platform, config: Any, facts: Mapping[str, Any], parts: Mapping[str, PostPart]
) -> dict[str, _Answer]:
    """About all together, and one by one where the platform refuses that: one of them must not hide the others."""
    try:
        told = platform.figures(config, facts, list(parts))
    except PermanentError as error:
        if len(parts) == 1:
            return dict.fromkeys(parts, error)
        alone = (_asked(platform, config, facts, {remote_id: part}) for remote_id, part in parts.items())
        return {remote_id: answer for answers in alone for remote_id, answer in answers.items()}
    return {
        remote_id: told[remote_id] if remote_id in told else _not_told(platform, config, facts, part)
        for remote_id, part in parts.items()
    }


def _not_told(platform: Platform, config: Any, facts: Mapping[str, Any], part: PostPart) -> Figures | None:
    """None where the post is gone: some platforms leave out what nobody has seen yet, too."""
    try:
        platform.confirm(config, facts, Published(part.remote_id, part.permalink))
    except PermanentError:
        return None
    return Figures()


def _store(question: _Question, answers: Mapping[str, _Answer]) -> int:
    """Keep each answer whose row is still ours; gives how many said something."""
    now, followed, told = timezone.now(), _followed(question.rows), 0
    seldom = platform_of(question.account).abilities(question.account.facts).figures_cost
    for row in question.rows:
        answer = answers[row.part.remote_id]
        after = next_look(row.part.published_at or now, now, seldom=seldom)
        own = (row.part.delivery_id, row.part.position + 1) in followed
        stored = question.mine.filter(pk=row.pk).update(**_outcome(row, answer, own, now, after))
        told += int(bool(stored) and isinstance(answer, Figures) and answer != Figures())
    return told


def _outcome(row: PostFigures, answer: _Answer, own: bool, now: datetime, after: datetime | None) -> dict[str, Any]:
    """What the row becomes; `own`: one of the replies is ours; `after`: its next look."""
    fields: dict[str, Any] = {"claim_id": None, "attempts": 0, "last_error": {}, "next_at": after}
    if answer is None:
        return fields | {"gone_at": now, "next_at": None}
    if isinstance(answer, PermanentError):
        later = max(after, now + pause_after(row.attempts)) if after else None
        return fields | {"attempts": row.attempts, "last_error": answer.explanation.as_json(), "next_at": later}
    return fields if answer == Figures() else fields | _counted(row, answer, own, now)


def _followed(rows: Iterable[PostFigures]) -> set[tuple[int, int]]:
    """Delivery and position of our own posts and comments that stand beneath another of our parts.

    Platforms count them as answers to it.
    """
    public = PostPart.objects.filter(
        delivery__in={row.part.delivery_id for row in rows}, step__in=PUBLIC_STEPS, position__gt=0
    )
    there = public.filter(~withdrawn("pk"), figures__gone_at=None)
    return set(there.values_list("delivery_id", "position"))


def _counted(row: PostFigures, told: Figures, own: bool, now: datetime) -> dict[str, Any]:
    """What the row becomes. Replies that were deleted do not hide new ones: nobody has seen more than there are."""
    fields: dict[str, Any] = {"likes": told.likes, "reposts": told.reposts, "views": told.views, "read_at": now}
    if told.replies is None:
        return fields
    replies = max(told.replies - int(own), 0)
    old_post = row.read_at is None and row.part.published_at is not None and row.part.published_at <= now - FRESH
    for name in ("replies_seen", "replies_mailed"):
        fields[name] = replies if old_post else Least(F(name), Value(replies))
    return fields | {"replies": replies}


def _put_off(question: _Question, error: OpslagError) -> None:
    """Later, with everything else of the channel: what refuses one question now would refuse the next."""
    asked_s = error.retry_after if isinstance(error, TransientError) else None
    until = timezone.now() + pause_after(max(row.attempts for row in question.rows), asked_s)
    question.mine.update(claim_id=None, last_error=error.explanation.as_json(), next_at=until)
    others = PostFigures.objects.filter(account=question.account, claim_id=None, next_at__lt=until)
    others.update(next_at=until)
    if isinstance(error, AccountError):
        # The permission for figures alone may be missing: only who we are there says whether the channel still works.
        check_one(question.account.pk)
