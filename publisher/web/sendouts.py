"""Send-outs: the list, and the page of one: before it goes out, the minute of Undo, the receipt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django_htmx.http import HttpResponseClientRefresh

from publisher.compose.post_pictures import WITH_PICTURES
from publisher.compose.renewing import withdrawn_news
from publisher.models import Campaign, StopStamp
from publisher.review.progress import Progress
from publisher.review.worklist import VIEWS, listed, numbers
from publisher.track.clicks import link_figures
from publisher.track.posted import posted
from publisher.vocabulary import CampaignStatus, MessageStatus
from publisher.web.afterwards import operation_rows
from publisher.web.figures import figure_rows
from publisher.web.obstacle import of_checks
from publisher.web.previews import preview
from publisher.web.promise import Promise, error_count, open_checks, promise
from publisher.web.receipt_rows import (
    COUNTDOWN,
    STOPPED,
    ReceiptRow,
    fingerprint,
    history,
    poll_seconds,
    receipt_rows,
    seconds_left,
    stage,
)
from publisher.web.staff import OwnRequest, may, own_campaign, staff

PER_PAGE = 20
# What can still be cancelled.
OPEN = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED, MessageStatus.HELD)


@staff()
def campaigns(request: OwnRequest) -> HttpResponse:
    """The list, by how far they have come."""
    show = request.GET.get("show", "all")
    show = show if show in VIEWS else "all"
    counted = numbers(request.organisation)
    words = {
        "drafts": _("Drafts"),
        "review": _("For approval"),
        "planned": pgettext("tab", "Planned"),
        "sent": pgettext("tab", "Sent"),
        "all": pgettext("tab", "All"),
    }
    address = reverse("campaigns")
    context = {
        "title": _("Send-outs"),
        "show": show,
        "counted": counted,
        "tabs": [
            {"url": f"{address}?show={view}", "label": word, "current": view == show, "count": counted.get(view)}
            for view, word in words.items()
        ],
        "page": Paginator(listed(request.organisation, show), PER_PAGE).get_page(request.GET.get("page")),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/sendouts/list.html", context)


@staff()
def sendout(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """One send-out. A draft is shown in the composer to those who may write."""
    campaign = own_campaign(request, campaign_id)
    if campaign.status == CampaignStatus.DRAFT and may(request, "edit"):
        return redirect("composer", campaign.pk)
    rows = receipt_rows(campaign)
    context = _live_context(request, campaign, rows) | {
        "title": campaign.title,
        "items": [chosen.item for chosen in campaign.chosen.select_related("item")],
        "history": history(campaign, rows),
        "previews": {row.message.pk: preview(row.message) for row in _with_pictures(campaign, rows)},
        "may_edit": may(request, "edit"),
        "may_approve": may(request, "approve"),
        "open": any(row.message.status in OPEN for row in rows),
        "link_figures": link_figures(campaign),
        "figures": figure_rows(posted(row.message for row in rows)),
        "operations": operation_rows(campaign),
        "corrects": Campaign.objects.for_organisation(request.organisation)
        .filter(messages__corrections__campaign=campaign)
        .order_by("pk")
        .distinct(),
    }
    if campaign.status == CampaignStatus.IN_REVIEW:
        context |= _review(campaign, rows)
    return render(request, "web/sendouts/sendout.html", context)


def _with_pictures(campaign: Campaign, rows: list[ReceiptRow]) -> list[ReceiptRow]:
    """The rows with what previews need on their messages."""
    prefetch_related_objects([row.message for row in rows], WITH_PICTURES)
    for row in rows:
        row.message.campaign = campaign
    return rows


def _review(campaign: Campaign, rows: list[ReceiptRow]) -> dict[str, Any]:
    found = open_checks(campaign)
    return {
        "checks": found,
        "has_mail": any(row.is_mail for row in rows),
        "obstacle": of_checks(found),
        "promise": promised(campaign, rows, error_count(found)),
        "time_passed": bool(campaign.scheduled_at) and planned_ahead(campaign) is None,
    }


def promised(campaign: Campaign, rows: list[ReceiptRow], errors: int) -> Promise:
    """What approving it now would do."""
    messages = [row.message for row in rows if row.message.status != MessageStatus.CANCELLED]
    return promise(messages, planned_ahead(campaign), errors=errors)


def planned_ahead(campaign: Campaign) -> datetime | None:
    """The time that it was meant for, if that is still to come."""
    return campaign.scheduled_at if campaign.scheduled_at and campaign.scheduled_at > timezone.now() else None


def _needing(campaign: Campaign, rows: list[ReceiptRow]) -> list[ReceiptRow]:
    """What asks for itself. Whether withdrawn news is sent all the same is asked once for all, above."""
    asked = any(row.only_withdrawn for row in rows) and bool(withdrawn_news(campaign))
    return [row for row in rows if row.needs_person and not (asked and row.only_withdrawn)]


@staff()
def live(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """What changes by itself on the page. 204 while nothing has; the page anew once it is about something else."""
    campaign = own_campaign(request, campaign_id)
    context = _live_context(request, campaign, receipt_rows(campaign))
    if context["stage"] != request.GET.get("stage"):
        return HttpResponseClientRefresh()
    template = "countdown" if context["stage"] == COUNTDOWN else "receipt"
    if context["digest"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, f"web/sendouts/{template}.html", context)


def _live_context(request: OwnRequest, campaign: Campaign, rows: list[ReceiptRow]) -> dict[str, Any]:
    stopped = StopStamp.objects.for_organisation(request.organisation).exists()
    now_at = stage(campaign, rows, stopped=stopped or settings.OPSLAG_NEVER_SEND)
    poll = poll_seconds(now_at, rows)
    begun, counted = any(row.message.started_at for row in rows), any(row.total for row in rows)
    context: dict[str, Any] = {
        "campaign": campaign,
        "rows": rows,
        "stage": now_at,
        "begun": begun or (counted and now_at not in {COUNTDOWN, STOPPED, Progress.SCHEDULED}),
        "needs_person": any(row.needs_person for row in rows),
        "needing": _needing(campaign, rows),
        "poll": poll,
        "seconds": seconds_left(rows),
        "digest": fingerprint(rows, poll),
        "undo_seconds": settings.OPSLAG_UNDO_SECONDS,
        "may_send": may(request, "send"),
        "is_sending": now_at == Progress.SENDING,
    }
    return context
