"""One picture: its words, its focal point, its photo consent, where it is used, and what must be deleted by hand."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.items.library import describe, use_for
from publisher.items.pictures import is_shared
from publisher.items.search import saying
from publisher.items.select import recent
from publisher.models import Campaign, Item, Picture, PostPicture
from publisher.review.photo_consent import campaigns_with, deleted_by_hand, posts_to_delete, withdraw_consent
from publisher.templatetags.dates import number
from publisher.templatetags.pictures import consent_ends, picture_name
from publisher.vocabulary import CampaignStatus
from publisher.web.kept_words import keeps_words
from publisher.web.picture_forms import LICENCES, PictureForm, words_of
from publisher.web.staff import OwnRequest, id_in, may, own, refusals_said, staff, way_back
from publisher.web.who_did_what import who_did_what

SOME_NEWS = 30
_OPEN = (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)


def _picture(request: OwnRequest, pk: int) -> Picture:
    return own(Picture.objects.for_organisation(request.organisation).select_related("organisation"), pk)


@keeps_words
@staff()
@require_http_methods(["GET", "HEAD", "POST"])
def picture(request: OwnRequest, pk: int) -> HttpResponse:
    """The picture with all we know of it, and its form for those who may change it."""
    found = _picture(request, pk)
    form = PictureForm(request.POST or None, initial=words_of(found))
    if request.method == "POST":
        require(request.user, "edit", request.organisation)
        if form.is_valid():
            _describe(request, found, form.values())
            messages.success(request, _("Saved."))
            return redirect("picture", pk)
    campaigns = list(campaigns_with(found))
    context = {
        "title": picture_name(found),
        "picture": found,
        "form": form,
        "licences": LICENCES,
        "items": Item.objects.for_organisation(request.organisation).filter(picture=found).order_by("-pk"),
        "campaigns": campaigns,
        "too_late": _too_late(found, campaigns),
        "ends": consent_ends(found),
        "to_delete": posts_to_delete(request.organisation).filter(picture=found) if found.withdrawn_at else [],
        "is_shared": bool(found.withdrawn_at) and is_shared(found),
        "history": who_did_what(found),
        "may_edit": may(request, "edit"),
    }
    return render(request, "web/pictures/picture.html", context, status=422 if form.errors else HTTPStatus.OK)


def _describe(request: OwnRequest, found: Picture, values: dict[str, object]) -> None:
    with transaction.atomic():
        if describe(found, values):
            words = gettext_noop("changed what is known of the picture")
            record(request.organisation, request.user, "picture_described", found, words)


def _too_late(found: Picture, campaigns: list[Campaign]) -> list[Campaign]:
    """What is planned for after the photo consent's last day."""
    until: date | None = found.consent_until
    if until is None:
        return []
    return [
        campaign
        for campaign in campaigns
        if campaign.status in _OPEN
        and campaign.scheduled_at
        and campaign.scheduled_at > timezone.now()
        and timezone.localdate(campaign.scheduled_at) > until
    ]


@staff("edit")
@require_POST
def picture_alt(request: OwnRequest, pk: int) -> HttpResponse:
    """A description given where the picture is used (a news item's page); then back there."""
    found = _picture(request, pk)
    words = " ".join(request.POST.get("alt", "").split())
    if words:
        _describe(request, found, {"alt": words[:1500]})
        messages.success(request, _("The picture is described. It is read aloud wherever the picture is used."))
    else:
        messages.error(request, _("Write what the picture shows."))
    return redirect(way_back(request, reverse("picture", args=[pk])))


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def picture_withdraw(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask, saying what will happen; then let the picture be used no more."""
    found = _picture(request, pk)
    if found.withdrawn_at is not None:
        return redirect("picture", pk)
    if request.method == "POST":
        with refusals_said(request):
            withdraw_consent(found, request.user)
            messages.success(request, _("The picture is not used any more. What you must do by hand stands below."))
        return redirect("picture", pk)
    context = {
        "title": _("Has the photo consent been withdrawn?"),
        "sentences": _sentences(request, found),
        "button": _("Use the picture no more"),
        "back_url": reverse("picture", args=[pk]),
        "back_label": picture_name(found),
    }
    return render(request, "web/confirm.html", context)


def _sentences(request: OwnRequest, found: Picture) -> list[str]:
    items = Item.objects.for_organisation(request.organisation).filter(picture=found).count()
    campaigns = list(campaigns_with(found))
    waiting = [each for each in campaigns if each.status != CampaignStatus.CANCELLED and not _has_begun(each)]
    begun = [each for each in campaigns if _has_begun(each)]
    sentences = [_("The picture is removed from Opslag for good, and it cannot be chosen or collected again.")]
    if items:
        words = ngettext("%(number)s news item loses it.", "%(number)s news items lose it.", items)
        sentences.append(words % {"number": number(items)})
    if waiting:
        names = ", ".join(f"“{each.title}”" for each in waiting[:5])
        words = ngettext(
            "It is taken out of %(number)s send-out that has not gone out: %(names)s. If it was approved, it becomes a "
            "draft again, and those who approve are told.",
            "It is taken out of %(number)s send-outs that have not gone out: %(names)s. What was approved becomes a "
            "draft again, and those who approve are told.",
            len(waiting),
        )
        sentences.append(words % {"number": number(len(waiting)), "names": names})
    if begun:
        sentences.append(
            _("In mails that have gone out, its place shows the description instead, within a day.")
            + " "
            + _("Posts that are public keep it: you get a list of those that you must delete by hand.")
        )
    sentences.append(_("This cannot be undone."))
    return sentences


def _has_begun(campaign: Campaign) -> bool:
    return any(message.started_at for message in campaign.messages.all())


@staff("edit")
@require_POST
def picture_deleted(request: OwnRequest, pk: int) -> HttpResponse:
    """Somebody has deleted a public post by hand."""
    found = _picture(request, pk)
    rows = PostPicture.objects.for_organisation(request.organisation).filter(picture=found)
    shown = own(
        rows.select_related("message__campaign__organisation", "message__account"), id_in(request.POST.get("shown", ""))
    )
    deleted_by_hand(shown, request.user)
    messages.success(request, _("Noted as deleted."))
    return redirect("picture", pk)


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def picture_use(request: OwnRequest, pk: int) -> HttpResponse:
    """Choose a news item that shall show the picture."""
    found = _picture(request, pk)
    rows = Item.objects.for_organisation(request.organisation)
    if request.method == "POST":
        item = own(rows, id_in(request.POST.get("item", "")))
        with refusals_said(request):
            show_in_item(request, found, item)
        return redirect("item", item.pk)
    query = request.GET.get("q", "").strip()
    context = {
        "title": _("Use it in a news item"),
        "state": _("Send-outs that are made of the news item from now on show the picture, too."),
        "picture": found,
        "query": query,
        "items": saying(recent(request.organisation), query)[:SOME_NEWS],
    }
    return render(request, "web/pictures/use.html", context)


def show_in_item(request: OwnRequest, found: Picture, item: Item) -> None:
    """Let `item` show the picture, and say so. Raises InputError if it may not be used."""
    with transaction.atomic():
        use_for(found, item, request.user)
        record(request.organisation, request.user, "item_picture", item, gettext_noop("chose another picture"))
        words = gettext_noop("chose it for “%(title)s”")
        record(request.organisation, request.user, "picture_used", found, words, title=item.title)
    messages.success(request, _("The news item shows the picture now."))
