"""One news item: what it says, where it was published, what its source suggests."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from publisher.access.audit import record
from publisher.compose.links import item_url
from publisher.items.content import clean_html, lead_before
from publisher.items.differences import Difference, differences
from publisher.items.history import history_of
from publisher.items.suggestion import SUGGESTED
from publisher.items.writing import leave_suggestion, take_suggestion
from publisher.models import Item
from publisher.review.standing import standings
from publisher.rules.waiting import turns_of
from publisher.web.news_uses import uses_of
from publisher.web.plan import refusal
from publisher.web.staff import OwnRequest, may, own, staff


@staff()
@require_safe
def news_item(request: OwnRequest, item_id: int) -> HttpResponse:
    """One item with all we know of it."""
    rows = Item.objects.for_organisation(request.organisation).select_related("picture", "written_by")
    item = own(rows.prefetch_related("areas", "topics", "sightings__source"), item_id)
    edits = may(request, "edit")
    context = {
        "title": item.title,
        "item": item,
        "address": item_url(item),
        "stands": standings([item], request.organisation)[item.pk],
        "lead": lead_before(item.lead, item.body_text),
        "body": _shown(item.body_html, item.link),
        "suggested": _suggested(item),
        "suggested_body": _shown(item.suggestion.get("body_html", ""), item.link),
        "changes": max(item.revision - 1, 0),
        "turns": turns_of(request.organisation, [item]),
        "send_outs": uses_of(request.organisation, item.pk),
        "history": history_of(item),
        "may_edit": edits,
        "may_plan": edits and not refusal(item),
    }
    return render(request, "web/news/item.html", context)


@staff("edit")
@require_POST
def item_suggestion(request: OwnRequest, item_id: int) -> HttpResponse:
    """Take the source's words (?do=take), or keep one's own."""
    item = own(Item.objects.for_organisation(request.organisation), item_id)
    takes = request.POST.get("do") == "take"
    with transaction.atomic():
        if takes and take_suggestion(item, request.user):
            record(request.organisation, request.user, "item_taken", item, gettext_noop("took the source’s words"))
            messages.success(request, _("It says what its source says again, and follows it from now on."))
        elif not takes and leave_suggestion(item):
            record(request.organisation, request.user, "item_kept", item, gettext_noop("kept our own words"))
            messages.success(request, _("Your words stay as they are."))
    return redirect("item", item_id=item.pk)


def _suggested(item: Item) -> list[Difference]:
    """What the item would say differently if it took its source's words."""
    if not item.suggestion:
        return []
    # A source that names no author leaves ours.
    said = {name: item.suggestion[name] or (item.author if name == "author" else "") for name in SUGGESTED}
    return differences({name: getattr(item, name) for name in SUGGESTED}, said)


def _shown(html: str, base_url: str) -> SafeString:
    """Cleaned when it was stored, and here once more."""
    return mark_safe(clean_html(html, base_url))  # noqa: S308
