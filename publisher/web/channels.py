"""Channels: the organisation's accounts on platforms, whether they are well, and when they post."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.access.audit import record
from publisher.accounts import open_practice
from publisher.accounts.connect import disconnect_account
from publisher.accounts.health import check
from publisher.accounts.lasting import days_left
from publisher.accounts.posting_times import add_posting_times
from publisher.accounts.posting_words import Times
from publisher.compose.post_words import example_link
from publisher.errors import Explanation, InputError
from publisher.models import Account, Message, Organisation, Slot
from publisher.platforms import PLATFORMS
from publisher.schedule.quiet import Quiet
from publisher.schedule.slots import next_slot
from publisher.track.comments import new_comments, numbers_by_channel
from publisher.track.posted import lately_posted
from publisher.vocabulary import AccountStatus, HoldReason, MessageStatus
from publisher.web.channel_connect import reconnect_url
from publisher.web.channel_facts import facts_of
from publisher.web.channel_habits import visibility_choices
from publisher.web.figures import figure_rows, tells
from publisher.web.guides import guide_links
from publisher.web.kept_words import keeps_words
from publisher.web.picture_reach import warn_where_unreachable
from publisher.web.posting_times_form import (
    PostingTimesForm,
    PostingWordsForm,
    TimesForms,
    Week,
    say_left_out,
    week_of,
)
from publisher.web.staff import OwnRequest, may, own, staff
from publisher.web.who_did_what import who_did_what

# How many of its last posts a channel's page shows.
POSTS = 10
WAITING = (MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)


@staff("view")
@require_safe
def channels(request: OwnRequest) -> HttpResponse:
    """All channels, those that work first, each with its health in words and its posting times."""
    found = Account.objects.for_organisation(request.organisation).select_related("organisation")
    found = found.prefetch_related("slots")
    accounts = sorted(found, key=lambda account: (account.status == AccountStatus.DISCONNECTED, account.name.lower()))
    new = numbers_by_channel(request.organisation)
    context = {
        "title": _("Channels"),
        "state": _state([account for account in accounts if account.status != AccountStatus.DISCONNECTED]),
        "rows": [
            _described(account)
            | {
                "week": week_of(account.slots.all(), WEEKDAYS_ABBR, Quiet.of_account(account)),
                "comments": new.get(account.pk, 0),
            }
            for account in accounts
        ],
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/channels/list.html", context)


@staff("view")
@require_safe
def channel(request: OwnRequest, pk: int) -> HttpResponse:
    """One channel: its health, its posting times, what was done with it."""
    account = _account(request.organisation, pk)
    forms = TimesForms(PostingTimesForm(), PostingWordsForm()) if may(request, "edit") else None
    return _page(request, account, forms)


@staff("edit")
@require_POST
def channel_check(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask the platform now whether it still knows us, and gets our pictures where it fetches them."""
    account = _account(request.organisation, pk)
    if check(account) and warn_where_unreachable(request, account):
        messages.success(request, _("The channel answers and is ready to publish."))
    elif account.last_error:
        messages.error(request, str(Explanation.from_json(account.last_error)))
    return redirect("channel", pk=pk)


@keeps_words
@staff("edit")
@require_POST
def posting_times_add(request: OwnRequest, pk: int) -> HttpResponse:
    """Add a time on the chosen weekdays."""
    account = _account(request.organisation, pk)
    form = PostingTimesForm(request.POST)
    if form.is_valid():
        try:
            added = add_posting_times(account, form.times)
        except InputError as error:
            form.add_error(None, str(error))
        else:
            _say_added(request, account, added, form.times)
            return _to_times(account)
    return _page(request, account, TimesForms(form, PostingWordsForm()), status=422)


@keeps_words
@staff("edit")
@require_POST
def posting_times_words(request: OwnRequest, pk: int) -> HttpResponse:
    """Say what posting times written as words mean; add them once that was shown and the button was pressed."""
    account = _account(request.organisation, pk)
    form = PostingWordsForm(request.POST)
    if form.is_valid() and request.POST.get("do") == "add" and form.is_shown:
        try:
            _say_added(request, account, add_posting_times(account, form.times), form.times)
        except InputError as error:
            form.add_error("words", str(error))
        else:
            return _to_times(account)
    return _page(request, account, TimesForms(PostingTimesForm(), form), status=422 if form.errors else 200)


@staff("edit")
@require_POST
def posting_time_remove(request: OwnRequest, pk: int, slot: int) -> HttpResponse:
    """Take one posting time away; what is planned already stays planned."""
    account = _account(request.organisation, pk)
    own(Slot.objects.for_organisation(request.organisation).filter(account=account), slot).delete()
    record(request.organisation, request.user, "posting_times", account, gettext_noop("removed a posting time"))
    messages.success(request, _("The posting time is gone. What is planned already stays planned."))
    return _to_times(account)


