"""Topics and areas: what there is, one with what uses it and its labellings, and words that mean nothing here yet."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from publisher.access.audit import record
from publisher.errors import InputError
from publisher.items.label_care import KINDS, add_label, kind_of, labels_for, uses
from publisher.items.labelling import (
    apply_labelling,
    keeps,
    label_rules_for,
    map_word,
    unknown_words,
)
from publisher.items.labels import Labelling
from publisher.items.words import key
from publisher.models import Area, LabelRule, Topic
from publisher.templatetags.dates import number
from publisher.vocabulary import LabelRuleKind
from publisher.web.kept_words import keeps_words
from publisher.web.label_words import gives, knows_by, use_sentences
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, staff
from publisher.web.who_did_what import who_did_what

# How like two words are (difflib's ratio) that one may stand for the other: “koncerter” for “Koncert”.
NEARLY = 0.75


class LabelForm(forms.Form):
    """A topic's or area's name."""

    name = forms.CharField(
        label=pgettext_lazy("topic or area", "Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Write a name.")},
    )


@staff()
@require_safe
def labels(request: OwnRequest) -> HttpResponse:
    """All topics and areas with their labellings, and what is not understood yet."""
    return _list_page(request, {kind: LabelForm(auto_id=f"id_{kind}_%s") for kind in KINDS})


@keeps_words
@staff("edit")
@require_POST
def label_add(request: OwnRequest, kind: str) -> HttpResponse:
    """Another topic or area of the organisation's own."""
    if kind not in KINDS:
        raise Http404
    forms_of = {each: LabelForm(auto_id=f"id_{each}_%s") for each in KINDS}
    form = forms_of[kind] = LabelForm(request.POST, auto_id=f"id_{kind}_%s")
    if form.is_valid():
        try:
            with transaction.atomic():
                made = add_label(kind, form.cleaned_data["name"], request.organisation)
                record(request.organisation, request.user, "label_added", made, gettext_noop("added it"))
        except InputError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("“%(name)s” is added.") % {"name": made.name})
            return redirect("labels")
    return _list_page(request, forms_of, status=422)


@staff("edit")
@require_POST
def word_mean(request: OwnRequest) -> HttpResponse:
    """One click: what a word of the sources means; also for the news that is here already."""
    word = " ".join(request.POST.get("word", "").split())[:120]
    kind, _colon, chosen = request.POST.get("means", "").partition(":")
    if not word or kind not in KINDS:
        messages.warning(request, _("Choose what “%(word)s” means, then press the button again.") % {"word": word})
        return redirect("labels")
    try:
        with transaction.atomic():
            label = own_label(request, kind, int(chosen)) if chosen.isdecimal() else _made_of(request, kind, word)
            if chosen:
                # A topic or area that is called like the word is understood without it.
                map_word(request.organisation, word, label)
            words = gettext_noop("says that “%(word)s” means it")
            record(request.organisation, request.user, "word_mapped", label, words, word=word)
            gets = {"topics": [label]} if isinstance(label, Topic) else {"areas": [label]}
            got = apply_labelling(request.organisation, Labelling(LabelRuleKind.CATEGORY, [word], **gets))
    except InputError as error:
        messages.error(request, str(error))
        return redirect("labels")
    said = _("“%(word)s” means “%(label)s” from now on.") % {"word": word, "label": label.name}
    messages.success(request, f"{said} {got_words(got)}")
    return redirect("labels")


def _made_of(request: OwnRequest, kind: str, word: str) -> Topic | Area:
    made = add_label(kind, word[:80], request.organisation)
    record(request.organisation, request.user, "label_added", made, gettext_noop("added it"))
    return made


@staff()
@require_safe
def label(request: OwnRequest, kind: str, pk: int) -> HttpResponse:
    """One topic or area: what uses it, what sources call it, its name."""
    return label_page(request, own_label(request, kind, pk))


def own_label(request: OwnRequest, kind: str, pk: int) -> Topic | Area:
    """A topic or area that the organisation knows. Raises Http404."""
    found: Topic | Area | None = labels_for(kind, request.organisation).filter(pk=pk).first() if kind in KINDS else None
    if found is None:
        raise Http404
    return found


def may_change(request: OwnRequest, row: Topic | Area | LabelRule) -> bool:
    """Whether the user may change it: what is shared, only an administrator of whoever looks after it."""
    if row.cooperation is None:
        return may(request, "edit")
    return may(request, "manage") and keeps(request.organisation, row.cooperation)


def label_page(request: OwnRequest, found: Topic | Area, form: LabelForm | None = None) -> HttpResponse:
    """The page of one; `form`: a refused new name."""
    changes = may_change(request, found)
    rules = [rule for rule in label_rules_for(request.organisation) if found in [*rule.topics.all(), *rule.areas.all()]]
    context = {
        "title": form.initial["name"] if form else found.name,
        "state": _kind_words(found),
        "label": found,
        "kind": kind_of(found),
        "shared": found.cooperation,
        "uses": use_sentences(uses(found)) if changes else [],
        "labellings": [(rule, knows_by(rule), gives(rule), may_change(request, rule)) for rule in rules],
        "form": (form or LabelForm(initial={"name": found.name})) if changes else None,
        "history": who_did_what(found),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/label.html", context, status=422 if form else 200)


def got_words(got: int) -> str:
    """How much of the news that is here got something new."""
    if not got:
        return _("None of the news that is here already is changed by it.")
    return ngettext(
        "%(number)s news item that is here already got it.",
        "%(number)s news items that are here already got it.",
        got,
    ) % {"number": number(got)}


def _kind_words(found: Topic | Area) -> str:
    if found.cooperation:
        words = _("A topic shared by %(name)s.") if isinstance(found, Topic) else _("An area shared by %(name)s.")
        return words % {"name": found.cooperation.name}
    return _("A topic of your own.") if isinstance(found, Topic) else _("An area of your own.")


def _guess(word: str, kinds: Sequence[tuple[str, str, Sequence[Topic | Area], LabelForm]]) -> str:
    """What a word most likely means, as the choices beside it call it: what is called nearly so, else a new topic."""
    called = {key(row.name): f"{kind}:{row.pk}" for kind, _heading, rows, _form in kinds for row in rows}
    near = get_close_matches(key(word), called, n=1, cutoff=NEARLY)
    return called[near[0]] if near else "topic:"


def _list_page(request: OwnRequest, forms_of: dict[str, LabelForm], status: int = 200) -> HttpResponse:
    rules = list(label_rules_for(request.organisation))
    heading = {"topic": _("Topics"), "area": _("Areas")}
    kinds = [(kind, heading[kind], list(labels_for(kind, request.organisation)), forms_of[kind]) for kind in KINDS]
    context = {
        "title": _("Topics and areas"),
        "state": _(
            "What news is about and where it matters. Sources use words of their own; here you say what they mean."
        ),
        "tabs": tabs("labels"),
        "kinds": kinds,
        "labellings": [(rule, knows_by(rule), gives(rule), may_change(request, rule)) for rule in rules],
        "unknown": [(each, _guess(each.word, kinds)) for each in unknown_words(request.organisation)],
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/labels.html", context, status=status)
