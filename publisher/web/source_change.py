"""A news source's other address, and taking a source away: both say first what will happen."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from publisher.access.audit import record
from publisher.errors import OpslagError
from publisher.items.first_look import first_look, with_stored_secrets
from publisher.items.sources import Dependants, dependants, remove_source
from publisher.models import Source
from publisher.sources import SOURCES
from publisher.templatetags.dates import number
from publisher.web.kept_words import keeps_words
from publisher.web.plugin_form import form_for, refuse, secret_fields
from publisher.web.source_keep import change
from publisher.web.source_steps import source_steps
from publisher.web.staff import OwnRequest, own, staff


@keeps_words
@staff("edit")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def source_address(request: OwnRequest, pk: int) -> HttpResponse:
    """Where the source is from now on; looked at first, so that nothing is kept that cannot be read."""
    found = _source(request, pk)
    plugin = SOURCES.get(found.kind)
    if plugin is None or not plugin.polled:
        raise Http404
    if plugin.steps:
        return source_steps(request, found.kind, found)
    form = _form(found, request)
    if request.method == "POST" and form.is_valid():
        values = with_stored_secrets(found, form.cleaned_data)
        try:
            first_look(found.kind, values)
            change(request, found, values)
        except OpslagError as error:
            refuse(form, plugin.config_class, error)
        else:
            messages.success(request, _("“%(name)s” is read from its new address now.") % {"name": found.name})
            return redirect("source", pk=pk)
    context = {
        "title": _("Another address for “%(name)s”") % {"name": found.name},
        "state": _("Opslag looks at it first. What is there now becomes back catalogue; what comes after is new."),
        "form": form,
        "button": _("Save"),
        "back_url": reverse("source", args=[pk]),
        "back_label": found.name,
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def source_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask first, saying which rules use it and what stays."""
    found = _source(request, pk)
    if request.method == "POST":
        return _remove(request, found)
    context = {
        "title": _("Remove “%(name)s”?") % {"name": found.name},
        "sentences": _sentences(dependants(found)),
        "button": _("Remove"),
        "back_url": reverse("source", args=[pk]),
        "back_label": found.name,
    }
    return render(request, "web/confirm.html", context)


def _source(request: OwnRequest, pk: int) -> Source:
    mine = Source.objects.for_organisation(request.organisation).select_related("organisation")
    return own(mine.defer("credentials", "state"), pk)


def _form(found: Source, request: OwnRequest) -> forms.Form:
    config_class = SOURCES[found.kind].config_class
    form = form_for(config_class)(request.POST or None, initial=dict(found.config))
    for name in secret_fields(config_class):
        form.fields[name].required = False
        form.fields[name].help_text = _("Leave it empty to keep the one that is stored.")
    return form


def _remove(request: OwnRequest, found: Source) -> HttpResponse:
    with transaction.atomic():
        words = gettext_noop("removed the source “%(name)s”")
        record(request.organisation, request.user, "source_removed", found, words, name=found.name)
        for rule in remove_source(found):
            words = gettext_noop("switched it off: its only source “%(name)s” was removed")
            record(request.organisation, request.user, "rule_off", rule, words, name=found.name)
    messages.success(request, _("“%(name)s” is removed. What came from it is still here.") % {"name": found.name})
    return redirect("sources")


def _sentences(touched: Dependants) -> list[str]:
    """What will happen, and what will not."""
    sentences = [
        _("Opslag reads it no more."),
        ngettext(
            "The %(number)s news item that came from it stays, and so do the send-outs that use it.",
            "The %(number)s news items that came from it stay, and so do the send-outs that use them.",
            touched.items,
        )
        % {"number": number(touched.items)}
        if touched.items
        else _("No news item has come from it."),
    ]
    if touched.rules:
        names = ", ".join(f"“{rule.name}”" for rule in touched.rules)
        sentences.append(
            ngettext(
                "This rule takes news from it: %(names)s.",
                "These rules take news from it: %(names)s.",
                len(touched.rules),
            )
            % {"names": names}
        )
    off = [f"“{rule.name}”" for rule in touched.only if rule.active]
    if off:
        words = ngettext(
            "%(names)s has no other source and is switched off: without a source a rule takes all news.",
            "%(names)s have no other source and are switched off: without a source a rule takes all news.",
            len(off),
        )
        sentences.append(words % {"names": ", ".join(off)})
    return sentences