@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def channel_disconnect(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask first, saying what will happen; then forget the secrets."""
    account = _account(request.organisation, pk)
    if request.method == "POST":
        disconnect_account(account, request.user)
        messages.success(request, _("“%(name)s” is disconnected.") % {"name": account})
        return redirect("channels")
    waiting = Message.objects.for_organisation(request.organisation).filter(account=account, status__in=WAITING)
    context = {
        "title": _("Disconnect “%(name)s”?") % {"name": account},
        "back_url": reverse("channel", args=[pk]),
        "back_label": str(account),
        "sentences": [
            _("Opslag forgets its access and publishes nothing more there. What is published stays."),
            *_held_back(waiting.count()),
        ],
        "button": _("Disconnect"),
    }
    return render(request, "web/confirm.html", context)


def _account(organisation: Organisation, pk: int) -> Account:
    return own(Account.objects.for_organisation(organisation).select_related("organisation"), pk)


def _described(account: Account) -> dict[str, Any]:
    """A channel as pages show it; a kind that this installation no longer has keeps its short name."""
    platform = PLATFORMS.get(account.kind)
    return {
        "account": account,
        "platform": platform.label if platform and account.called == platform.called else account.called,
        "error": str(Explanation.from_json(account.last_error)) if account.last_error else "",
        "week": week_of(account.slots.all(), quiet=Quiet.of_account(account)),
        "days_left": days_left(account, timezone.now()),
        "reconnect_url": reconnect_url(account),
    }


def _state(accounts: list[Account]) -> str:
    """What must be done, then what is well."""
    if not accounts:
        return _("Posts go out through channels. None is connected yet.")
    mended_there = sum(bool(account.mended_there) for account in accounts)
    broken = sum(account.status == AccountStatus.NEEDS_RECONNECT for account in accounts) - mended_there
    left = [days for account in accounts if (days := days_left(account, timezone.now())) is not None]
    ready = len(accounts) - mended_there - broken - len(left)
    sentences = []
    if broken:
        words = ngettext(
            "%(number)s channel must be connected again before it can publish.",
            "%(number)s channels must be connected again before they can publish.",
            broken,
        )
        sentences.append(words % {"number": broken})
    if mended_there:
        words = ngettext(
            "%(number)s channel waits for something at its platform.",
            "%(number)s channels wait for something at their platforms.",
            mended_there,
        )
        sentences.append(words % {"number": mended_there})
    if left:
        sentences.append(_must_soon(len(left), min(left)))
    if ready:
        words = ngettext(
            "%(number)s channel is connected and ready.", "%(number)s channels are connected and ready.", ready
        )
        sentences.append(words % {"number": ready})
    return " ".join(sentences)


def _must_soon(number: int, days: int) -> str:
    """`days`: until the first of so many channels."""
    if days <= 1:
        words = ngettext(
            "%(number)s channel must be connected again within a day.",
            "%(number)s channels must be connected again, the first within a day.",
            number,
        )
    else:
        words = ngettext(
            "%(number)s channel must be connected again within %(days)s days.",
            "%(number)s channels must be connected again, the first within %(days)s days.",
            number,
        )
    return words % {"number": number, "days": days}


def _page(request: OwnRequest, account: Account, forms: TimesForms | None, status: int = 200) -> HttpResponse:
    described = _described(account)
    week: Week = described["week"]
    live = account.status == AccountStatus.CONNECTED
    context = described | {
        "title": account.name,
        "state": f"{described['platform']} · {account.handle}" if account.handle else described["platform"],
        "forms": forms,
        "understood": forms.understood(account) if forms else None,
        "is_practice": account.kind == open_practice.KIND,
        "next_slot": next_slot(account, timezone.now()) if week and live else None,
        "history": who_did_what(account),
        "example_link": example_link(account),
        "in_language": dict(settings.LANGUAGES).get(account.language, account.language),
        "visibility": _visibility(account) if account.kind in PLATFORMS else "",
        "guide": guide_links(PLATFORMS[account.kind]) if account.kind in PLATFORMS else None,
        "facts": facts_of(account, timezone.now()),
        "held": _held(account),
        "posts": figure_rows(lately_posted(account, POSTS)),
        "comments": new_comments(account.organisation, account),
        "tells_comments": "replies" in tells(account),
        "disconnected": account.status == AccountStatus.DISCONNECTED,
        "may_edit": may(request, "edit"),
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/channels/channel.html", context, status=status)


def _visibility(account: Account) -> str:
    """Who sees its posts, "" where there is nothing to choose."""
    offered = visibility_choices(account)
    return str(dict(offered).get(account.visibility, "")) if len(offered) > 1 else ""


def _held(account: Account) -> list[Message]:
    """What was held because the channel did not work; once it works, what is not too late goes on by itself."""
    found = Message.objects.for_organisation(account.organisation).filter(
        account=account, status=MessageStatus.HELD, hold_reason=HoldReason.ACCOUNT_BROKEN
    )
    return list(found.select_related("campaign").order_by("scheduled_at", "pk"))


def _say_added(request: OwnRequest, account: Account, added: int, times: Times) -> None:
    if added:
        record(request.organisation, request.user, "posting_times", account, gettext_noop("added posting times"))
        words = ngettext("%(number)s posting time added.", "%(number)s posting times added.", added)
        messages.success(request, words % {"number": added})
    else:
        messages.info(request, _("Those posting times were there already."))
    say_left_out(request, account, times)


def _held_back(waiting: int) -> list[str]:
    if not waiting:
        return []
    return [
        ngettext(
            "%(number)s planned post is held back until the channel is connected again.",
            "%(number)s planned posts are held back until the channel is connected again.",
            waiting,
        )
        % {"number": waiting}
    ]


def _to_times(account: Account) -> HttpResponse:
    return HttpResponseRedirect(reverse("channel", args=[account.pk]) + "#times")
