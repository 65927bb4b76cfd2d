"""News: the list, one item, and taking back catalogue into use."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from publisher.items.content import clean_html, lead_before
from publisher.items.history import history_of
from publisher.items.select import recent, take
from publisher.models import Item, Source
from publisher.review.worklist import used_in
from publisher.vocabulary import ItemState
from publisher.web.staff import OwnRequest, may, own, staff

PER_PAGE = 20
# What a row of the list shows, in a fixed number of queries.
ROW = ("areas", "topics", "sightings__source", "chosen_for__campaign")


@staff()
def news(request: OwnRequest) -> HttpResponse:
    """The list: what is new (?show=all: the back catalogue too), searched by ?q=."""
    organisation, show, query = request.organisation, request.GET.get("show", ""), request.GET.get("q", "").strip()
    state = None if show == "all" else ItemState.NEW
    found = recent(organisation, state=state, query=query).prefetch_related(*ROW)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    fresh = recent(organisation, state=ItemState.NEW)
    context = {
        "title": _("News"),
        "fresh_count": fresh.count(),
        "unused_count": fresh.filter(chosen_for=None).count(),
        "page": page,
        "query": query,
        "show": show,
        "tabs": [
            {"url": reverse("news"), "label": pgettext("tab", "New"), "current": state is not None},
            {"url": reverse("news") + "?show=all", "label": pgettext("tab", "All"), "current": state is None},
            {"url": reverse("pictures"), "label": _("Pictures"), "current": False},
        ],
        "has_sources": Source.objects.for_organisation(organisation).exists(),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/news/list.html", context)


@staff("edit")
def take_as_new(request: OwnRequest) -> HttpResponse:
    """Take an item of the back catalogue into use, and come back to where the button was."""
    onward = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
        onward = reverse("news")
    chosen = request.POST.get("item", "")
    named = request.method == "POST" and chosen.isascii() and chosen.isdigit()
    if named and take(request.organisation, [int(chosen)]):
        messages.success(request, _("It is now among the new ones."))
    return HttpResponseRedirect(onward)


@staff()
def news_item(request: OwnRequest, item_id: int) -> HttpResponse:
    """One item with all we know of it."""
    rows = Item.objects.for_organisation(request.organisation).select_related("picture")
    item = own(rows.prefetch_related("areas", "topics", "sightings__source"), item_id)
    context = {
        "title": item.title,
        "item": item,
        "lead": lead_before(item.lead, item.body_text),
        # Cleaned when it was stored, and here once more.
        "body": mark_safe(clean_html(item.body_html, item.link)),  # noqa: S308
        "changes": max(item.revision - 1, 0),
        "campaigns": used_in(request.organisation, item.pk),
        "history": history_of(item),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/news/item.html", context)


def back_to_news(request: OwnRequest, words: str) -> HttpResponse:
    """The list, saying why."""
    messages.error(request, words)
    return redirect("news")
