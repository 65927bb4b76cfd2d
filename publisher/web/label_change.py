"""Renaming, merging and removing a topic or area: each says first what will happen."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from publisher.access.audit import record
from publisher.errors import InputError
from publisher.items.label_care import kind_of, merge_choices, merge_label, remove_label, rename_label, uses
from publisher.models import Area, Topic
from publisher.web.kept_words import keeps_words
from publisher.web.label_pages import LabelForm, label_page, may_change, own_label
from publisher.web.label_words import removal_sentences, use_sentences
from publisher.web.staff import OwnRequest, staff


class MergeForm(forms.Form):
    """Into what."""

    into: forms.ModelChoiceField[Topic | Area] = forms.ModelChoiceField(
        label=gettext_lazy("Merge it into"),
        queryset=None,
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what it is the same as.")},
    )


@keeps_words
@staff("edit")
@require_POST
def label_rename(request: OwnRequest, kind: str, pk: int) -> HttpResponse:
    """Another name; what sources call by the old one still means it."""
    found = _changeable(request, kind, pk)
    form = LabelForm(request.POST, initial={"name": found.name})
    if form.is_valid():
        try:
            with transaction.atomic():
                old = found.name
                rename_label(found, form.cleaned_data["name"], request.organisation)
                words = gettext_noop("renamed it; it was called “%(name)s”")
                record(request.organisation, request.user, "label_renamed", found, words, name=old)
        except InputError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("label", kind=kind, pk=pk)
    return label_page(request, found, form)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def label_merge(request: OwnRequest, kind: str, pk: int) -> HttpResponse:
    """Make two one: everything that has this has the other then."""
    found = _changeable(request, kind, pk)
    form = MergeForm(request.POST if request.method == "POST" else None)
    form.fields["into"].queryset = merge_choices(found, request.organisation)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        into: Topic | Area = form.cleaned_data["into"]
        try:
            with transaction.atomic():
                words = gettext_noop("merged “%(name)s” into it")
                record(request.organisation, request.user, "label_merged", into, words, name=found.name)
                merge_label(found, into)
        except InputError as error:
            form.add_error(None, str(error))
        else:
            said = _("“%(name)s” is “%(into)s” now, also where sources call it by its old name.")
            messages.success(request, said % {"name": found.name, "into": into.name})
            return redirect("label", kind=kind, pk=into.pk)
    context = {
        "title": _("Merge “%(name)s” into another?") % {"name": found.name},
        "state": _("Everything that has it gets the other instead. This cannot be undone."),
        "sentences": use_sentences(uses(found)),
        "form": form,
        "button": _("Merge"),
        "back_url": reverse("label", args=[kind, pk]),
        "back_label": found.name,
    }
    return render(request, "web/settings/label_merge.html", context, status=422 if form.errors else 200)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def label_remove(request: OwnRequest, kind: str, pk: int) -> HttpResponse:
    """Ask first, saying what uses it."""
    found = _changeable(request, kind, pk)
    if request.method == "POST":
        return _remove(request, found)
    context = {
        "title": _("Remove “%(name)s”?") % {"name": found.name},
        "sentences": removal_sentences(found, uses(found)),
        "button": _("Remove"),
        "back_url": reverse("label", args=[kind, pk]),
        "back_label": found.name,
    }
    return render(request, "web/confirm.html", context)


def _remove(request: OwnRequest, found: Topic | Area) -> HttpResponse:
    name, kind, pk = found.name, kind_of(found), found.pk
    try:
        with transaction.atomic():
            record(request.organisation, request.user, "label_removed", found, gettext_noop("removed it"))
            for rule in remove_label(found):
                words = gettext_noop("switched it off: “%(name)s”, all that it asked for, was removed")
                record(rule.organisation, request.user, "rule_off", rule, words, name=name)
    except InputError as error:
        messages.error(request, str(error))
        return redirect("label", kind=kind, pk=pk)
    messages.success(request, _("“%(name)s” is removed.") % {"name": name})
    return redirect("labels")


def _changeable(request: OwnRequest, kind: str, pk: int) -> Topic | Area:
    found = own_label(request, kind, pk)
    if not may_change(request, found):
        raise PermissionDenied
    return found
