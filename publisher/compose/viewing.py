"""A mail as a web page (“View in browser”): for everybody once its sending has begun, before that for its own staff."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from publisher.access.roles import can
from publisher.compose.newsletter import render_html
from publisher.models import Message, Organisation, User
from publisher.vocabulary import MessageStatus, Outlet

# Some readers may have the mail: it is being sent or was, or was stopped after it had begun.
BEGUN = Q(status__in=(MessageStatus.SENDING, MessageStatus.FINISHED)) | Q(
    status__in=(MessageStatus.PAUSED, MessageStatus.HELD, MessageStatus.CANCELLED), started_at__isnull=False
)


@dataclass(frozen=True)
class MailPage:
    """The page of a mail of `sender`; `preview` is for the organisation's staff alone.

    `note`: what was wrong with it, said at the instant `noted_at`; `withdrawn`: it should not be read any more.
    """

    html: str
    language: str
    sender: Organisation
    preview: bool = False
    note: str = ""
    noted_at: datetime | None = None
    withdrawn: bool = False


def public_message(public_id: uuid.UUID) -> Message | None:
    """The mail that everybody may read under this id: composed, and its sending has begun."""
    begun = Message.objects.filter(BEGUN, public_id=public_id, outlet=Outlet.EMAIL).exclude(composed_html="")
    return begun.select_related("campaign__organisation").first()


def mail_page(public_id: uuid.UUID, reader: User | AnonymousUser) -> MailPage | None:
    """What `reader` gets to see under this id; None if there is no such mail, or not for them.

    Staff see a mail that has not begun as it would be composed now; then raises what `render_html` raises.
    """
    message = public_message(public_id)
    if message:
        return MailPage(
            message.composed_html,
            message.language,
            message.campaign.organisation,
            note=message.correction_note,
            noted_at=message.withdrawn_at or message.corrected_at,
            withdrawn=message.withdrawn_at is not None,
        )
    if not reader.is_authenticated:
        return None
    draft = Message.objects.select_related("campaign__organisation", "newsletter__organisation").filter(
        public_id=public_id, outlet=Outlet.EMAIL
    )
    message = draft.first()
    if message is None or not can(reader, "view", message.campaign.organisation):
        return None
    html = render_html(message, places={})
    return MailPage(html, message.language, message.campaign.organisation, preview=True)
