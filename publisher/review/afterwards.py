"""Correcting or withdrawing what is out, on all outlets at once: changes of posts, the web page, the unsent, a mail.

Each public part of a post gets an Operation, which `deliver.operations` carries out; here it is only asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.compose.corrections import create_note
from publisher.compose.post_words import with_partners
from publisher.compose.social import edit_length, follow_up_length
from publisher.compose.values import many_lines, one_line
from publisher.errors import InputError
from publisher.models import Campaign, Delivery, Message, Operation, PostPart, User
from publisher.review.asking import ask_for, text_of
from publisher.review.by_hand import NEEDS_PERSON, PUBLIC_OR_MAYBE, why_by_hand
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.review.outs import REACHED, STOPPABLE, Out, outs
from publisher.review.withdraw import cancel_one
from publisher.vocabulary import PUBLIC_STEPS, AccountStatus, OperationKind, OperationStatus, Outlet

NOTE_LENGTH = 1000


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
        if out.message.status in STOPPABLE:
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
    told = [mail for mail in mails if Delivery.objects.filter(message=mail, status__in=REACHED).exists()]
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
        for part in out.all_of_it if wish.withdraw else out.to_take_down:
            # What a worker has in hand must not keep all the rest public; that part has its turn in `take_down_late`.
            with contextlib.suppress(InputError) if wish.withdraw else contextlib.nullcontext():
                ask_for(part, OperationKind.DELETE, "", user, now)
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
        words = gettext_noop("%(channel)s: the text is %(length)s characters long, and %(limit)s fit. Shorten it.")
        raise InputError(words, channel=message.account, length=length, limit=limit)
    ask_for(part, OperationKind.EDIT, text, user, now)


def operations_of(campaign: Campaign) -> list[Operation]:
    """What was asked for, the latest first; without what waits for a part that has not become public."""
    rows = Operation.objects.filter(PUBLIC_OR_MAYBE, part__delivery__message__campaign=campaign)
    shown = rows.exclude(status=OperationStatus.CANCELLED).select_related("part__delivery__account", "user")
    return list(shown.order_by("-pk"))


def try_again(operation: Operation, user: User | None) -> None:
    """Another try of what failed or is unconfirmed. Raises InputError if it has moved on meanwhile."""
    with transaction.atomic():
        _settle(operation, user, NEEDS_PERSON, OperationStatus.PENDING)
        _note(operation.part.delivery.message, user, gettext_noop("%(outlet)s: told to try a change again"))


def say_done(operation: Operation, user: User | None) -> None:
    """A person has seen that an unconfirmed change is made, or has made it on the platform itself, where it failed or
    waits for a channel that is not connected.

    Raises InputError if it has moved on meanwhile.
    """
    with transaction.atomic():
        _settle(operation, user, _sayable(operation), OperationStatus.DONE)
        _note(operation.part.delivery.message, user, gettext_noop("%(outlet)s: said that a change is made"))


def say_deleted(message: Message, user: User | None) -> None:
    """A person has deleted a post on its platform, or has seen that it is gone: all of it that was to be taken down.

    Raises InputError if somebody else has said so, or its channel takes it down at this moment.
    """
    with transaction.atomic():
        left = [each for each in _deletions(message) if each.status in _sayable(each)]
        if not left:
            raise InputError(CHANGED_MEANWHILE)
        for operation in left:
            _settle(operation, user, _sayable(operation), OperationStatus.DONE)
        _note(message, user, gettext_noop("%(outlet)s: said that the post is deleted"))


def delete_again(message: Message, user: User | None) -> None:
    """Another try to take down what could not be; not what only a person can. Raises InputError if nothing is left."""
    with transaction.atomic():
        left = [each for each in _deletions(message) if each.status in NEEDS_PERSON and why_by_hand(each.part) is None]
        if not left:
            raise InputError(CHANGED_MEANWHILE)
        for operation in left:
            _settle(operation, user, NEEDS_PERSON, OperationStatus.PENDING)
        _note(message, user, gettext_noop("%(outlet)s: told to try a change again"))


def _deletions(message: Message) -> QuerySet[Operation]:
    rows = Operation.objects.filter(part__delivery__message=message, kind=OperationKind.DELETE)
    known = rows.select_related("part__delivery__message__campaign__organisation", "part__delivery__account")
    return known.order_by("pk")


def _sayable(operation: Operation) -> tuple[OperationStatus, ...]:
    return (*NEEDS_PERSON, OperationStatus.PENDING) if waits_for_channel(operation) else NEEDS_PERSON


def waits_for_channel(operation: Operation) -> bool:
    """Whether a change cannot be made before somebody connects its channel again."""
    account = operation.part.delivery.account
    waits = operation.status == OperationStatus.PENDING and operation.part.step in PUBLIC_STEPS
    return waits and account is not None and account.status != AccountStatus.CONNECTED


def _settle(
    operation: Operation, user: User | None, before: tuple[OperationStatus, ...], after: OperationStatus
) -> None:
    if user is not None:
        require(user, "send", operation.part.delivery.message.campaign.organisation)
    now = timezone.now()
    again = after == OperationStatus.PENDING
    fields = {"due_at": now, "attempts": 0, "strikes": 0, "last_error": {}} if again else {"done_at": now}
    # Its part is locked, so that no newer change comes in between.
    PostPart.objects.select_for_update().get(pk=operation.part_id)
    if _newer(operation).exists():
        raise InputError(gettext_noop("There is a newer change of this post, which this one would undo."))
    if not Operation.objects.filter(pk=operation.pk, status__in=before).update(status=after, **fields):
        raise InputError(CHANGED_MEANWHILE)


def _note(message: Message, user: User | None, msgid: str) -> None:
    campaign, outlet = message.campaign, str(message.newsletter or message.account)
    record(campaign.organisation, user, "operation", campaign, msgid, outlet=outlet)


def _newer(operation: Operation) -> QuerySet[Operation]:
    later = Operation.objects.filter(part=operation.part_id, pk__gt=operation.pk)
    return later.exclude(status=OperationStatus.CANCELLED)
