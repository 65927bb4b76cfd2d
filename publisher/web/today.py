"""The first page: what needs a person, what goes out next, what went out lately."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Count, Window
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.deliver.transport_health import trouble
from publisher.items.select import recent
from publisher.models import Campaign, Event, Message, Operation, Organisation
from publisher.models.ledger import EVENT_IN_TROUBLE
from publisher.review.by_hand import NEEDS_PERSON, still_public
from publisher.review.standing import NEW, viewed
from publisher.review.worklist import drafts, lately, upcoming, worklist
from publisher.rules.waiting import Turn, next_turns
from publisher.track.comments import new_comments
from publisher.track.inbound.mailbox import trouble as mailbox_trouble
from publisher.web.delays import delays
from publisher.web.needs import Need, deletion_of
from publisher.web.staff import OwnRequest, may, staff

AHEAD, BEHIND, DRAFTS, NEWS = 6, 5, 3, 3


@staff()
def today(request: OwnRequest) -> HttpResponse:
    """What a member of staff comes for between two meetings."""
    organisation = request.organisation
    work = worklist(organisation)
    deletions = _deletions(work.changes)
    mail, mailbox = trouble(settings.OPSLAG_TRANSPORT), mailbox_trouble()
    reports = Event.objects.for_organisation(organisation).filter(EVENT_IN_TROUBLE).count()
    fresh = list(viewed(recent(organisation), organisation, NEW).annotate(in_all=Window(Count("pk")))[:NEWS])
    context = {
        "title": _("Today"),
        "today": timezone.localdate(),
        "work": work,
        "mail_trouble": mail,
        "mailbox_trouble": mailbox,
        "reports_in_trouble": reports,
        "needs": len(work) + bool(mail) + bool(mailbox) + bool(reports),
        "delays": delays(organisation),
        "deletions": deletions,
        "comments": new_comments(organisation),
        "coming": _coming(organisation),
        "gone": lately(organisation, BEHIND),
        "drafts": drafts(organisation, DRAFTS),
        "unused": fresh,
        "unused_count": fresh[0].in_all if fresh else 0,
        "may_edit": may(request, "edit"),
        "may_approve": may(request, "approve"),
        "may_send": bool(deletions) and may(request, "send"),
    }
    return render(request, "web/today.html", context)


def _deletions(changes: list[Message]) -> dict[int, Need]:
    """Message id → what of it a person must delete."""
    left: dict[int, list[Operation]] = {}
    for operation in still_public(changes).filter(status__in=NEEDS_PERSON) if changes else ():
        left.setdefault(operation.part.delivery.message_id, []).append(operation)
    return {message.pk: deletion_of(message, left[message.pk]) for message in changes if message.pk in left}


def _coming(organisation: Organisation) -> list[tuple[datetime, Campaign | None, Turn | None]]:
    """What goes out next: send-outs, and the news that rules send by themselves when its turn has come."""
    planned = [(each.next_at, each, None) for each in upcoming(organisation, AHEAD)]  # type: ignore[attr-defined]
    turns = [(turn.at, None, turn) for turn in next_turns(organisation, AHEAD)]
    return sorted([*planned, *turns], key=lambda row: row[0])[:AHEAD]
