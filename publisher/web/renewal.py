"""The answers to what a send-out asks about news that changed, was withdrawn or went out before."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from publisher.models import Campaign
from publisher.review.renewal import keep, send_again, send_anyway, take
from publisher.vocabulary import CampaignStatus
from publisher.web.staff import OwnRequest, own_campaign, refusals_said, staff


@staff("edit")
@require_POST
def decide(request: OwnRequest, campaign_id: int, item_id: int) -> HttpResponse:
    """Take the new words, keep the old ones, send withdrawn news all the same, or known news again."""
    campaign = own_campaign(request, campaign_id)
    do = request.POST.get("do", "")
    with refusals_said(request):
        if do == "take":
            _take(request, campaign, item_id)
        elif do == "keep":
            keep(campaign, item_id, request.user)
            messages.success(request, _("The words stay as they are."))
        elif do == "anyway":
            send_anyway(campaign, item_id, request.user)
            messages.success(request, _("It is sent all the same."))
        elif do == "again":
            send_again(campaign, item_id, request.user)
            messages.success(request, _("Noted: it is sent again."))
    return redirect("sendout", campaign_id)


def _take(request: OwnRequest, campaign: Campaign, item_id: int) -> None:
    draft = campaign.status == CampaignStatus.DRAFT
    whole = take(campaign, item_id, request.user)
    said = (
        _("The new words are in.")
        if draft
        else _("The new words are in. Somebody must approve them before it is sent.")
    )
    messages.success(request, said)
    if not whole:
        messages.warning(
            request, _("What you or a colleague had written by hand stays as it was. Look at it once more.")
        )
