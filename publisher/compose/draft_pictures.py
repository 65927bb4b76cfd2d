"""Another picture in a draft, wherever it shows the one before, with the words that the library has of it."""

from __future__ import annotations

from django.db import transaction

from publisher.compose.drafts import open_draft
from publisher.compose.values import one_line
from publisher.items.library import refuse_withdrawn
from publisher.models import Block, Campaign, Message, Picture
from publisher.vocabulary import BlockKind, Outlet


@transaction.atomic
def change_picture(campaign: Campaign, old: Picture | None, new: Picture | None) -> None:
    """Show `new` (None: no picture) wherever a draft shows `old`; None stands for the lead story and posts without one.

    Raises InputError unless the campaign is a draft, and for a picture whose photo consent was withdrawn.
    """
    if new is not None:
        refuse_withdrawn(new)
    for message in campaign.messages.all():
        changed = _posts(message, old, new) if message.outlet == Outlet.POST else _mails(message, old, new)
        if changed:
            open_draft(message)


def _posts(message: Message, old: Picture | None, new: Picture | None) -> bool:
    if message.picture_id != (old.pk if old else None):
        return False
    message.picture, message.picture_alt = new, new.alt if new else ""
    message.save(update_fields=["picture", "picture_alt"])
    return True


def _mails(message: Message, old: Picture | None, new: Picture | None) -> bool:
    blocks = message.blocks.filter(picture=old) if old else _leading(message)
    for block in blocks:
        block.picture = new
        block.content.update(
            {name: one_line(getattr(new, name)) if new else "" for name in ("alt", "caption", "credit")}
        )
        block.save(update_fields=["picture", "content"])
    return bool(blocks)


def _leading(message: Message) -> list[Block]:
    return list(message.blocks.filter(picture=None, kind=BlockKind.LEAD_STORY))
