"""Asking for a later change of a public part of a post: one at a time, the newest wish counts, also one that is late.

`deliver.operations` carries out what is asked for; what only a person can do is told and waits for them at once.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.models import Message, Operation, PostPart, User
from publisher.models.probe import Moment
from publisher.review.by_hand import NO_PLACE, tell, why_by_hand
from publisher.review.outs import Out
from publisher.vocabulary import PUBLIC_STEPS, OperationKind, OperationStatus, Outlet

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


def text_of(part: PostPart) -> str:
    """What a part says, or will say once what is asked for is made."""
    asked = Operation.objects.filter(part=part, kind=OperationKind.EDIT, status__in=_UNDER_WAY).order_by("-pk")
    return asked.values_list("text", flat=True).first() or part.text


def ask_for(part: PostPart, kind: OperationKind, text: str, user: User | None, now: datetime) -> None:
    """A change of a part in place of those before it. Raises InputError while a worker has such a one in hand.

    Nothing takes the place of a withdrawal but another one. What only a person can take down is theirs from the start.
    """
    PostPart.objects.select_for_update().get(pk=part.pk)
    before = Operation.objects.filter(part=part, status__in=_GIVES_WAY)
    if kind != OperationKind.DELETE:
        before = before.exclude(kind=OperationKind.DELETE)
    before.update(status=OperationStatus.CANCELLED)
    # What may be public yet waits like the rest: its worker tells, once that is known.
    by_hand = why_by_hand(part) if kind == OperationKind.DELETE and part.step in PUBLIC_STEPS else None
    left = {"status": OperationStatus.FAILED, "last_error": by_hand.as_json()} if by_hand else {}
    try:
        with transaction.atomic():
            made = Operation.objects.create(part=part, kind=kind, text=text, user=user, due_at=now, **left)
    except IntegrityError as error:
        raise InputError(_NOT_FINISHED) from error
    if by_hand:
        tell(made)


def take_down(message: Message, user: User | None, now: datetime) -> bool:
    """Ask for a public post to be taken down; False where its channel cannot, or an earlier change is under way."""
    out = Out(message)
    if not out.deletes:
        return False
    try:
        with transaction.atomic():
            for part in out.to_take_down:
                ask_for(part, OperationKind.DELETE, "", user, now)
    except InputError:
        return False
    return True


def appeared_late(now: Moment) -> QuerySet[PostPart]:
    """Public parts of a withdrawn send-out that its withdrawal could not ask for: they became public after it, from a
    worker's hands or unconfirmed, or a worker had a change of them in hand.

    Those whose channel lets no program take anything down are among them once: then it is a person's.
    """
    withdrawn = Message.objects.filter(withdrawn_at__gt=now - _LATE_FOR, outlet=Outlet.POST)
    operations, withdrawn_at = Operation.objects.filter(part=OuterRef("pk")), "delivery__message__withdrawn_at"
    asked = operations.filter(kind=OperationKind.DELETE).exclude(status=OperationStatus.CANCELLED)
    # It was a person's as long as nobody knew where the post is; the parts below are those whose place is known.
    said = Coalesce(KT("last_error__msgid"), Value(""), output_field=TextField())
    asked = asked.alias(said=said).exclude(status=OperationStatus.FAILED, said=NO_PLACE)
    was_in_hand = operations.filter(begun_at__gte=OuterRef(withdrawn_at) - _IN_HAND_FOR)
    late = Q(published_at__gte=F(withdrawn_at) - _AT_THAT_MOMENT) | Q(Exists(was_in_hand))
    parts = PostPart.objects.filter(late, ~Exists(asked), delivery__message__in=withdrawn, step__in=PUBLIC_STEPS)
    return parts.exclude(remote_id="")


def take_down_late(now: datetime) -> int:
    """Ask for all that `appeared_late` to be taken down; gives how many. What is being changed waits for its turn."""
    asked = 0
    for part in appeared_late(now).order_by("-position", "pk")[:_AT_ONCE]:
        with contextlib.suppress(InputError), transaction.atomic():
            ask_for(part, OperationKind.DELETE, "", None, now)
            asked += 1
    return asked
