"""Correcting or withdrawing what is out, on all outlets at once: changes of posts, the web page, the unsent, a mail.

Each public part of a post gets an Operation, which `deliver.operations` carries out; here it is only asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.compose.corrections import create_note
from publisher.compose.post_words import with_partners
from publisher.compose.social import abilities_of, edit_length, follow_up_length
from publisher.compose.values import many_lines, one_line
from publisher.compose.viewing import BEGUN
from publisher.errors import InputError
from publisher.models import Campaign, Delivery, Message, Operation, PostPart, User, waiting_of
from publisher.models.probe import Moment
from publisher.platforms.contract import Abilities
from publisher.review.withdraw import cancel_one
from publisher.vocabulary import (
    AccountStatus,
    DeliveryStatus,
    MessageStatus,
    OperationKind,
    OperationStatus,
    Outlet,
    PartStep,
)

NOTE_LENGTH = 1000
PUBLIC = (PartStep.COMMITTED, PartStep.CONFIRMED)
_STOPPABLE = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED, MessageStatus.HELD)
_REACHED = (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN)
# An unconfirmed post is looked for that long (deliver.reconcile), and a day more.
_LATE_FOR = timedelta(days=8)
# A part is stamped before it is stored: one stored just after the withdrawal may be stamped just before it.
_AT_THAT_MOMENT = timedelta(minutes=1)
# How long a worker has a change in its hands (deliver.operations.LEASE).
_IN_HAND_FOR = timedelta(minutes=3)
_AT_ONCE = 50
# What a newer change takes the place of, as long as no worker has it in hand.
_GIVES_WAY = (OperationStatus.PENDING, OperationStatus.UNCERTAIN, OperationStatus.FAILED)
_NOT_FINISHED = gettext_noop("An earlier change of this post is not finished. Wait for it, or settle it first.")
_UNDER_WAY = (OperationStatus.PENDING, OperationStatus.WORKING, OperationStatus.UNCERTAIN)
_COMES_DOWN = (OperationStatus.PENDING, OperationStatus.WORKING, OperationStatus.DONE)


@dataclass(frozen=True)
class Out:
    """One message of a send-out of which something has begun: what can still be done about it."""

    message: Message

    @cached_property
    def parts(self) -> list[PostPart]:
        """The parts of a post that are public and stay so: neither taken down nor about to be; in order."""
        return list(self._standing().filter(step__in=PUBLIC))

    @cached_property
    def unconfirmed(self) -> list[PostPart]:
        """The parts that may be public by now, or are about to be: what is asked for them waits until that is known."""
        in_hand = Q(delivery__status=DeliveryStatus.SENDING) & ~Q(step__in=PUBLIC)
        lost = Q(delivery__status=DeliveryStatus.UNCERTAIN, step=PartStep.COMMITTING)
        return list(self._standing().filter(in_hand | lost))

    def _standing(self) -> QuerySet[PostPart]:
        comes_down = Operation.objects.filter(kind=OperationKind.DELETE, status__in=_COMES_DOWN)
        rows = PostPart.objects.filter(delivery__message=self.message).exclude(operations__in=comes_down)
        return rows.order_by("position")

    @cached_property
    def within_reach(self) -> list[PostPart]:
        """What a change can be asked for, in order."""
        return [*(part for part in self.parts if part.remote_id), *self.unconfirmed]

    @cached_property
    def abilities(self) -> Abilities | None:
        """What its channel can do; None for a mail."""
        return abilities_of(self.message.account) if self.message.account else None

    @property
    def edits(self) -> bool:
        """Whether its text can be changed where it is public."""
        return bool(self.abilities and self.abilities.edits and self.within_reach)

    @property
    def deletes(self) -> bool:
        """Whether it can be taken down."""
        return bool(self.to_take_down)

    @property
    def to_take_down(self) -> list[PostPart]:
        """Its parts that can be: the last of a thread first, so that none is left as an answer to nothing."""
        if self.abilities is None or not self.abilities.deletes:
            return []
        return self.within_reach[::-1]

    @cached_property
    def reached(self) -> int:
        """How many have, or may have, got the mail."""
        return Delivery.objects.filter(message=self.message, status__in=_REACHED).count()

    @property
    def is_planned(self) -> bool:
        """Whether nothing of it has begun: planned for later, or held before its time."""
        return self.message.status in _STOPPABLE and self.message.started_at is None

    @cached_property
    def unsent(self) -> int:
        """How many wait for the rest of it."""
        return 0 if self.is_planned or self.message.status not in _STOPPABLE else waiting_of(self.message.pk).count()


def outs(campaign: Campaign) -> list[Out]:
    """The messages of a send-out that have begun and those that still would, mails first; none before one has begun."""
    rows = Message.objects.filter(BEGUN | Q(status__in=_STOPPABLE), campaign=campaign)
    known = rows.select_related("newsletter", "account__organisation", "campaign__organisation")
    found = [Out(message) for message in known.order_by("outlet", "pk")]
    return [] if all(out.is_planned for out in found) else found


@dataclass(frozen=True)
class Wish:
    """What staff want: with `withdraw` everything down; else `texts` (new ones by part) and `down` (messages).

    `note` says what was wrong, for the web page and the mail; `mail`: prepare one for those who got it.
    """

    note: str
    withdraw: bool = False
    texts: Mapping[int, str] | None = None
    down: frozenset[int] = frozenset()
    mail: bool = False


@transaction.atomic
def carry_through(campaign: Campaign, wish: Wish, user: User | None) -> Campaign | None:
    """Stop what is unsent, ask for the changes of posts, mark the web page; gives the draft of the mail, if wanted.

    Raises PermissionDenied, and InputError where a word is missing or does not fit, or a change is under way.
    """
    if user is not None:
        require(user, "send", campaign.organisation)
    _lock(campaign)
    found, now = outs(campaign), timezone.now()
    _refuse_withdrawn(found)
    note = _checked_note(wish)
    for out in found:
        if out.message.status in _STOPPABLE:
            cancel_one(out.message)
        _ask(out, wish, user, now)
    mails = [out.message for out in found if out.message.outlet == Outlet.EMAIL]
    marks = {"correction_note": note, "withdrawn_at" if wish.withdraw else "corrected_at": now}
    Message.objects.filter(pk__in=[out.message.pk for out in found]).update(**marks)
    action = "withdrawn" if wish.withdraw else "corrected"
    words = gettext_noop("Withdrawn everywhere") if wish.withdraw else gettext_noop("Corrected everywhere")
    record(campaign.organisation, user, action, campaign, words)
    said = gettext_noop("What was wrong: “%(note)s”")
    record(campaign.organisation, user, f"{action}_why", campaign, said, note=one_line(note))
    told = [mail for mail in mails if Delivery.objects.filter(message=mail, status__in=_REACHED).exists()]
    return create_note(campaign, told, note, withdrawn=wish.withdraw) if wish.mail and told else None


def _lock(campaign: Campaign) -> None:
    """Nothing of it begins, ends or is sent again meanwhile. In the order in which everybody locks these rows."""
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    list(Message.objects.select_for_update(no_key=True).filter(campaign=campaign).order_by("pk").values_list("pk"))


def _checked_note(wish: Wish) -> str:
    note = many_lines(wish.note)
    if not note:
        raise InputError(gettext_noop("Write what was wrong."))
    if len(note) > NOTE_LENGTH:
        raise InputError(gettext_noop("At most %(limit)s characters, please."), limit=NOTE_LENGTH)
    return note


def _refuse_withdrawn(found: Iterable[Out]) -> None:
    if any(out.message.withdrawn_at for out in found):
        raise InputError(gettext_noop("It is withdrawn already. What becomes of each post is on the send-out's page."))


def _ask(out: Out, wish: Wish, user: User | None, now: datetime) -> None:
    if wish.withdraw or out.message.pk in wish.down:
        for part in out.to_take_down:
            # What a worker has in hand must not keep all the rest public; that part has its turn in `take_down_late`.
            with contextlib.suppress(InputError) if wish.withdraw else contextlib.nullcontext():
                _request(part, OperationKind.DELETE, "", user, now)
        return
    if out.edits:
        for part in out.within_reach:
            _ask_for_text(out.message, part, (wish.texts or {}).get(part.pk, ""), user, now)


def _ask_for_text(message: Message, part: PostPart, typed: str, user: User | None, now: datetime) -> None:
    assert message.account is not None, "only a post has parts"
    typed = many_lines(typed)
    text = with_partners(typed, message.account)
    if not text or text == text_of(part):
        return
    length, limit = follow_up_length(message, typed) if part.position else edit_length(message, text)
    if length > limit:
        words = gettext_noop("The text is %(length)s characters long; this channel takes %(limit)s. Shorten it.")
        raise InputError(words, length=length, limit=limit)
    _request(part, OperationKind.EDIT, text, user, now)


def text_of(part: PostPart) -> str:
    """What a part says, or will say once what is asked for is made."""
    asked = Operation.objects.filter(part=part, kind=OperationKind.EDIT, status__in=_UNDER_WAY).order_by("-pk")
    return asked.values_list("text", flat=True).first() or part.text


def _request(part: PostPart, kind: OperationKind, text: str, user: User | None, now: datetime) -> None:
    """A change of a part in place of those before it. Raises InputError while a worker has such a one in hand.

    Nothing takes the place of a withdrawal but another one.
    """
    PostPart.objects.select_for_update().get(pk=part.pk)
    before = Operation.objects.filter(part=part, status__in=_GIVES_WAY)
    if kind != OperationKind.DELETE:
        before = before.exclude(kind=OperationKind.DELETE)
    before.update(status=OperationStatus.CANCELLED)
    try:
        with transaction.atomic():
            Operation.objects.create(part=part, kind=kind, text=text, user=user, due_at=now)
    except IntegrityError as error:
        raise InputError(_NOT_FINISHED) from error


def take_down(message: Message, user: User | None, now: datetime) -> bool:
    """Ask for a public post to be taken down; False where its channel cannot, or an earlier change is under way."""
    out = Out(message)
    if not out.deletes:
        return False
    try:
        with transaction.atomic():
            for part in out.to_take_down:
                _request(part, OperationKind.DELETE, "", user, now)
    except InputError:
        return False
    return True


def appeared_late(now: Moment) -> QuerySet[PostPart]:
    """Public parts of a withdrawn send-out that its withdrawal could not ask for: they became public after it, from a
    worker's hands or unconfirmed, or a worker had a change of them in hand.

    Those whose channel can take nothing down are among them once: their change fails, in words, where staff see it.
    """
    withdrawn = Message.objects.filter(withdrawn_at__gt=now - _LATE_FOR, outlet=Outlet.POST)
    operations, withdrawn_at = Operation.objects.filter(part=OuterRef("pk")), "delivery__message__withdrawn_at"
    asked = operations.filter(kind=OperationKind.DELETE).exclude(status=OperationStatus.CANCELLED)
    was_in_hand = operations.filter(begun_at__gte=OuterRef(withdrawn_at) - _IN_HAND_FOR)
    late = Q(published_at__gte=F(withdrawn_at) - _AT_THAT_MOMENT) | Q(Exists(was_in_hand))
    parts = PostPart.objects.filter(late, ~Exists(asked), delivery__message__in=withdrawn, step__in=PUBLIC)
    return parts.exclude(remote_id="")


def take_down_late(now: datetime) -> int:
    """Ask for all that `appeared_late` to be taken down; gives how many. What is being changed waits for its turn."""
    asked = 0
    for part in appeared_late(now).order_by("-position", "pk")[:_AT_ONCE]:
        with contextlib.suppress(InputError), transaction.atomic():
            _request(part, OperationKind.DELETE, "", None, now)
            asked += 1
    return asked


def operations_of(campaign: Campaign) -> list[Operation]:
    """What was asked for, the latest first; without what waits for a part that has not become public."""
    public = Q(part__step__in=PUBLIC)
    may_be = Q(part__delivery__status__in=(DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN))
    rows = Operation.objects.filter(public | may_be, part__delivery__message__campaign=campaign)
    shown = rows.exclude(status=OperationStatus.CANCELLED).select_related("part__delivery__account", "user")
    return list(shown.order_by("-pk"))


def try_again(operation: Operation, user: User | None) -> None:
    """Another try of what failed or is unconfirmed. Raises InputError if it has moved on meanwhile."""
    _settle(operation, user, (OperationStatus.FAILED, OperationStatus.UNCERTAIN), OperationStatus.PENDING)


def say_done(operation: Operation, user: User | None) -> None:
    """A person has seen that an unconfirmed change is made, or has made it on the platform itself, where it failed or
    waits for a channel that is not connected.

    Raises InputError if it has moved on meanwhile.
    """
    before = [OperationStatus.FAILED, OperationStatus.UNCERTAIN]
    if waits_for_channel(operation):
        before.append(OperationStatus.PENDING)
    _settle(operation, user, tuple(before), OperationStatus.DONE)


def waits_for_channel(operation: Operation) -> bool:
    """Whether a change cannot be made before somebody connects its channel again."""
    account = operation.part.delivery.account
    waits = operation.status == OperationStatus.PENDING and operation.part.step in PUBLIC
    return waits and account is not None and account.status != AccountStatus.CONNECTED


def _settle(
    operation: Operation, user: User | None, before: tuple[OperationStatus, ...], after: OperationStatus
) -> None:
    campaign = operation.part.delivery.message.campaign
    if user is not None:
        require(user, "send", campaign.organisation)
    now = timezone.now()
    again = after == OperationStatus.PENDING
    fields = {"due_at": now, "attempts": 0, "strikes": 0, "last_error": {}} if again else {"done_at": now}
    with transaction.atomic():
        # Its part is locked, so that no newer change comes in between.
        PostPart.objects.select_for_update().get(pk=operation.part_id)
        if _newer(operation).exists():
            raise InputError(gettext_noop("There is a newer change of this post, which this one would undo."))
        if not Operation.objects.filter(pk=operation.pk, status__in=before).update(status=after, **fields):
            raise InputError(gettext_noop("This has changed meanwhile. Look at it again."))
        words = gettext_noop("Told to try a change again") if again else gettext_noop("Said that a change is made")
        record(campaign.organisation, user, "operation", campaign, words)


def _newer(operation: Operation) -> QuerySet[Operation]:
    later = Operation.objects.filter(part=operation.part_id, pk__gt=operation.pk)
    return later.exclude(status=OperationStatus.CANCELLED)
