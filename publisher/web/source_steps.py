"""Setting up a source over several pages, as its plug-in says: each step is tried before the next one is shown.

Nothing is stored until the end. What was typed travels with the form, secrets sealed; nothing of it is lost on errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.address_guard import time_limit
from publisher.errors import OpslagError
from publisher.items.first_look import first_look, kept_secrets, with_stored_secrets
from publisher.models import Source
from publisher.sources import SOURCES
from publisher.sources.contract import Offer, Poll, Sample
from publisher.web.plugin_form import form_for, refuse, secret_fields
from publisher.web.sealed import opened, sealed_input
from publisher.web.source_forms import NameForm, other_kinds
from publisher.web.source_keep import change, keep
from publisher.web.staff import OwnRequest

BACK, LOOK = "back", "look"
_LOOK_S = 10


def source_steps(request: OwnRequest, kind: str, found: Source | None = None) -> HttpResponse:
    """One page of the way to a source of this kind, or (with `found`) to another way of reading one."""
    walk = _Walk(request, kind, found)
    if request.method != "POST":
        return walk.ask(0)
    number = _number(request.POST.get("step", ""), len(walk.steps))
    go = request.POST.get("go", "")
    if go == BACK:
        return walk.ask(max(number - 1, 0))
    if number == len(walk.steps):
        return walk.name()
    return walk.took(number, looks=go == LOOK)


def _number(text: str, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 4 else 0


class _Walk:
    """What is known so far: what is stored, what the pages before have brought, what this one brings."""

    def __init__(self, request: OwnRequest, kind: str, found: Source | None) -> None:
        self._request, self._kind, self._found = request, kind, found
        self._plugin = SOURCES[kind]
        self.steps = self._plugin.steps
        names = [each.name for each in fields(self._plugin.config_class)]
        self._secret_names = secret_fields(self._plugin.config_class)
        self._belonging = [each.name for each in fields(self._plugin.config_class) if "belongs_to" in each.metadata]
        stored = {name: str(value) for name, value in found.config.items() if name in names} if found else {}
        posted = {name: request.POST[name].strip() for name in names if name in request.POST}
        self._secrets = self._known_secrets(posted)
        self._open = {name: value for name, value in (stored | posted).items() if name not in self._secret_names}

    def ask(self, number: int) -> HttpResponse:
        """Show a step that has not been sent yet; the one before again if what it says does not lead here."""
        try:
            offers = self._offers(number)
        except OpslagError as error:
            if number == 0:
                raise
            return self._refused(number - 1, error)
        offered = {name for name, offer in offers.items() if offer.choices}
        if all(_fits(self._open[name], offers[name]) for name in offered & self._open.keys()):
            offered = set()
        # Where one choice is not there any more (another table), all are guessed anew.
        initial = {name: value for name, value in self._open.items() if name not in offered}
        form = self._form_class(number, offers)(initial=initial)
        self._loosen(form)
        return self._page(number, form)

    def took(self, number: int, *, looks: bool) -> HttpResponse:
        """What a step brings: the next one if it can be shown; with `looks` only what comes of it."""
        try:
            offers = self._offers(number)
        except OpslagError as error:
            return self._refused(max(number - 1, 0), error)
        form = self._form_class(number, offers)(self._request.POST)
        self._loosen(form)
        if not form.is_valid() or looks:
            return self._page(number, form, status=422 if form.errors and not looks else 200)
        if number + 1 < len(self.steps):
            return self.ask(number + 1)
        return self._end(number)

    def name(self) -> HttpResponse:
        """The last page: what it is called; then it is kept."""
        form = NameForm(self._request.POST)
        if self._found is None and form.is_valid():
            return keep(self._request, self._kind, self._values(), form.cleaned_data["name"])
        try:
            poll = self._first_look()
        except OpslagError as error:
            return self._refused(len(self.steps) - 1, error)
        return self._name_page(form, poll, status=422)

    def _end(self, number: int) -> HttpResponse:
        try:
            poll = self._first_look()
            if self._found is None:
                return self._name_page(NameForm(initial={"name": poll.title[:120]}), poll)
            change(self._request, self._found, self._values())
        except OpslagError as error:
            return self._refused(number, error)
        messages.success(self._request, _("Saved. “%(name)s” is being read again.") % {"name": self._found.name})
        return redirect("source", pk=self._found.pk)

    def _first_look(self) -> Poll:
        """As for any source, but in the time that a person waits for a page."""
        with time_limit(_LOOK_S):
            return first_look(self._kind, self._values())

    def _refused(self, number: int, error: OpslagError) -> HttpResponse:
        """The step once more as it was filled in, with what is wrong."""
        offers: Mapping[str, Offer] = {}
        try:
            offers = self._offers(number)
        except OpslagError as deeper:
            if number > 0:
                return self._refused(number - 1, deeper)
        form = self._form_class(number, offers)(self._values())
        self._loosen(form)
        form.is_valid()
        refuse(form, self._plugin.config_class, error)
        return self._page(number, form, status=422, samples=False)

    def _offers(self, number: int) -> Mapping[str, Offer]:
        return self._plugin.offers(self.steps[number], self._config()) if number else {}

    def _form_class(self, number: int, offers: Mapping[str, Offer]) -> type[forms.Form]:
        return form_for(self._plugin.config_class, self.steps[number].fields, offers)

    def _loosen(self, form: forms.Form) -> None:
        """A secret that we have need not be typed again."""
        for name in self._secrets:
            if name in form.fields:
                form.fields[name].required = False
                form.fields[name].help_text = (
                    _("Leave it empty to keep what you wrote, unless you write another address.")
                    if name in self._belonging
                    else _("Leave it empty to keep what you wrote. It is never shown again.")
                )

    def _page(self, number: int, form: forms.Form, *, status: int = 200, samples: bool = True) -> HttpResponse:
        step, is_last = self.steps[number], number + 1 == len(self.steps)
        context: dict[str, Any] = {
            "title": step.title,
            "state": step.hint,
            "of": _("Step %(number)s of %(all)s") % {"number": number + 1, "all": len(self.steps) + (not self._found)},
            "form": form,
            "step": number,
            "carried": self._carried(form.fields),
            "button": _("Save") if is_last and self._found else step.button,
            "back_url": reverse("source", args=[self._found.pk]) if self._found else reverse("sources"),
            "back_label": self._found.name if self._found else _("News sources"),
            "kinds": [] if self._found or number else other_kinds(self._kind),
            "shows_samples": step.shows_samples and samples,
        }
        if context["shows_samples"]:
            context |= self._samples(form)
        return render(self._request, "web/settings/source_step.html", context, status=status)

    def _name_page(self, form: NameForm, poll: Poll, status: int = 200) -> HttpResponse:
        context = {
            "title": _("What is it called?"),
            "state": ngettext("%(number)s news item.", "%(number)s news items.", len(poll.candidates))
            % {"number": len(poll.candidates)},
            "of": _("Step %(number)s of %(all)s") % {"number": len(self.steps) + 1, "all": len(self.steps) + 1},
            "form": form,
            "step": len(self.steps),
            "carried": self._carried({}),
            "button": _("Add this source"),
            "back_url": reverse("sources"),
            "back_label": _("News sources"),
            "is_end": True,
        }
        return render(self._request, "web/settings/source_step.html", context, status=status)

    def _samples(self, form: forms.Form) -> dict[str, Any]:
        """What comes of the fields as they stand in the form, sent or guessed."""
        standing = {name: str(form[name].value() or "") for name in form.fields}
        try:
            found: list[Sample] = list(self._plugin.samples(self._config(standing)))
        except OpslagError as error:
            return {"samples": [], "sample_error": str(error)}
        return {"samples": found, "sample_error": ""}

    def _carried(self, shown: Mapping[str, object]) -> list[SafeString]:
        """Hidden fields for what this page does not ask."""
        rest = {name: value for name, value in self._open.items() if name not in shown}
        hidden = [format_html('<input type="hidden" name="{}" value="{}">', *pair) for pair in rest.items()]
        return [*hidden, sealed_input(self._request.user, self._secrets)]

    def _known_secrets(self, posted: Mapping[str, str]) -> dict[str, str]:
        stored = with_stored_secrets(self._found, {}) if self._found else {}
        typed = {name: posted[name] for name in self._secret_names if posted.get(name)}
        known = stored | opened(self._request, self._request.user)
        return kept_secrets(self._kind, known, typed) | typed

    def _values(self) -> dict[str, str]:
        return self._open | self._secrets

    def _config(self, instead: Mapping[str, str] | None = None) -> Any:
        shown = {name: value for name, value in (instead or {}).items() if name not in self._secret_names}
        # A secret that was sealed too long ago is missing: the plug-in says so in words.
        return self._plugin.config_class(**dict.fromkeys(self._secret_names, "") | self._values() | shown)


def _fits(value: str, offer: Offer) -> bool:
    """Whether what was filled in earlier is still among what is offered."""
    return any(value == choice for choice, _words in offer.choices)
