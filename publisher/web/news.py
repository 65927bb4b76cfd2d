"""News: what staff start the day with. The list in its views, searched and narrowed; back catalogue taken into use."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from publisher.items.search import narrowed
from publisher.items.select import recent, take
from publisher.review.standing import (
    ALL,
    HELD,
    NEW,
    OLDER,
    PLANNED,
    PUBLISHED,
    VIEWS,
    WITHDRAWN,
    numbers,
    standings,
    viewed,
)
from publisher.rules.waiting import turns_of
from publisher.web.news_filter import NewsFilter
from publisher.web.staff import OwnRequest, id_in, may, staff, way_back

PER_PAGE = 20
# What a row of the list shows, in a fixed number of queries.
ROW = ("areas", "topics", "sightings__source", "chosen_for__campaign")
LABELS = {
    NEW: pgettext_lazy("tab", "New"),
    PLANNED: pgettext_lazy("tab", "Planned"),
    PUBLISHED: pgettext_lazy("tab", "Published"),
    WITHDRAWN: pgettext_lazy("tab", "Withdrawn"),
    HELD: pgettext_lazy("tab", "Held back"),
    OLDER: gettext_lazy("Back catalogue"),
    ALL: pgettext_lazy("tab", "All"),
}
# What an empty view says: its heading, and what would be there.
EMPTY = {
    NEW: (
        gettext_lazy("No new news yet"),
        gettext_lazy(
            "What your websites publish from now on appears here by itself. What they had published before is under "
            "Back catalogue."
        ),
    ),
    PLANNED: (
        gettext_lazy("Nothing is planned"),
        gettext_lazy("Choose a news item among the new ones and plan a send-out: it stands here until it is out."),
    ),
    PUBLISHED: (
        gettext_lazy("Nothing is published yet"),
        gettext_lazy("What has gone out in a newsletter or on a channel stands here, with where and when."),
    ),
    WITHDRAWN: (
        gettext_lazy("Nothing is withdrawn"),
        gettext_lazy("What your websites or colleagues take back stands here."),
    ),
    HELD: (
        gettext_lazy("Nothing is held back"),
        gettext_lazy("What looks strange is held back here until you decide."),
    ),
    OLDER: (
        gettext_lazy("No back catalogue"),
        gettext_lazy("What lay in a news source when it was added stands here."),
    ),
    ALL: (gettext_lazy("No news yet"), gettext_lazy("What your websites publish appears here by itself.")),
}


@staff()
def news(request: OwnRequest) -> HttpResponse:
    """One view of the list (?show=), searched and narrowed by the other parameters.

    By default it is the new ones, and all of them where words are searched for: whoever searches means any.
    """
    organisation, show = request.organisation, request.GET.get("show", "")
    chosen = NewsFilter(organisation, request.GET)
    wanted = chosen.wanted()
    view = show if show in VIEWS else ALL if wanted.words else NEW
    found = narrowed(recent(organisation), wanted)
    counts = numbers(found, organisation)
    rows = viewed(found, organisation, view).defer("body_html", "body_text").prefetch_related(*ROW)
    pages = Paginator(rows, PER_PAGE)
    # Known already: the paginator need not ask once more.
    vars(pages)["count"] = counts[view]
    page = pages.get_page(request.GET.get("page"))
    page.object_list = list(page.object_list)
    stands = standings(page.object_list, organisation)
    turns = turns_of(organisation, page.object_list)
    context = {
        "title": _("News"),
        "page": page,
        "rows": [(item, stands[item.pk], [turn for turn in turns if turn.item == item]) for item in page.object_list],
        "show": show if show in VIEWS and view != NEW else "",
        "counts": counts,
        "filter": chosen,
        "chips": chosen.chips(),
        "empty": EMPTY[view],
        "tabs": _tabs(chosen, view, counts),
        "all_url": chosen.address_of(ALL),
        "has_sources": bool(chosen.sources),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/news/list.html", context)


@staff("edit")
def take_as_new(request: OwnRequest) -> HttpResponse:
    """Take an item of the back catalogue into use, and come back to where the button was."""
    if take(request.organisation, [id_in(request.POST.get("item", ""))]):
        messages.success(request, _("It is now among the new ones."))
    return HttpResponseRedirect(way_back(request, reverse("news")))


def back_to_news(request: OwnRequest, words: str) -> HttpResponse:
    """The list, saying why."""
    messages.error(request, words)
    return redirect("news")


def _tabs(chosen: NewsFilter, view: str, counts: Mapping[str, int]) -> list[dict[str, object]]:
    """Every view with its number, narrowed as the list is; what is held back only where there is something."""
    shown = [each for each in VIEWS if each != HELD or counts[HELD] or view == HELD]
    views: list[dict[str, object]] = [
        {"url": chosen.address_of(each), "label": LABELS[each], "current": each == view, "count": counts[each]}
        for each in shown
    ]
    return [*views, {"url": reverse("pictures"), "label": _("Pictures"), "current": False}]
