"""Choosing a picture from the library: for a draft, or for a news item."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from publisher.compose.draft_pictures import change_picture
from publisher.items.library import library
from publisher.models import Item, Picture
from publisher.review.drafting import open_for_change
from publisher.vocabulary import CampaignStatus
from publisher.web.picture import show_in_item
from publisher.web.pictures import PER_PAGE
from publisher.web.staff import OwnRequest, id_in, own, own_campaign, refusals_said, staff

NO_PICTURE = "none"


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def draft_picture(request: OwnRequest, campaign_id: int, picture_id: int) -> HttpResponse:
    """Another picture wherever a draft shows this one (0: where it shows none)."""
    campaign = own_campaign(request, campaign_id)
    back = reverse("composer", args=[campaign.pk])
    if campaign.status != CampaignStatus.DRAFT:
        return redirect("sendout", campaign.pk)
    old = own(Picture.objects.for_organisation(request.organisation), picture_id) if picture_id else None
    if request.method == "POST":
        new = None if request.POST.get("picture") == NO_PICTURE else _posted(request)
        with refusals_said(request), transaction.atomic():
            open_for_change(campaign, request.user)
            change_picture(campaign, old, new)
            messages.success(
                request, _("The draft has another picture now.") if new else _("The picture is taken out.")
            )
        return redirect(back)
    state = _("It is shown wherever the draft shows the one before.") if old else ""
    return _choose(request, _("Choose a picture"), state, back, campaign.title, current=old, none=old is not None)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def item_picture(request: OwnRequest, item_id: int) -> HttpResponse:
    """Another picture for a news item, whatever its source says."""
    item = own(Item.objects.for_organisation(request.organisation).select_related("picture"), item_id)
    back = reverse("item", args=[item.pk])
    if request.method == "POST":
        with refusals_said(request):
            show_in_item(request, _posted(request), item)
        return redirect(back)
    state = _("The news item keeps it, whatever its source says later.")
    return _choose(request, _("Choose a picture"), state, back, item.title, current=item.picture)


def _posted(request: OwnRequest) -> Picture:
    return own(Picture.objects.for_organisation(request.organisation), id_in(request.POST.get("picture", "")))


def _choose(
    request: OwnRequest,
    title: str,
    state: str,
    back_url: str,
    back_label: str,
    *,
    current: Picture | None,
    none: bool = False,
) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    found = library(request.organisation, query=query)
    context = {
        "title": title,
        "state": state,
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "current": current,
        "back_url": back_url,
        "back_label": back_label,
        "none": NO_PICTURE if none else "",
    }
    return render(request, "web/pictures/choose.html", context)
