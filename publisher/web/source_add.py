"""Adding a news source: look first at what is there, then keep it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from publisher.errors import OpslagError
from publisher.items.first_look import first_look, look_around
from publisher.sources import SOURCES
from publisher.sources.contract import Poll, Suggestion
from publisher.web.kept_words import keeps_words
from publisher.web.plugin_form import form_for, refuse
from publisher.web.source_forms import NameForm, other_kinds
from publisher.web.source_keep import keep
from publisher.web.source_left_out import left_out_words
from publisher.web.source_steps import source_steps
from publisher.web.staff import OwnRequest, staff

SHOWN = 8
FIRST_KIND = next(iter(SOURCES))
_NEVER = datetime.min.replace(tzinfo=UTC)


@keeps_words
@staff("edit")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def source_add(request: OwnRequest, kind: str = FIRST_KIND) -> HttpResponse:
    """Three steps in one address: where is it, what is there (nothing stored yet), keep it under a name."""
    if kind not in SOURCES:
        raise Http404
    if SOURCES[kind].steps:
        return source_steps(request, kind)
    if not SOURCES[kind].polled:
        return _name(request, kind)
    form = form_for(SOURCES[kind].config_class)(request.POST or None)
    if not form.is_valid():
        return _ask(request, kind, form)
    if "name" in request.POST:
        return _keep(request, kind, form)
    return _look(request, kind, form)


def _ask(request: OwnRequest, kind: str, form: forms.Form, choices: Sequence[Suggestion] = ()) -> HttpResponse:
    context = {
        "title": _("Add a news source"),
        "state": _("Opslag looks at it first and shows you what is there. Nothing is saved yet."),
        "form": form,
        "choices": choices,
        "kinds": other_kinds(kind),
        "button": _("See what is there"),
        "back_url": reverse("sources"),
        "back_label": _("News sources"),
    }
    return render(request, "web/settings/source_add.html", context, status=422 if form.errors else 200)


def _look(request: OwnRequest, kind: str, form: forms.Form) -> HttpResponse:
    look = look_around(kind, form.cleaned_data)
    if look.poll is None:
        if look.error and not look.choices:
            refuse(form, SOURCES[kind].config_class, look.error)
        return _ask(request, kind, form, look.choices)
    if look.found:
        form = form_for(SOURCES[kind].config_class)(dict(look.values))
    name = NameForm(initial={"name": look.poll.title[:120]})
    return _show(request, kind, form, look.poll, name, found=look.values.get("url", "") if look.found else "")


def _show(
    request: OwnRequest,
    kind: str,
    form: forms.Form,
    poll: Poll,
    name: NameForm,
    *,
    found: str = "",
    status: int = 200,
) -> HttpResponse:
    latest = sorted(poll.candidates, key=lambda each: each.published_at or _NEVER, reverse=True)
    context: dict[str, Any] = {
        "title": _("This is what is there"),
        "state": ngettext("%(number)s news item.", "%(number)s news items.", len(poll.candidates))
        % {"number": len(poll.candidates)},
        "form": form,
        "name": name,
        "found": found,
        "damage": poll.damage,
        "left_out": left_out_words(SOURCES[kind].left_out(poll.state)),
        "candidates": latest[:SHOWN],
    }
    return render(request, "web/settings/source_look.html", context, status=status)


def _keep(request: OwnRequest, kind: str, form: forms.Form) -> HttpResponse:
    name = NameForm(request.POST)
    if not name.is_valid():
        return _again(request, kind, form, name)
    return keep(request, kind, form.cleaned_data, name.cleaned_data["name"])


def _name(request: OwnRequest, kind: str) -> HttpResponse:
    """Where there is nothing to look at: only a name."""
    form = NameForm(request.POST or None)
    if form.is_valid():
        return keep(request, kind, {}, form.cleaned_data["name"])
    context = {
        "title": _("Add a news source"),
        "state": _("Your website’s own system sends its news here. Next you get the address and a token for it."),
        "form": form,
        "kinds": other_kinds(kind),
        "button": _("Add this source"),
        "back_url": reverse("sources"),
        "back_label": _("News sources"),
    }
    return render(request, "web/settings/source_add.html", context, status=422 if form.errors else 200)


def _again(request: OwnRequest, kind: str, form: forms.Form, name: NameForm) -> HttpResponse:
    """The name is missing: show what is there once more."""
    try:
        poll: Poll = first_look(kind, form.cleaned_data)
    except OpslagError as error:
        refuse(form, SOURCES[kind].config_class, error)
        return _ask(request, kind, form)
    return _show(request, kind, form, poll, name, status=422)
