"""Replies to newsletters in which somebody seems to ask to leave: a colleague reads the words and decides."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from publisher.models import InboundMail
from publisher.templatetags.dates import number
from publisher.track.inbound.decisions import decide, waiting
from publisher.web.staff import OwnRequest, own, refusals_said, staff

SHOWN = 50


@staff("edit")
@require_safe
def replies(request: OwnRequest) -> HttpResponse:
    """What waits for one click, oldest first."""
    found = waiting(request.organisation)
    count = found.count()
    state = ngettext("%(number)s reply waits for you.", "%(number)s replies wait for you.", count)
    context = {
        "title": _("Replies"),
        "state": state % {"number": number(count)} if count else _("No reply waits for you."),
        "replies": found[:SHOWN],
    }
    return render(request, "web/subscribers/replies.html", context)


@staff("edit")
@require_POST
def reply_settle(request: OwnRequest, pk: int) -> HttpResponse:
    """Unsubscribe the person, send the reply on to the office, or leave it at that."""
    mail = own(InboundMail.objects.for_organisation(request.organisation), pk)
    said = {
        "unsubscribe": _("The subscription has ended. Nothing more of this newsletter is sent to this address."),
        "forward": _("The reply is sent on to the office."),
        "nothing": _("The reply is put away."),
    }
    action = request.POST.get("do", "")
    with refusals_said(request):
        decide(mail, request.user, action)
        messages.success(request, said[action])
    return redirect("replies")
