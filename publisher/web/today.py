"""The first page: what needs a person, what goes out next, what went out lately."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.items.select import recent
from publisher.review.worklist import drafts, lately, upcoming, worklist
from publisher.vocabulary import ItemState
from publisher.web.staff import OwnRequest, may, staff

AHEAD, BEHIND, DRAFTS, NEWS = 6, 5, 3, 3


@staff()
def today(request: OwnRequest) -> HttpResponse:
    """What a member of staff comes for between two meetings."""
    organisation = request.organisation
    work = worklist(organisation)
    coming = upcoming(organisation, AHEAD)
    context = {
        "title": _("Today"),
        "today": timezone.localdate(),
        "work": work,
        "coming": coming,
        "gone": lately(organisation, BEHIND),
        "drafts": drafts(organisation, DRAFTS),
        "unused": recent(organisation, state=ItemState.NEW).filter(chosen_for=None)[:NEWS],
        "may_edit": may(request, "edit"),
        "may_approve": may(request, "approve"),
    }
    return render(request, "web/today.html", context)
