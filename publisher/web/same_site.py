"""Settings: one website that is known under several addresses."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from publisher.access.audit import record
from publisher.errors import InputError
from publisher.items.hosts import Mapped, same_site
from publisher.models import SameSite
from publisher.templatetags.dates import number
from publisher.web.kept_words import keeps_words
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, own, staff

_ADDRESS = {"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}
MOST_NAMED = 5


class SameSiteForm(forms.Form):
    """The other address, and the one that readers know."""

    alias = forms.CharField(
        label=gettext_lazy("The other address"),
        help_text=gettext_lazy("For example a test server or the address of your CMS: cms.kommune.dk, 10.0.0.5:8080."),
        max_length=300,
        widget=forms.TextInput(attrs=_ADDRESS),
    )
    site = forms.CharField(
        label=gettext_lazy("The website as readers know it"),
        help_text=gettext_lazy("For example https://kommune.dk. News links lead there."),
        max_length=300,
        widget=forms.TextInput(attrs=_ADDRESS),
    )


@keeps_words
@staff()
@require_http_methods(["GET", "HEAD", "POST"])
def same_sites(request: OwnRequest) -> HttpResponse:
    """The addresses that are one website, and a form for another."""
    if request.method == "POST":
        return _add(request)
    return _page(request, SameSiteForm() if may(request, "edit") else None)


@staff("edit")
def _add(request: OwnRequest) -> HttpResponse:
    form = SameSiteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        with transaction.atomic():
            row, mapped = same_site(request.organisation, form.cleaned_data["alias"], form.cleaned_data["site"])
            words = gettext_noop("said that “%(alias)s” is the website “%(site)s”")
            record(request.organisation, request.user, "same_site_added", row, words, alias=row.alias, site=row.site)
    except InputError as error:
        form.add_error("alias", str(error))
        return _page(request, form, status=422)
    messages.success(request, _what_it_did(mapped))
    if mapped.apart:
        messages.warning(request, _what_stays(mapped))
    return redirect("same-sites")


@staff("edit")
@require_POST
def same_site_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """From now on they are two websites again; links that have followed stay where they are."""
    row = own(SameSite.objects.for_organisation(request.organisation), pk)
    with transaction.atomic():
        words = gettext_noop("said that “%(alias)s” is a website of its own")
        record(request.organisation, request.user, "same_site_removed", row, words, alias=row.alias)
        row.delete()
    messages.success(request, _("“%(alias)s” is a website of its own again.") % {"alias": row.alias})
    return redirect("same-sites")


def _page(request: OwnRequest, form: SameSiteForm | None, status: int = 200) -> HttpResponse:
    context = {
        "title": _("The same website"),
        "state": _("So that one article that comes from two addresses is one news item."),
        "tabs": tabs("sources"),
        "rows": SameSite.objects.for_organisation(request.organisation),
        "form": form,
    }
    return render(request, "web/settings/same_site.html", context, status=status)


def _what_it_did(mapped: Mapped) -> str:
    moved = ngettext("%(number)s link follows it.", "%(number)s links follow it.", mapped.moved)
    sentences = [_("Saved."), moved % {"number": number(mapped.moved)}] if mapped.moved else [_("Saved.")]
    if mapped.merged:
        merged = ngettext(
            "%(number)s news item that was there twice is one now.",
            "%(number)s news items that were there twice are one each now.",
            mapped.merged,
        )
        sentences.append(merged % {"number": number(mapped.merged)})
    return " ".join(sentences)


def _what_stays(mapped: Mapped) -> str:
    titles = ", ".join(f"“{one.title}”" for one, _other in mapped.apart[:MOST_NAMED])
    words = ngettext(
        "%(number)s stays two, because both were used in send-outs: %(titles)s",
        "%(number)s stay two each, because both were used in send-outs: %(titles)s",
        len(mapped.apart),
    )
    return words % {"number": number(len(mapped.apart)), "titles": titles}
