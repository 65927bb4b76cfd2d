"""News sources: what they gave last, what is wrong, looking again, pausing, the back catalogue."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_POST, require_safe

from publisher.access.audit import record
from publisher.errors import Explanation
from publisher.items.back_catalogue import back_catalogue, take_back_catalogue
from publisher.items.sources import resume
from publisher.models import Source
from publisher.models.scoped import ScopedQuerySet
from publisher.sources import SOURCES
from publisher.templatetags.dates import number
from publisher.vocabulary import SourceStatus
from publisher.web.kept_words import keeps_words
from publisher.web.settings_pages import tabs
from publisher.web.source_forms import NameForm
from publisher.web.source_left_out import left_out_words
from publisher.web.source_tokens import pushing
from publisher.web.source_weeks import often, weeks_of
from publisher.web.staff import OwnRequest, may, own, staff
from publisher.web.who_did_what import who_did_what

SHOWN = 8


@staff()
@require_safe
def sources(request: OwnRequest) -> HttpResponse:
    """All sources with their state in words."""
    found = list(_own(request).order_by("name", "pk"))
    weeks = weeks_of(request.organisation, found)
    context = {
        "title": _("News sources"),
        "state": _state(found),
        "tabs": tabs("sources"),
        "rows": [_described(source) | {"weeks": weeks[source.pk]} for source in found],
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/settings/sources.html", context)


@staff()
@require_safe
def source(request: OwnRequest, pk: int) -> HttpResponse:
    """One source: its state, its back catalogue, who did what."""
    found = _whole(request, pk)
    return _page(request, found, NameForm(initial={"name": found.name}) if may(request, "edit") else None)


@staff()
@require_safe
def source_health(request: OwnRequest, pk: int) -> HttpResponse:
    """A source's state as a part of a page, which asks again while a look at it is under way."""
    found = _whole(request, pk)
    return render(request, "web/settings/source_health.html", _described(found) | _remembered(found))


@keeps_words
@staff("edit")
@require_POST
def source_rename(request: OwnRequest, pk: int) -> HttpResponse:
    """Another name for a source."""
    found = _whole(request, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    _own(request).filter(pk=pk).update(name=form.cleaned_data["name"])
    messages.success(request, _("Saved."))
    return redirect("source", pk=pk)


@staff("edit")
@require_POST
def source_poll(request: OwnRequest, pk: int) -> HttpResponse:
    """Have the workers look at it at once."""
    due = own(_own(request).filter(status=SourceStatus.ACTIVE), pk)
    _own(request).filter(pk=due.pk).update(next_poll_at=timezone.now())
    return redirect("source", pk=pk)


@staff("edit")
@require_POST
def source_pause(request: OwnRequest, pk: int) -> HttpResponse:
    """Stop looking at it."""
    found = own(_own(request), pk)
    _own(request).filter(pk=pk).update(status=SourceStatus.PAUSED)
    record(request.organisation, request.user, "source_paused", found, gettext_noop("paused the source"))
    messages.success(request, _("“%(name)s” is paused: nothing new comes from it.") % {"name": found.name})
    return redirect("source", pk=pk)


@staff("edit")
@require_POST
def source_resume(request: OwnRequest, pk: int) -> HttpResponse:
    """Look at it again, at once."""
    found = own(_own(request), pk)
    resume(found)
    record(request.organisation, request.user, "source_resumed", found, gettext_noop("started the source again"))
    return redirect("source", pk=pk)


@staff("edit")
@require_POST
def source_take(request: OwnRequest, pk: int) -> HttpResponse:
    """Take the back catalogue into use."""
    found = own(_own(request).select_related("organisation"), pk)
    taken = take_back_catalogue(found)
    record(
        request.organisation,
        request.user,
        "back_catalogue_taken",
        found,
        gettext_noop("took %(taken)s older items into use"),
        taken=taken,
    )
    messages.success(
        request,
        ngettext("%(taken)s older item is in use now.", "%(taken)s older items are in use now.", taken)
        % {"taken": number(taken)},
    )
    return redirect("source", pk=pk)


def _own(request: OwnRequest) -> ScopedQuerySet[Source]:
    return Source.objects.for_organisation(request.organisation).defer("credentials", "state")


def _whole(request: OwnRequest, pk: int) -> Source:
    """One source together with its plug-in's memory."""
    return own(Source.objects.for_organisation(request.organisation).defer("credentials"), pk)


def _remembered(found: Source) -> dict[str, object]:
    """What its plug-in's memory says: from where to where it has moved, what it leaves out."""
    plugin = SOURCES.get(found.kind)
    if plugin is None:
        return {}
    return {"moved": plugin.moved(found.state), "left_out": left_out_words(plugin.left_out(found.state))}


def _described(found: Source) -> dict[str, object]:
    """A source as pages show it."""
    plugin = SOURCES.get(found.kind)
    is_polled = plugin is None or plugin.polled
    waiting = (
        is_polled
        and found.status == SourceStatus.ACTIVE
        and (found.next_poll_at is None or found.next_poll_at <= timezone.now())
    )
    return {
        "source": found,
        "kind": plugin.label if plugin else found.kind,
        "polled": is_polled,
        "steps": plugin.steps if plugin else (),
        "place": plugin.described(found.config) if plugin else "",
        "error": str(Explanation.from_json(found.last_error)) if found.last_error else "",
        "waiting": waiting,
        "often": often(found),
    }


def _state(found: list[Source]) -> str:
    # One that asked us to wait works.
    failing = (each.failing_since and each.status == SourceStatus.ACTIVE for each in found)
    broken = sum(each.status == SourceStatus.BROKEN for each in found) + sum(map(bool, failing))
    if not found:
        return _("News comes in from sources. There is none yet.")
    if broken:
        return ngettext("%(number)s source could not be read.", "%(number)s sources could not be read.", broken) % {
            "number": broken
        }
    return ngettext("%(number)s source, all is well.", "%(number)s sources, all is well.", len(found)) % {
        "number": len(found)
    }


def _page(request: OwnRequest, found: Source, form: NameForm | None, status: int = 200) -> HttpResponse:
    older = back_catalogue(found)
    context = (
        _described(found)
        | _remembered(found)
        | {
            "weeks": weeks_of(request.organisation, [found])[found.pk],
            "title": found.name,
            "readable": found.kind in SOURCES and SOURCES[found.kind].polled,
            "form": form,
            "older": older[:SHOWN],
            "older_count": older.count(),
            "history": who_did_what(found),
            "may_edit": may(request, "edit"),
        }
    )
    if not context["polled"]:
        context |= pushing(found)
    return render(request, "web/settings/source.html", context | {"state": context["kind"]}, status=status)
