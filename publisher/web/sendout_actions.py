"""The buttons of a send-out's page; each says in words what it did, or why not, on the page that follows."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.errors import InputError
from publisher.models import Campaign, Message
from publisher.review.afterwards import delete_again, say_deleted
from publisher.review.approval import approve, cancel, send_now, to_draft, undo
from publisher.review.control import cancel_message, pause, release, resume
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.review.settling import settle
from publisher.templatetags.dates import number
from publisher.vocabulary import AccountStatus, CampaignStatus, DeliveryStatus
from publisher.web.promise import error_count, open_checks
from publisher.web.receipt_rows import ReceiptRow, receipt_rows
from publisher.web.sendouts import promised
from publisher.web.staff import OwnRequest, own_campaign, own_message, refusals_said, staff, way_back


@staff("edit")
def act(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """Approve, take back, undo. What the user's role lacks, the review refuses."""
    campaign = own_campaign(request, campaign_id)
    do = request.POST.get("do", "")
    if request.method != "POST":
        return redirect("sendout", campaign.pk)
    with refusals_said(request):
        if do == "approve":
            _approve(request, campaign)
        elif do == "undo" and campaign.status == CampaignStatus.APPROVED:
            undo(campaign, request.user)
            messages.success(request, _("Undone: nothing was sent. It is a draft again."))
        elif do == "back" and campaign.status != CampaignStatus.DRAFT:
            to_draft(campaign, request.user)
            messages.success(request, _("It is a draft again; nothing is sent before it is approved anew."))
    return redirect("sendout", campaign.pk)


def _approve(request: OwnRequest, campaign: Campaign) -> None:
    """Only what the page showed: the same words, the same time. A second press finds it approved already."""
    if campaign.status == CampaignStatus.APPROVED:
        return
    if request.POST.get("revision") != str(campaign.revision):
        raise InputError(CHANGED_MEANWHILE)
    promise = promised(campaign, receipt_rows(campaign), error_count(open_checks(campaign)))
    if request.POST.get("promised") != promise.key:
        raise InputError(_("The planned time has passed meanwhile. Read the sentence by the button, then press again."))
    if promise.at is None:
        send_now(campaign, request.user)
    else:
        wall = campaign.scheduled_wall.replace(tzinfo=None) if campaign.scheduled_wall else None
        approve(campaign, request.user, scheduled_at=promise.at, wall=wall, zone=campaign.scheduled_zone)
        messages.success(request, _("Approved."))


@staff("edit")
def cancel_campaign(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """Ask, then cancel all of it that has not gone out."""
    campaign = own_campaign(request, campaign_id)
    draft = campaign.status == CampaignStatus.DRAFT
    if request.method == "POST":
        with refusals_said(request):
            cancel(campaign, request.user)
            messages.success(request, _cancelled(campaign, draft=draft))
        return redirect("campaigns") if draft else redirect("sendout", campaign.pk)
    if draft:
        return _ask_of_draft(request, campaign)
    return _ask(
        request, campaign, receipt_rows(campaign), _("Cancel the send-out “%(name)s”?") % {"name": campaign.title}
    )


def _cancelled(campaign: Campaign, *, draft: bool) -> str:
    if draft:
        return _("The draft “%(title)s” was cancelled.") % {"title": campaign.title}
    return _("Cancelled. What had gone out stays out; nothing more is sent.")


def _ask_of_draft(request: OwnRequest, campaign: Campaign) -> HttpResponse:
    context = {
        "title": _("Cancel the draft “%(name)s”?") % {"name": campaign.title},
        "sentences": [_("Its words are not used, and nothing is sent. This cannot be undone.")],
        "button": _("Cancel the draft"),
        "back_url": reverse("composer", args=[campaign.pk]),
        "back_label": campaign.title,
    }
    return render(request, "web/confirm.html", context)


@staff("send")
def cancel_one(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """Ask, then cancel what one mail or post has not sent yet."""
    message = own_message(request, campaign_id, message_id)
    if request.method == "POST":
        with refusals_said(request):
            waiting = cancel_message(message, request.user)
            words = ngettext("Cancelled for %(number)s recipient.", "Cancelled for %(number)s recipients.", waiting)
            messages.success(request, words % {"number": number(waiting)})
        return redirect("sendout", campaign_id)
    rows = [row for row in receipt_rows(message.campaign) if row.message.pk == message.pk]
    return _ask(
        request, message.campaign, rows, _("Cancel “%(name)s”?") % {"name": message.newsletter or message.account}
    )


def _ask(request: OwnRequest, campaign: Campaign, rows: list[ReceiptRow], question: str) -> HttpResponse:
    gone = sum(row.counts[DeliveryStatus.SENT] + row.counts[DeliveryStatus.SENDING] for row in rows)
    waiting = sum(row.counts[DeliveryStatus.PENDING] for row in rows)
    sentences = [_("What has not gone out yet is never sent. This cannot be undone.")]
    if gone:
        words = ngettext("%(number)s has already gone out.", "%(number)s have already gone out.", gone)
        sentences.insert(0, words % {"number": number(gone)})
    if waiting and gone:
        words = ngettext("%(number)s is still waiting.", "%(number)s are still waiting.", waiting)
        sentences.insert(1, words % {"number": number(waiting)})
    context = {
        "title": question,
        "sentences": sentences,
        "button": _("Cancel the sending"),
        "back_url": reverse("sendout", args=[campaign.pk]),
        "back_label": campaign.title,
    }
    return render(request, "web/confirm.html", context)


@staff("send")
def act_on_message(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """Pause, resume, release; settle what is unconfirmed or failed, or what a person has deleted."""
    message = own_message(request, campaign_id, message_id)
    if request.method == "POST":
        with refusals_said(request):
            _do(request, message, request.POST.get("do", ""))
    return redirect(way_back(request, reverse("sendout", args=[campaign_id])))


def _released(message: Message) -> str:
    if message.account is not None and message.account.status != AccountStatus.CONNECTED:
        return _("%(name)s: goes out once the channel is connected again.")
    return _("%(name)s: goes out now, or at its planned time.")


def _do(request: OwnRequest, message: Message, do: str) -> None:
    name = message.newsletter or message.account
    simple = {
        "pause": (pause, _("%(name)s: paused. Nothing more is sent until you resume it.")),
        "resume": (resume, _("%(name)s: resumed.")),
        "release": (release, _released(message)),
        "deleted": (say_deleted, _("%(name)s: noted as deleted.")),
        "delete": (delete_again, _("%(name)s: tried again now.")),
    }
    if do in simple:
        action, words = simple[do]
        action(message, request.user)
        messages.success(request, words % {"name": name})
        return
    settled = settle(message, request.user, do, request.POST.get("status", ""))
    words = ngettext("%(number)s settled.", "%(number)s settled.", settled)
    messages.success(request, words % {"number": number(settled)})
