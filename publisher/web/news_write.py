"""Writing a news item by hand, and correcting one: nothing typed is lost, whatever is refused."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from publisher.access.audit import record
from publisher.errors import InputError
from publisher.items.writing import correct, write
from publisher.models import Item
from publisher.web import news_picture
from publisher.web.kept_words import keeps_words
from publisher.web.news_forms import WritingForm, blank, filled
from publisher.web.staff import OwnRequest, own, staff


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def item_write(request: OwnRequest) -> HttpResponse:
    """A news item that comes from no source."""
    if news_picture.OPEN in request.POST:
        return news_picture.choose(request)
    form = _form(request, None)
    if form.is_valid():
        try:
            with transaction.atomic():
                item = write(request.organisation, form.words(), request.user)
                record(request.organisation, request.user, "item_written", item, gettext_noop("wrote the news item"))
        except InputError as error:
            form.add_error("link", str(error))
        else:
            messages.success(request, _("It is among the new ones."))
            return redirect("item", item_id=item.pk)
    return _page(request, form, None)


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def item_edit(request: OwnRequest, item_id: int) -> HttpResponse:
    """Correct an item: from then on its source changes nothing, it suggests."""
    item = own(Item.objects.for_organisation(request.organisation).select_related("picture"), item_id)
    if news_picture.OPEN in request.POST:
        return news_picture.choose(request)
    form = _form(request, item)
    if form.is_valid():
        try:
            with transaction.atomic():
                read = form.cleaned_data["revision"] or item.revision
                correct(item, form.words(), request.user, revision=read)
                record(
                    request.organisation, request.user, "item_corrected", item, gettext_noop("corrected the news item")
                )
        except InputError as error:
            form.add_error("link" if error.reason == "link_taken" else None, str(error))
            if error.reason == "changed_meanwhile":
                item.refresh_from_db(fields=["revision"])
                form.read_again(item.revision)
        else:
            messages.success(request, _("Saved."))
            return redirect("item", item_id=item.pk)
    return _page(request, form, item)


def _form(request: OwnRequest, item: Item | None) -> WritingForm:
    organisation = request.organisation
    initial = filled(item, organisation) if item else blank(request.user, organisation)
    if news_picture.TAKE in request.POST:
        return WritingForm(organisation, item, initial=initial | news_picture.taken(request))
    if request.method == "POST":
        return WritingForm(organisation, item, request.POST, request.FILES, initial=initial)
    return WritingForm(organisation, item, initial=initial)


def _page(request: OwnRequest, form: WritingForm, item: Item | None) -> HttpResponse:
    context = {
        "title": _("Correct the news item") if item else _("Write a news item"),
        "state": _state(item),
        "form": form,
        "item": item,
        "unsaved": bool(form.errors) or news_picture.TAKE in request.POST,
        "back_url": reverse("item", args=[item.pk]) if item else reverse("news"),
        "back_label": item.title if item else _("News"),
    }
    return render(request, "web/news/write.html", context, status=422 if form.errors else 200)


def _state(item: Item | None) -> str:
    if item is None:
        return _("It becomes news like any other: you plan send-outs of it, and rules may use it.")
    if item.sightings.exists():
        return _("Your words stay, also when the news source changes its own.")
    return _("What it said before is kept.")
