"""The first page: what needs a person, what goes out next, what went out lately."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Count, Window
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.deliver.transport_health import trouble
from publisher.items.select import recent
from publisher.models import Event, Organisation, Source
from publisher.models.ledger import EVENT_IN_TROUBLE
from publisher.review.standing import NEW, viewed
from publisher.review.worklist import drafts, lately, upcoming, worklist
from publisher.track.inbound.mailbox import trouble as mailbox_trouble
from publisher.vocabulary import SourceStatus
from publisher.web.staff import OwnRequest, may, staff

AHEAD, BEHIND, DRAFTS, NEWS = 6, 5, 3, 3


@staff()
def today(request: OwnRequest) -> HttpResponse:
    """What a member of staff comes for between two meetings."""
    organisation = request.organisation
    work = worklist(organisation)
    sources, mail, mailbox = _unread(organisation), trouble(settings.OPSLAG_TRANSPORT), mailbox_trouble()
    reports = Event.objects.for_organisation(organisation).filter(EVENT_IN_TROUBLE).count()
    coming = upcoming(organisation, AHEAD)
    fresh = list(viewed(recent(organisation), organisation, NEW).annotate(in_all=Window(Count("pk")))[:NEWS])
    context = {
        "title": _("Today"),
        "today": timezone.localdate(),
        "work": work,
        "sources": sources,
        "mail_trouble": mail,
        "mailbox_trouble": mailbox,
        "reports_in_trouble": reports,
        "needs": len(work) - len(work.sources) + len(sources) + bool(mail) + bool(mailbox) + bool(reports),
        "coming": coming,
        "gone": lately(organisation, BEHIND),
        "drafts": drafts(organisation, DRAFTS),
        "unused": fresh,
        "unused_count": fresh[0].in_all if fresh else 0,
        "may_edit": may(request, "edit"),
        "may_approve": may(request, "approve"),
    }
    return render(request, "web/today.html", context)


def _unread(organisation: Organisation) -> list[Source]:
    """The sources that could not be read when Opslag last looked; those that somebody paused need nobody."""
    found = Source.objects.for_organisation(organisation).exclude(status=SourceStatus.PAUSED).order_by("name", "pk")
    return [
        source
        for source in found.defer("credentials", "state")
        if source.status == SourceStatus.BROKEN or source.last_error
    ]
