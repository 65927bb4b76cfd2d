"""Held news: looked at, then taken as news or laid aside: all that was shown, those that are ticked, or one."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Max
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_POST, require_safe

from publisher.access.audit import record
from publisher.items.quarantine import dismiss, held_in, release
from publisher.models import Item, Source
from publisher.models.scoped import ScopedQuerySet
from publisher.templatetags.dates import number
from publisher.web.staff import OwnRequest, id_in, may, own, staff, way_back

PER_PAGE = 30


@staff()
@require_safe
def held(request: OwnRequest) -> HttpResponse:
    """All that is held, or (?source=) what is held of one source."""
    source = _source(request, request.GET.get("source", ""))
    found = _held(request, source).prefetch_related("areas", "topics", "sightings__source")
    pages = Paginator(found, PER_PAGE)
    total = pages.count
    words = ngettext("%(number)s news item waits for a word.", "%(number)s news items wait for a word.", total)
    context = {
        "title": _("Held back"),
        "state": words % {"number": number(total)} if total else _("Nothing is held back."),
        "source": source,
        "number": total,
        "until": found.aggregate(until=Max("pk"))["until"] or 0,
        "page": pages.get_page(request.GET.get("page")),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/news/held.html", context)


@staff("edit")
@require_POST
def settle(request: OwnRequest) -> HttpResponse:
    """Release or dismiss: the one whose button it is, those that are ticked, or all up to the last that the page knew
    (of one source)."""
    given = request.POST
    found = _held(request, _source(request, given.get("source", "")))
    for do in ("release", "dismiss"):
        if do in given:
            _settle(request, found.filter(pk=id_in(given[do])), released=do == "release")
        elif given.get("do") == do and "until" in given:
            _settle(request, found.filter(pk__lte=id_in(given["until"])), released=do == "release")
        elif given.get("do") == do:
            ticked = [id_in(pk) for pk in given.getlist("item")]
            _settle(request, found.filter(pk__in=ticked), released=do == "release")
    return HttpResponseRedirect(way_back(request, reverse("news")))


def _settle(request: OwnRequest, meant: ScopedQuerySet[Item], *, released: bool) -> None:
    with transaction.atomic():
        rows = list(meant.values_list("pk", "sightings__source"))
        if not rows:
            return
        done = (release if released else dismiss)(request.organisation, {pk for pk, _source_id in rows})
        said = gettext_noop("said of %(number)s held news items that they are new")
        said = said if released else gettext_noop("laid %(number)s held news items aside")
        sources = Source.objects.for_organisation(request.organisation)
        for concerned in sources.filter(pk__in={source_id for _pk, source_id in rows}):
            here = len({pk for pk, source_id in rows if source_id == concerned.pk})
            action = "held_released" if released else "held_dismissed"
            record(request.organisation, request.user, action, concerned, said, number=here)
    if released:
        words = ngettext("%(number)s is among the new ones now.", "%(number)s are among the new ones now.", done)
    else:
        words = ngettext(
            "%(number)s is laid aside. You find it under All and can still take it as new.",
            "%(number)s are laid aside. You find them under All and can still take them as new.",
            done,
        )
    messages.success(request, words % {"number": number(done)})


def _held(request: OwnRequest, source: Source | None) -> ScopedQuerySet[Item]:
    found = held_in(request.organisation)
    return found.filter(pk__in=source.sightings.values("item")) if source else found


def _source(request: OwnRequest, given: str) -> Source | None:
    pk = id_in(given)
    return own(Source.objects.for_organisation(request.organisation).defer("credentials", "state"), pk) if pk else None
