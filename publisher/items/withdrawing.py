"""Taking an item back: it keeps its place and its history, and is offered to nobody; and bringing it back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.models import AuditEntry, Item, User
from publisher.vocabulary import Withdrawal

WITHDRAWN, RESTORED = "item_withdrawn", "item_restored"


def withdraw(item: Item, why: Withdrawal, user: User | None = None) -> bool:
    """Mark an item as taken back, and note it in its history; False if it is already."""
    with transaction.atomic():
        fresh = Item.objects.filter(pk=item.pk, withdrawn_at=None)
        if not fresh.update(withdrawn_at=timezone.now(), withdrawn_why=why):
            return False
        _note(item, user, WITHDRAWN, gettext_noop("withdrew the news item"))
    return True


def restore(item: Item, user: User | None = None) -> bool:
    """It is news again; False if it was not withdrawn."""
    with transaction.atomic():
        if not Item.objects.filter(pk=item.pk, withdrawn_at__isnull=False).update(withdrawn_at=None, withdrawn_why=""):
            return False
        _note(item, user, RESTORED, gettext_noop("took the withdrawal back"))
    return True


def _note(item: Item, user: User | None, action: str, msgid: str) -> None:
    AuditEntry.objects.create(
        organisation_id=item.organisation_id,
        user=user,
        action=action,
        subject_kind="item",
        subject_id=item.pk,
        explanation={"msgid": msgid, "params": {}},
    )
