"""Settings: texts and hashtags that go into posts with a press, and partners with their names on each platform."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_safe

from publisher.access.audit import record
from publisher.models import Partner, SavedText
from publisher.platforms import PLATFORMS
from publisher.web.kept_words import keeps_words
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, own, staff
from publisher.web.texts_forms import PartnerForm, SavedTextForm


@staff()
@require_safe
def texts(request: OwnRequest) -> HttpResponse:
    """All of them, each with what it says."""
    partners = Partner.objects.for_organisation(request.organisation)
    context = {
        "title": _("Texts and partners"),
        "state": _("What you put into posts with a press while you write them."),
        "tabs": tabs("texts"),
        "texts": SavedText.objects.for_organisation(request.organisation),
        "partners": [(partner, _handles(partner)) for partner in partners],
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/texts.html", context)


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def text_add(request: OwnRequest) -> HttpResponse:
    """A new text, or set of hashtags."""
    form = SavedTextForm(request.POST or None, instance=SavedText(organisation=request.organisation))
    return _take(request, form, _("Save a text"), gettext_noop("added the text “%(name)s”"))


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def text_change(request: OwnRequest, pk: int) -> HttpResponse:
    """Change one; posts that have it already stay as they are."""
    row = own(SavedText.objects.for_organisation(request.organisation), pk)
    form = SavedTextForm(request.POST or None, instance=row)
    return _take(request, form, row.name, gettext_noop("changed the text “%(name)s”"), remove="text-remove")


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def text_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask, then take it away."""
    row = own(SavedText.objects.for_organisation(request.organisation), pk)
    sentence = _("Posts in which it stands already keep it.")
    return _remove(request, row, sentence, gettext_noop("removed the text “%(name)s”"))


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def partner_add(request: OwnRequest) -> HttpResponse:
    """Somebody whom posts mention."""
    form = PartnerForm(request.POST or None, instance=Partner(organisation=request.organisation))
    return _take(request, form, _("Add a partner"), gettext_noop("added the partner “%(name)s”"))


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def partner_change(request: OwnRequest, pk: int) -> HttpResponse:
    """Change one. What is published stays; what is not has the new names."""
    row = own(Partner.objects.for_organisation(request.organisation), pk)
    form = PartnerForm(request.POST or None, instance=row)
    return _take(request, form, row.name, gettext_noop("changed the partner “%(name)s”"), remove="partner-remove")


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def partner_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask, then take it away."""
    row = own(Partner.objects.for_organisation(request.organisation), pk)
    sentence = _("Drafts that mention them show the plain name, and their checks say so. What is published stays.")
    return _remove(request, row, sentence, gettext_noop("removed the partner “%(name)s”"))


def _take(
    request: OwnRequest, form: SavedTextForm | PartnerForm, title: str, words: str, remove: str = ""
) -> HttpResponse:
    """The form, or what was typed saved; `words` for the account of who did what."""
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            kept = form.save()
            record(request.organisation, request.user, "texts", kept, words, name=kept.name)
        messages.success(request, _("Saved."))
        return redirect("texts")
    context = {
        "title": title,
        "state": form.state,
        "form": form,
        "button": _("Save"),
        "remove_url": reverse(remove, args=[form.instance.pk]) if remove else "",
        **_back(),
    }
    return render(request, "web/settings/text.html", context, status=422 if form.errors else 200)


def _remove(request: OwnRequest, row: SavedText | Partner, sentence: str, words: str) -> HttpResponse:
    if request.method == "POST":
        with transaction.atomic():
            record(request.organisation, request.user, "texts", row, words, name=row.name)
            row.delete()
        messages.success(request, _("“%(name)s” is removed.") % {"name": row.name})
        return redirect("texts")
    context = {
        "title": _("Remove “%(name)s”?") % {"name": row.name},
        "sentences": [sentence],
        "button": _("Remove"),
        **_back(),
    }
    return render(request, "web/confirm.html", context)


def _back() -> dict[str, Any]:
    return {"back_url": reverse("texts"), "back_label": _("Texts and partners")}


def _handles(partner: Partner) -> list[tuple[str, str]]:
    """By the platforms' names; a platform that this installation no longer has is left out."""
    return [
        (str(PLATFORMS[kind].label), str(handle))
        for kind, handle in partner.handles.items()
        if handle and kind in PLATFORMS
    ]
