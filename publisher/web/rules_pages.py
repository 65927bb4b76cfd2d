"""Rules: the automatic path as people set it up, switch it on and off, and see what it would have made."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.errors import Explanation
from publisher.models import Rule, RuleMatch
from publisher.models.scoped import ScopedQuerySet
from publisher.rules.pacing import goes_out
from publisher.rules.past import Past, would_have_made
from publisher.rules.switching import go_on, look_again, switch_off, switch_on, waiting
from publisher.templatetags.dates import number
from publisher.vocabulary import MatchOutcome, RuleMail, RuleMode
from publisher.web.kept_words import keeps_words
from publisher.web.rule_form import RuleForm
from publisher.web.rule_words import misfire_words, sentence
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, own, refusals_said, staff
from publisher.web.who_did_what import who_did_what

SHOWN = 8


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
        "rows": [(rule, sentence(rule)) for rule in found],
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/rules.html", context)


@staff()
@require_safe
def rule(request: OwnRequest, pk: int) -> HttpResponse:
    """One rule in words, and what it would have made."""
    found = own(_own(request), pk)
    past = would_have_made(found)
    met = RuleMatch.objects.for_organisation(request.organisation).filter(rule=found)
    settled = met.exclude(outcome=MatchOutcome.WAITING).select_related("item", "campaign", "issue")
    context = {
        "title": found.name,
        "state": _state(found),
        "rule": found,
        "words": sentence(found),
        "misfire_words": misfire_words(found),
        "held_why": str(Explanation.from_json(found.held_why)) if found.held_at else "",
        "waiting": list(waiting(found).select_related("item")[:SHOWN]),
        "waiting_count": waiting(found).count(),
        "lately": list(settled.order_by("-at", "-pk")[:SHOWN]),
        **_past(found, past),
        "history": who_did_what(found),
        "may_edit": may(request, "edit"),
        "may_switch": _may_switch(request, found),
        "may_go_on": may(request, "send" if found.mode == RuleMode.AUTOMATIC else "edit"),
    }
    return render(request, "web/settings/rule.html", context)


def _state(found: Rule) -> str:
    if not found.active:
        return _("The rule is off: it does nothing until somebody switches it on.")
    if found.held_at:
        return _("The rule holds itself: it does nothing until somebody has looked.")
    return _("The rule is on: it takes up new items as they come.")


@staff()
@require_safe
def rule_made(request: OwnRequest, pk: int) -> HttpResponse:
    """What a rule would have made, as a part of the list of rules: asked for when somebody opens it."""
    found = own(_own(request), pk)
    return render(request, "web/settings/rule_made.html", _past(found, would_have_made(found)))


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
        with transaction.atomic():
            _keep(request, form, "rule_changed", gettext_noop("changed the rule"))
            waiting_now = look_again(found, timezone.now())
        messages.success(request, _saved(waiting_now))
        return redirect("rule", pk=pk)
    return _form_page(request, form, name, reverse("rule", args=[pk]), name)


@staff("edit")
@require_POST
def rule_on(request: OwnRequest, pk: int) -> HttpResponse:
    """Switch it on."""
    with refusals_said(request), transaction.atomic():
        # Locked, so that nobody makes it automatic between the question and the switch.
        found = own(Rule.objects.for_organisation(request.organisation).select_for_update(), pk)
        if found.mode == RuleMode.AUTOMATIC:
            require(request.user, "send", request.organisation)
        switch_on(found, timezone.now())
        record(request.organisation, request.user, "rule_on", found, gettext_noop("switched it on"))
        messages.success(request, _("“%(name)s” is on.") % {"name": found.name})
    return redirect("rule", pk=pk)


@staff("edit")
@require_POST
def rule_go_on(request: OwnRequest, pk: int) -> HttpResponse:
    """Let a rule that held itself work on."""
    with transaction.atomic():
        found = own(Rule.objects.for_organisation(request.organisation).select_for_update(), pk)
        if found.mode == RuleMode.AUTOMATIC:
            require(request.user, "send", request.organisation)
        if go_on(found, timezone.now()):
            record(request.organisation, request.user, "rule_go_on", found, gettext_noop("let it go on"))
            messages.success(request, _("“%(name)s” goes on.") % {"name": found.name})
    return redirect("rule", pk=pk)


@staff("edit")
@require_POST
def rule_off(request: OwnRequest, pk: int) -> HttpResponse:
    """Switch it off; what it has made stays."""
    with transaction.atomic():
        found = own(Rule.objects.for_organisation(request.organisation).select_for_update(), pk)
        left = switch_off(found)
        record(request.organisation, request.user, "rule_off", found, gettext_noop("switched it off"))
    words = _("“%(name)s” is off. What it has made stays as it is.") % {"name": found.name}
    if left:
        more = ngettext(
            "%(number)s news item that waited for its turn is left out.",
            "%(number)s news items that waited for their turn are left out.",
            left,
        )
        words = f"{words} {more % {'number': number(left)}}"
    messages.success(request, words)
    return redirect("rule", pk=pk)


def _saved(waiting_now: int) -> str:
    if not waiting_now:
        return _("Saved.")
    words = ngettext(
        "Saved. %(number)s news item that waits is looked at again, by what the rule says now.",
        "Saved. %(number)s news items that wait are looked at again, by what the rule says now.",
        waiting_now,
    )
    return words % {"number": number(waiting_now)}


def _own(request: OwnRequest) -> ScopedQuerySet[Rule]:
    mine = Rule.objects.for_organisation(request.organisation).select_related("organisation", "newsletter")
    return mine.prefetch_related("sources", "topics", "areas", "accounts")


def _may_switch(request: OwnRequest, found: Rule) -> bool:
    careful = found.mode == RuleMode.AUTOMATIC and not found.active
    return may(request, "send" if careful else "edit")


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


def _past(found: Rule, past: Past) -> dict[str, object]:
    """What a rule would have made, as its part of a page shows it."""
    words = [_made_words(found, len(past.made))]
    if past.left_out:
        left = ngettext(
            "%(number)s more news item would have been left out: over the daily limit, or too old by its turn.",
            "%(number)s more news items would have been left out: over the daily limit, or too old by their turn.",
            past.left_out,
        )
        words.append(left % {"number": number(past.left_out)})
    return {"made": past.made, "made_words": " ".join(words)}


def _made_words(found: Rule, made: int) -> str:
    """How many send-outs, or stories in a newsletter's issues, or both."""
    if not made:
        return _("Nothing: no item of the last 30 days fits.")
    gathers = found.newsletter is not None and found.mail_as == RuleMail.NEXT_ISSUE
    if gathers and not goes_out(found):
        words = ngettext(
            "%(number)s news item put into the issues of %(newsletter)s in 30 days.",
            "%(number)s news items put into the issues of %(newsletter)s in 30 days.",
            made,
        )
    elif gathers:
        words = ngettext(
            "%(number)s send-out in 30 days, and its news item put into the issues of %(newsletter)s.",
            "%(number)s send-outs in 30 days, and their news items put into the issues of %(newsletter)s.",
            made,
        )
    else:
        words = ngettext("%(number)s send-out in 30 days.", "%(number)s send-outs in 30 days.", made)
    return words % {"number": number(made), "newsletter": found.newsletter}
