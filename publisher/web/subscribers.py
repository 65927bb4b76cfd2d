"""Subscribers: who gets which newsletter, found by address. Only the newsletter's owner sees addresses."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.access.audit import record
from publisher.audience.leave import erase, reopen, unsubscribe
from publisher.audience.standing import (
    SMALLEST_GROUP,
    Figures,
    Standing,
    active_in_area_of,
    block_on,
    figures,
    people,
    shared_with,
    with_standing,
)
from publisher.audience.subscribe import subscribe
from publisher.audience.tracking import SOURCE as TRACKING
from publisher.errors import InputError
from publisher.models import Consent, Newsletter, Organisation, Subscription
from publisher.templatetags.dates import number
from publisher.web.kept_words import keeps_words
from publisher.web.staff import OwnRequest, may, own, staff
from publisher.web.subscriber_form import BY_STAFF, CONSENTS, SubscriberForm

PER_PAGE = 50
# The words over numbers of people, where Standing has the word for one of them.
GROUPS = {
    Standing.ACTIVE: pgettext_lazy("subscribers", "Active"),
    Standing.UNCONFIRMED: pgettext_lazy("subscribers", "Not confirmed"),
    Standing.BLOCKED: pgettext_lazy("subscribers", "Blocked addresses"),
    Standing.UNSUBSCRIBED: pgettext_lazy("subscribers", "Unsubscribed"),
}


@staff("view")
@require_safe
def subscribers(request: OwnRequest) -> HttpResponse:
    """The organisation's newsletters with their figures; with a single one, that one's page."""
    own = list(Newsletter.objects.for_organisation(request.organisation).order_by("name", "pk"))
    shared = list(shared_with(request.organisation))
    if len(own) == 1 and not shared:
        return redirect("subscriber-list", pk=own[0].pk)
    counted, in_area = figures(own), active_in_area_of(request.organisation, shared)
    context = {
        "title": _("Subscribers"),
        "state": _total(sum(counted[newsletter.pk].active for newsletter in own)),
        "rows": [(newsletter, counted[newsletter.pk]) for newsletter in own],
        "shared": [(newsletter, _in_public(in_area.get(newsletter.pk))) for newsletter in shared],
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/subscribers/newsletters.html", context)


@staff("view")
@require_safe
def subscriber_list(request: OwnRequest, pk: int) -> HttpResponse:
    """One newsletter's people, newest first; `q` an address or its beginning, `standing` one group of them."""
    newsletter = _newsletter(request.organisation, pk)
    counted = figures([newsletter])[newsletter.pk]
    text, standing = request.GET.get("q", "")[:254], request.GET.get("standing", "")
    wanted = standing if standing in Standing.values else ""
    page = Paginator(people(newsletter, text=text, standing=wanted), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": newsletter.name,
        "state": _total(counted.active),
        "newsletter": newsletter,
        "figures": counted,
        "tabs": _tabs(counted, wanted),
        "page": page,
        "q": text,
        "standing": wanted,
        "may_edit": may(request, "edit"),
        "several": Newsletter.objects.for_organisation(request.organisation).count() > 1,
    }
    part = "web/subscribers/people.html" if request.htmx.target == "people" else "web/subscribers/list.html"
    return render(request, part, context)


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def subscriber_add(request: OwnRequest, pk: int) -> HttpResponse:
    """Add one person who has said yes, with where that yes comes from."""
    newsletter = _newsletter(request.organisation, pk)
    form = SubscriberForm(newsletter, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            subscription = _add(request, newsletter, form)
        except InputError as error:
            form.add_error("address", str(error))
        else:
            return redirect("subscriber", pk=pk, subscription=subscription.pk)
    context = {
        "title": _("Add a subscriber"),
        "state": _("To “%(name)s”. The person gets the next issue.") % {"name": newsletter.name},
        "form": form,
        "button": _("Add"),
        "back_url": reverse("subscriber-list", args=[pk]),
        "back_label": newsletter.name,
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


@staff("view")
@require_safe
def subscriber(request: OwnRequest, pk: int, subscription: int) -> HttpResponse:
    """One person's tie to the newsletter: choices, and the evidence for it."""
    newsletter = _newsletter(request.organisation, pk)
    mine = Subscription.objects.for_organisation(request.organisation).filter(newsletter=newsletter)
    found = get_object_or_404(with_standing(mine).select_related("subscriber"), pk=subscription)
    consents = Consent.objects.for_organisation(request.organisation).filter(subscription=found).order_by("at", "pk")
    context = {
        "title": found.subscriber.address,
        "newsletter": newsletter,
        "subscription": found,
        "standing": found.standing,
        "blocked": block_on(found.subscriber),
        "history": [{"at": consent.at, "text": _evidence(consent)} for consent in consents],
        "may_edit": may(request, "edit"),
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/subscribers/person.html", context)


@staff("edit")
@require_POST
def subscriber_unsubscribe(request: OwnRequest, pk: int, subscription: int) -> HttpResponse:
    """End the subscription for somebody who asked us to."""
    found = _subscription(request.organisation, pk, subscription)
    unsubscribe(found.token, source=BY_STAFF)
    record(request.organisation, request.user, "unsubscribed", found, gettext_noop("ended a subscription"))
    messages.success(request, _("The subscription has ended. Nothing more of this newsletter is sent to this address."))
    return redirect("subscriber", pk=pk, subscription=subscription)


@staff("edit")
@require_POST
def subscriber_reopen(request: OwnRequest, pk: int, subscription: int) -> HttpResponse:
    """Mail a blocked address again, because somebody knows that it works."""
    found = _subscription(request.organisation, pk, subscription)
    with transaction.atomic():
        if reopen(found.subscriber):
            record(request.organisation, request.user, "reopened", found, gettext_noop("re-enabled a blocked address"))
    messages.success(request, _("The address gets mail again. If mails come back once more, it is blocked again."))
    return redirect("subscriber", pk=pk, subscription=subscription)


@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def subscriber_erase(request: OwnRequest, pk: int, subscription: int) -> HttpResponse:
    """Ask first; then erase the person from all of the organisation's newsletters."""
    found = _subscription(request.organisation, pk, subscription)
    if request.method == "POST":
        record(request.organisation, request.user, "erased", found, gettext_noop("erased a person"))
        erase(found.subscriber)
        messages.success(request, _("The person is erased."))
        return redirect("subscriber-list", pk=pk)
    context = {
        "title": _("Erase %(address)s?") % {"address": found.subscriber.address},
        "sentences": [
            _("Address, name, choices and the evidence of consent are deleted, in all of your newsletters."),
            _("What was sent stays counted in the receipts, but nobody can see to whom."),
            _("This cannot be undone."),
        ],
        "button": _("Erase"),
        "back_url": reverse("subscriber", args=[pk, subscription]),
        "back_label": found.subscriber.address,
    }
    return render(request, "web/confirm.html", context)


def _newsletter(organisation: Organisation, pk: int) -> Newsletter:
    return own(Newsletter.objects.for_organisation(organisation), pk)


def _subscription(organisation: Organisation, newsletter: int, pk: int) -> Subscription:
    mine = Subscription.objects.for_organisation(organisation).filter(newsletter=newsletter)
    return own(mine.select_related("subscriber"), pk)


def _add(request: OwnRequest, newsletter: Newsletter, form: SubscriberForm) -> Subscription:
    given = form.cleaned_data
    subscription = subscribe(
        newsletter,
        given["address"],
        name=given["name"],
        language=newsletter.language,
        areas=given.get("areas", ()),
        topics=given.get("topics", ()),
        source=given["consent"],
        confirmed_at=timezone.now(),
    )
    record(request.organisation, request.user, "subscribed", subscription, gettext_noop("added a subscriber"))
    messages.success(request, _("The person is on the list."))
    return subscription


def _total(active: int) -> str:
    return ngettext("%(number)s active subscriber.", "%(number)s active subscribers.", active) % {
        "number": number(active)
    }


def _in_public(counted: tuple[str, int] | None) -> str:
    """What a contributing member may know: how many chose its own area, where nobody can be picked out of them."""
    if counted is None:
        return ""
    area, active = counted
    shown = number(active) if active >= SMALLEST_GROUP else _("fewer than %(number)s") % {"number": SMALLEST_GROUP}
    return _("%(number)s active who chose %(area)s") % {"number": shown, "area": area}


def _tabs(counted: Figures, standing: str) -> list[dict[str, object]]:
    tabs: list[dict[str, object]] = [
        {"url": "?", "label": _("All"), "count": counted.total, "current": not standing},
    ]
    for group, label in GROUPS.items():
        count = getattr(counted, group.value)
        tabs.append({"url": f"?standing={group}", "label": label, "count": count, "current": standing == group})
    return tabs


def _evidence(consent: Consent) -> str:
    if consent.source == TRACKING:
        return _("said yes to being counted") if consent.given else _("took back the yes to being counted")
    words = str(CONSENTS.get(consent.source, consent.source))
    if consent.given:
        return _("said yes: %(source)s") % {"source": words}
    return _("left: %(source)s") % {"source": words}
