"""A picture from the library for a news item that is being written: what was typed goes there and back with it."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from publisher.items.library import library
from publisher.items.pictures import MAX_BYTES, store_picture
from publisher.models import Picture
from publisher.web.pictures import PER_PAGE
from publisher.web.staff import OwnRequest, id_in, refusals_said

# The buttons: open the library at a page of it, take a picture (or none) back to the form.
OPEN, TAKE = "library", "picture"
_NOT_TYPED = ("csrfmiddlewaretoken", OPEN, TAKE, "q", "upload")


def choose(request: OwnRequest) -> HttpResponse:
    """The library, with all that was typed in hidden fields. Of it only a file is kept: as the latest."""
    upload = request.FILES.get("upload")
    if upload is not None:
        with refusals_said(request):
            store_picture(request.organisation, upload.read(MAX_BYTES + 1), file_name=upload.name or "")
    query = request.POST.get("q", "").strip()
    found = library(request.organisation, query=query)
    context = {
        "title": _("Choose a picture"),
        "state": _("What you have written is still here; nothing is saved yet."),
        "page": Paginator(found, PER_PAGE).get_page(request.POST.get(OPEN)),
        "query": query,
        "current": None,
        "typed": [(name, value) for name, values in request.POST.lists() if name not in _NOT_TYPED for value in values],
    }
    return render(request, "web/news/library.html", context)


def taken(request: OwnRequest) -> dict[str, Any]:
    """The form's fields as they were typed, with the picture that was chosen and what the library says of it."""
    typed = _typed(request.POST)
    usable = Picture.objects.for_organisation(request.organisation).filter(withdrawn_at=None)
    picture = usable.filter(pk=id_in(request.POST[TAKE])).first()
    if picture is not None:
        typed |= {"kept": picture.pk, "alt": picture.alt, "credit": picture.credit, "without_picture": False}
    return typed


def _typed(data: QueryDict) -> dict[str, Any]:
    several = ("topics", "areas")
    return {name: data.getlist(name) if name in several else data[name] for name in data if name not in _NOT_TYPED}
