"""Labellings: set up with a preview of what they would have matched, used on the news that is here, taken away."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods

from publisher.access.audit import record
from publisher.items.label_care import KINDS
from publisher.items.labelling import apply_labelling, keeps, label_rules_for, would_match
from publisher.models import Cooperation, Item, LabelRule
from publisher.templatetags.dates import number
from publisher.web.kept_words import keeps_words
from publisher.web.label_pages import got_words, may_change
from publisher.web.label_words import gives, knows_by
from publisher.web.labelling_form import LabellingForm
from publisher.web.staff import OwnRequest, may, staff

SHOWN = 20


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def labelling_add(request: OwnRequest) -> HttpResponse:
    """A new one, from a topic's or area's page with that chosen already."""
    initial = {f"{kind}s": [request.GET[kind]] for kind in KINDS if request.GET.get(kind, "").isdecimal()}
    form = LabellingForm(request.organisation, request.POST or None, initial=initial, shared=_shared(request))
    return _take(request, form, _("Add a labelling"))


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def labelling_change(request: OwnRequest, pk: int) -> HttpResponse:
    """Change one. What has been labelled by it stays so."""
    rule = _changeable(request, pk)
    form = LabellingForm(request.organisation, request.POST or None, instance=rule, shared=_shared(request))
    return _take(request, form, _("Change a labelling"), rule)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def labelling_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask, then take it away."""
    rule = _changeable(request, pk)
    if request.method == "POST":
        with transaction.atomic():
            words = gettext_noop("removed the labelling")
            record(request.organisation, request.user, "labelling_removed", rule, words)
            rule.delete()
        messages.success(request, _("The labelling is removed. What news got from it stays."))
        return redirect("labels")
    context = {
        "title": _("Remove this labelling?"),
        "sentences": [
            f"{knows_by(rule)} → {gives(rule)}.",
            _("News that comes from now on is not labelled by it; what news got from it stays."),
        ],
        "button": _("Remove"),
        "back_url": reverse("labels"),
        "back_label": _("Topics and areas"),
    }
    return render(request, "web/confirm.html", context)


def _take(request: OwnRequest, form: LabellingForm, title: str, rule: LabelRule | None = None) -> HttpResponse:
    """Look first (“look”), save for news to come (“save”), or for what is here too (“use”)."""
    do = request.POST.get("do", "look")
    if request.method != "POST" or not form.is_valid() or do == "look":
        return _form_page(request, form, title, rule)
    with transaction.atomic():
        kept = form.save()
        words = gettext_noop("added the labelling") if rule is None else gettext_noop("changed the labelling")
        record(request.organisation, request.user, "labelling_kept", kept, words)
    if do == "use":
        got = apply_labelling(request.organisation, form.labelling())
        messages.success(request, f"{_('Saved.')} {got_words(got)}")
    else:
        messages.success(request, _("Saved. It is used on the news that comes from now on."))
    return redirect("labels")


def _form_page(request: OwnRequest, form: LabellingForm, title: str, rule: LabelRule | None) -> HttpResponse:
    fits: list[Item] | None = None
    if form.is_bound and form.is_valid():
        fits = would_match(request.organisation, form.labelling())
    context = {
        "title": title,
        "state": _("Opslag shows you first which news it would have matched; nothing is saved by that."),
        "form": form,
        "looked": fits is not None,
        "fits": (fits or [])[:SHOWN],
        "fits_words": _fits_words(fits or []),
        "rule": rule,
        "back_url": reverse("labels"),
        "back_label": _("Topics and areas"),
    }
    return render(request, "web/settings/labelling.html", context, status=422 if form.errors else 200)


def _fits_words(fits: list[Item]) -> str:
    if not fits:
        return _("No news item of the last 90 days fits.")
    words = ngettext(
        "%(number)s news item of the last 90 days fits.", "%(number)s news items of the last 90 days fit.", len(fits)
    )
    return words % {"number": number(len(fits))}


def _shared(request: OwnRequest) -> list[Cooperation]:
    if not may(request, "manage"):
        return []
    return [row for row in request.organisation.cooperations.order_by("name", "pk") if keeps(request.organisation, row)]


def _changeable(request: OwnRequest, pk: int) -> LabelRule:
    rule = label_rules_for(request.organisation).filter(pk=pk).first()
    if rule is None:
        raise Http404
    if not may_change(request, rule):
        raise PermissionDenied
    return rule
