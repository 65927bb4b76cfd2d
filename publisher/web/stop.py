"""“Stop everything”: says what will happen, stops, and starts again."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.models import StopStamp
from publisher.review.control import lift_stop, stop_everything
from publisher.review.worklist import upcoming
from publisher.web.staff import OwnRequest, may, staff

SHOWN = 10


@staff()
def stop(request: OwnRequest) -> HttpResponse:
    """Everyone may see whether all is stopped; those who may stop get the button."""
    if request.method == "POST":
        return _press(request)
    stamps = list(StopStamp.objects.for_organisation(request.organisation).select_related("stopped_by"))
    ours = next((stamp for stamp in stamps if stamp.organisation_id), None)
    context = {
        "title": _("Everything is stopped") if stamps else _("Stop everything"),
        "ours": ours,
        "whole": next((stamp for stamp in stamps if not stamp.organisation_id), None),
        "coming": upcoming(request.organisation, SHOWN),
        "may_stop": may(request, "stop"),
        "lateness": _lateness(settings.OPSLAG_ALLOWED_LATENESS_MINUTES),
    }
    return render(request, "web/stop.html", context)


def _lateness(minutes: int) -> str:
    """“2 hours”, or “90 minutes” where it is no whole number of them."""
    if minutes % 60:
        return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}
    return ngettext("%(number)s hour", "%(number)s hours", minutes // 60) % {"number": minutes // 60}


@staff("stop")
def _press(request: OwnRequest) -> HttpResponse:
    if request.POST.get("do") == "stop":
        if stop_everything(request.organisation, request.user):
            messages.success(request, _("Stopped. Within two seconds nothing more is sent."))
    elif request.POST.get("do") == "lift" and lift_stop(request.organisation, request.user):
        messages.success(request, _("Started again. What was planned goes out as planned."))
    return redirect("stop")
