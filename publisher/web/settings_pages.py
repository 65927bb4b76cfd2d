"""Settings of the organisation itself and of its newsletters; the tabs that all settings pages share."""

from __future__ import annotations

import re
from copy import copy

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from publisher.access.audit import record
from publisher.audience.newsletters import add_newsletter
from publisher.compose.colour import contrast, legible, text_on
from publisher.models import Newsletter
from publisher.operate.slugs import slug_of
from publisher.web.kept_words import keeps_words
from publisher.web.settings_forms import NewsletterForm, OrganisationForm
from publisher.web.staff import OwnRequest, may, own, staff

TABS = (
    ("settings", gettext_lazy("Organisation")),
    ("newsletters", gettext_lazy("Newsletters")),
    ("sources", gettext_lazy("News sources")),
    ("labels", gettext_lazy("Topics and areas")),
    ("texts", gettext_lazy("Texts and partners")),
    ("rules", gettext_lazy("Rules")),
    ("people", gettext_lazy("People")),
)
PAPER = "#FFFFFF"
READABLE = 4.5


def tabs(current: str) -> list[dict[str, object]]:
    """The settings pages, `current` (the name of its address) marked."""
    return [{"url": reverse(name), "label": label, "current": name == current} for name, label in TABS]


@keeps_words
@staff()
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_settings(request: OwnRequest) -> HttpResponse:
    """Who we are: changed by administrators, seen by everyone."""
    changes = may(request, "manage")
    if request.method == "POST":
        return _change_organisation(request)
    form = OrganisationForm(instance=request.organisation) if changes else None
    return _organisation_page(request, form)


@staff("manage")
def _change_organisation(request: OwnRequest) -> HttpResponse:
    # A copy: the frame of a refused form goes on showing what is stored.
    stored = copy(request.organisation)
    form = OrganisationForm(request.POST, instance=stored)
    if not form.is_valid():
        return _organisation_page(request, form, status=422)
    form.save()
    record(stored, request.user, "organisation_changed", stored, gettext_noop("changed the organisation’s settings"))
    messages.success(request, _("Saved."))
    return redirect("settings")


@staff()
@require_safe
def newsletters(request: OwnRequest) -> HttpResponse:
    """The organisation's newsletters, each with who it comes from and where replies go."""
    found = list(Newsletter.objects.for_organisation(request.organisation).order_by("name", "pk"))
    context = {
        "title": _("Newsletters"),
        "state": ngettext("%(number)s newsletter.", "%(number)s newsletters.", len(found)) % {"number": len(found)},
        "tabs": tabs("newsletters"),
        "newsletters": found,
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/settings/newsletters.html", context)


@keeps_words
@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def newsletter_add(request: OwnRequest) -> HttpResponse:
    """A new newsletter."""
    form = NewsletterForm(request.POST or None, initial={"brand_colour": request.organisation.brand_colour})
    if request.method == "POST" and form.is_valid():
        made = add_newsletter(form.save(commit=False), request.organisation, slug_of(form.cleaned_data["name"]))
        record(request.organisation, request.user, "newsletter_added", made, gettext_noop("made the newsletter"))
        messages.success(
            request,
            _("“%(name)s” is made. Write its first issue, or add those who have asked for it.") % {"name": made.name},
        )
        return redirect("newsletters")
    return _newsletter_page(request, form, _("Make a newsletter"))


@keeps_words
@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def newsletter_change(request: OwnRequest, pk: int) -> HttpResponse:
    """Name, sender, replies, language, colour."""
    newsletter = own(Newsletter.objects.for_organisation(request.organisation), pk)
    title = newsletter.name
    form = NewsletterForm(request.POST or None, instance=newsletter)
    if request.method == "POST" and form.is_valid():
        form.save()
        words = gettext_noop("changed the newsletter")
        record(request.organisation, request.user, "newsletter_changed", newsletter, words)
        messages.success(request, _("Saved."))
        return redirect("newsletters")
    return _newsletter_page(request, form, title)


@staff()
@require_safe
def colour_check(request: OwnRequest) -> HttpResponse:
    """How readable a colour is, as a part of a page; nothing for what is no colour."""
    return render(request, "web/settings/colour.html", colour_words(request.GET.get("brand_colour", "")))


def colour_words(colour: str) -> dict[str, object]:
    """What a page says about a colour ("#RRGGBB"): text on it, and it as text on white (WCAG 2.2, 1.4.3)."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        return {}
    on = text_on(colour)
    return {
        "colour": colour,
        "on": on,
        "on_ratio": number_format(round(contrast(on, colour), 1)),
        "ratio": number_format(round(contrast(colour, PAPER), 1)),
        "readable": contrast(colour, PAPER) >= READABLE,
        "darker": legible(colour, PAPER),
    }


def _organisation_page(request: OwnRequest, form: OrganisationForm | None, status: int = 200) -> HttpResponse:
    context = {
        "title": _("Organisation"),
        "state": _("What stands in your newsletters and on your pages."),
        "tabs": tabs("settings"),
        "form": form,
        **colour_words(str(form["brand_colour"].value()) if form else request.organisation.brand_colour),
    }
    return render(request, "web/settings/organisation.html", context, status=status)


def _newsletter_page(request: OwnRequest, form: NewsletterForm, title: str) -> HttpResponse:
    context = {
        "title": title,
        "state": _("How the newsletter looks in the inbox."),
        "form": form,
        "button": _("Save"),
        "back_url": reverse("newsletters"),
        "back_label": _("Newsletters"),
        **colour_words(str(form["brand_colour"].value())),
    }
    return render(request, "web/settings/newsletter.html", context, status=422 if form.errors else 200)
