"""Rules: the automatic path as people set it up, switch it on and off, and see what it would have made."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.access.audit import record, timeline
from publisher.access.roles import require
from publisher.errors import Explanation
from publisher.models import Rule
from publisher.models.scoped import ScopedQuerySet
from publisher.rules.matching import would_have_made
from publisher.vocabulary import RuleMode, RuleTiming
from publisher.web.kept_words import keeps_words
from publisher.web.rule_form import RuleForm
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, own, staff


@staff()
@require_safe
def rules(request: OwnRequest) -> HttpResponse:
    """All rules in words."""
    found = list(_own(request).annotate(made=Count("campaigns", distinct=True)).order_by("-active", "name", "pk"))
    active = sum(rule.active for rule in found)
    context = {
        "title": _("Rules"),
        "state": ngettext("%(number)s rule is on.", "%(number)s rules are on.", active) % {"number": active}
        if found
        else _("A rule turns new items into send-outs by itself."),
        "tabs": tabs("rules"),
        "rows": [(rule, _in_words(rule)) for rule in found],
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/rules.html", context)


@staff()
@require_safe
def rule(request: OwnRequest, pk: int) -> HttpResponse:
    """One rule in words, and what it would have made."""
    found = own(_own(request), pk)
    made = would_have_made(found)
    context = {
        "title": found.name,
        "state": _("The rule is on: it takes up new items as they come.")
        if found.active
        else _("The rule is off: it does nothing until somebody switches it on."),
        "rule": found,
        "words": _in_words(found),
        "made": made,
        "made_words": _made_words(len(made)),
        "history": [
            {"at": entry.at, "who": entry.user or "", "text": Explanation.from_json(entry.explanation)}
            for entry in timeline(found)
        ],
        "may_edit": may(request, "edit"),
        "may_switch": _may_switch(request, found),
    }
    return render(request, "web/settings/rule.html", context)


@staff()
@require_safe
def rule_made(request: OwnRequest, pk: int) -> HttpResponse:
    """What a rule would have made, as a part of the list of rules: asked for when somebody opens it."""
    made = would_have_made(own(_own(request), pk))
    return render(request, "web/settings/rule_made.html", {"made": made, "made_words": _made_words(len(made))})


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rule_add(request: OwnRequest) -> HttpResponse:
    """A new rule: kept switched off, so that one sees first what it would have made."""
    form = RuleForm(request.organisation, request.POST or None, may_send=may(request, "send"))
    if request.method == "POST" and form.is_valid():
        form.instance.organisation, form.instance.active = request.organisation, False
        _keep(request, form, "rule_added", gettext_noop("made the rule"))
        messages.success(request, _("The rule is saved but not on yet. Look at what it would have made."))
        return redirect("rule", pk=form.instance.pk)
    return _form_page(request, form, _("Make a rule"), reverse("rules"), _("Rules"))


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rule_change(request: OwnRequest, pk: int) -> HttpResponse:
    """Change a rule. One that publishes by itself is changed only by those who may approve."""
    found = own(_own(request), pk)
    name = found.name
    form = RuleForm(request.organisation, request.POST or None, instance=found, may_send=may(request, "send"))
    if request.method == "POST" and form.is_valid():
        _keep(request, form, "rule_changed", gettext_noop("changed the rule"))
        messages.success(request, _("Saved."))
        return redirect("rule", pk=pk)
    return _form_page(request, form, name, reverse("rule", args=[pk]), name)


@staff("edit")
@require_POST
def rule_on(request: OwnRequest, pk: int) -> HttpResponse:
    """Switch it on."""
    with transaction.atomic():
        # Locked, so that nobody makes it automatic between the question and the switch.
        found = own(Rule.objects.for_organisation(request.organisation).select_for_update(), pk)
        if found.mode == RuleMode.AUTOMATIC:
            require(request.user, "send", request.organisation)
        _switch(request, found, active=True, words=gettext_noop("switched it on"))
    messages.success(request, _("“%(name)s” is on.") % {"name": found.name})
    return redirect("rule", pk=pk)


@staff("edit")
@require_POST
def rule_off(request: OwnRequest, pk: int) -> HttpResponse:
    """Switch it off; what it has made stays."""
    found = own(_own(request), pk)
    _switch(request, found, active=False, words=gettext_noop("switched it off"))
    messages.success(request, _("“%(name)s” is off. What it has made stays as it is.") % {"name": found.name})
    return redirect("rule", pk=pk)


def _own(request: OwnRequest) -> ScopedQuerySet[Rule]:
    mine = Rule.objects.for_organisation(request.organisation).select_related("organisation", "newsletter")
    return mine.prefetch_related("sources", "topics", "areas", "accounts")


def _may_switch(request: OwnRequest, found: Rule) -> bool:
    careful = found.mode == RuleMode.AUTOMATIC and not found.active
    return may(request, "send" if careful else "edit")


def _switch(request: OwnRequest, found: Rule, *, active: bool, words: str) -> None:
    with transaction.atomic():
        Rule.objects.for_organisation(request.organisation).filter(pk=found.pk).update(active=active)
        record(request.organisation, request.user, "rule_on" if active else "rule_off", found, words)


def _keep(request: OwnRequest, form: RuleForm, action: str, words: str) -> None:
    with transaction.atomic():
        form.save()
        record(request.organisation, request.user, action, form.instance, words)


def _form_page(request: OwnRequest, form: RuleForm, title: str, back_url: str, back_label: str) -> HttpResponse:
    context = {
        "title": title,
        "state": _("Which news, to where, when, and who decides."),
        "form": form,
        "back_url": back_url,
        "back_label": back_label,
    }
    return render(request, "web/settings/rule_form.html", context, status=422 if form.errors else 200)


def _in_words(rule: Rule) -> dict[str, str]:
    """A rule's parts, each in a few words."""
    what = [_names(rows) for rows in (rule.sources.all(), rule.topics.all(), rule.areas.all())]
    where = [str(row) for row in (rule.newsletter, *rule.accounts.all()) if row]
    return {
        "what": " · ".join(part for part in what if part) or _("All news"),
        "where": ", ".join(where),
        "when": _when(rule),
        "who": str(RuleMode(rule.mode).label),
        "limits": _("At most %(cap)s a day, nothing older than %(hours)s hours")
        % {"cap": rule.daily_cap, "hours": rule.max_age_hours},
    }


def _names(rows: object) -> str:
    return ", ".join(str(row) for row in rows)  # type: ignore[attr-defined]


def _when(rule: Rule) -> str:
    if rule.timing == RuleTiming.AFTER_MINUTES:
        return ngettext("After %(number)s minute", "After %(number)s minutes", rule.delay_minutes) % {
            "number": rule.delay_minutes
        }
    return str(RuleTiming(rule.timing).label)


def _made_words(number: int) -> str:
    if not number:
        return _("Nothing: no item of the last 30 days fits.")
    return ngettext("%(number)s send-out in 30 days.", "%(number)s send-outs in 30 days.", number) % {"number": number}
