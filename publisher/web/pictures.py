"""The picture library: finding pictures, adding them, and saying at once what they show."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext
from django.views.decorators.http import require_http_methods

from publisher.access.audit import record
from publisher.errors import InputError
from publisher.items.library import ENDING, TAKEN_BACK, UNDESCRIBED, describe, library, numbers
from publisher.items.picture_decoding import MAX_BYTES
from publisher.items.pictures import store_picture
from publisher.models import Picture
from publisher.review.photo_consent import posts_to_delete
from publisher.templatetags.dates import number
from publisher.web.kept_words import keeps_words
from publisher.web.picture_forms import LICENCES, UploadForm, WordsForm, words_of
from publisher.web.staff import OwnRequest, id_in, may, staff

PER_PAGE = 24


@staff()
def pictures(request: OwnRequest) -> HttpResponse:
    """The library: all pictures that may be used, or those of one view (?show=), searched by ?q=."""
    organisation, show, query = request.organisation, request.GET.get("show", ""), request.GET.get("q", "").strip()
    counted = numbers(organisation)
    show = show if show in counted else ""
    found = library(organisation, show=show, query=query)
    context = {
        "title": _("Pictures"),
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "show": show,
        "tabs": _tabs(show, counted),
        "total": counted[""],
        "undescribed": counted[UNDESCRIBED],
        "to_delete": posts_to_delete(organisation),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/pictures/list.html", context)


def _tabs(show: str, counted: dict[str, int]) -> list[dict[str, object]]:
    labels = {
        "": pgettext("pictures", "All"),
        UNDESCRIBED: _("Without description"),
        ENDING: _("Consent ends"),
        TAKEN_BACK: _("Withdrawn"),
    }
    here = reverse("pictures")
    return [
        {
            "url": f"{here}?show={name}" if name else here,
            "label": label,
            "current": name == show,
            "count": counted[name] if name else None,
        }
        for name, label in labels.items()
    ]


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def pictures_add(request: OwnRequest) -> HttpResponse:
    """Take files in; what cannot be used is said by name, and the rest is kept."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        kept, refused = taken(request, form.cleaned_data["pictures"])
        if kept:
            for words in refused:
                messages.error(request, words)
            chosen = urlencode([("picture", picture.pk) for picture in kept])
            return redirect(f"{reverse('pictures-describe')}?{chosen}")
        for words in refused:
            form.add_error("pictures", words)
    context = {
        "title": _("Add pictures"),
        "state": _("On the next page you say what they show."),
        "form": form,
    }
    return render(request, "web/pictures/add.html", context, status=422 if form.errors else HTTPStatus.OK)


def taken(request: OwnRequest, files: list[UploadedFile[Any]]) -> tuple[list[Picture], list[str]]:
    """The pictures that were kept, and a sentence for each file that was not."""
    kept: dict[int, Picture] = {}
    refused: list[str] = []
    for file in files:
        try:
            with transaction.atomic():
                # One byte more than may be, so that a longer file is seen to be.
                picture = store_picture(request.organisation, file.read(MAX_BYTES + 1), file_name=file.name or "")
                if picture.pk not in kept:
                    record(
                        request.organisation, request.user, "picture_added", picture, gettext_noop("added the picture")
                    )
            kept[picture.pk] = picture
        except InputError as error:
            refused.append(_("“%(name)s”: %(why)s") % {"name": file.name, "why": error})
    return list(kept.values()), refused


@dataclass(frozen=True)
class Described:
    """A picture with the form of its words."""

    picture: Picture
    form: WordsForm


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def pictures_describe(request: OwnRequest) -> HttpResponse:
    """Say of several pictures (?picture=…) what they show."""
    chosen = _chosen(request)
    if not chosen:
        raise Http404
    rows = [
        Described(picture, WordsForm(request.POST or None, prefix=f"picture-{picture.pk}", initial=words_of(picture)))
        for picture in chosen
    ]
    if request.method == "POST" and not [row for row in rows if not row.form.is_valid()]:
        with transaction.atomic():
            for row in rows:
                if describe(row.picture, row.form.cleaned_data):
                    words = gettext_noop("changed what is known of the picture")
                    record(request.organisation, request.user, "picture_described", row.picture, words)
        messages.success(request, _("Saved."))
        return redirect("picture", rows[0].picture.pk) if len(rows) == 1 else redirect("pictures")
    words = ngettext("Describe the picture", "Describe the %(number)s pictures", len(rows))
    context = {
        "title": words % {"number": number(len(rows))},
        "state": _("Already in the library. The words go along wherever a picture is used."),
        "rows": rows,
        "licences": LICENCES,
        "refused": any(row.form.errors for row in rows),
    }
    return render(request, "web/pictures/describe.html", context, status=422 if context["refused"] else HTTPStatus.OK)


def _chosen(request: OwnRequest) -> list[Picture]:
    ids = [id_in(each) for each in request.GET.getlist("picture")[:PER_PAGE]]
    mine = Picture.objects.for_organisation(request.organisation).filter(pk__in=ids, withdrawn_at=None)
    return list(mine.order_by("pk"))
