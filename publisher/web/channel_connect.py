"""Connecting a channel: choose a platform, fill in what it asks for, see it answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.accounts import open_practice
from publisher.accounts.connect import connect_account
from publisher.errors import OpslagError
from publisher.models import Account
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform
from publisher.web.guides import guide_links
from publisher.web.kept_words import keeps_words
from publisher.web.picture_reach import warn_where_unreachable
from publisher.web.plugin_form import form_for, refuse, secret_fields
from publisher.web.staff import OwnRequest, id_in, own, staff

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@staff("manage")
@require_safe
def channel_choose(request: OwnRequest) -> HttpResponse:
    """Which platform? The practice channel needs no form."""
    context = {
        "title": _("Connect a channel"),
        "state": _("Where should posts go out?"),
        "platforms": [
            (_way(platform), platform, guide_links(platform), price_of(platform))
            for kind, platform in PLATFORMS.items()
            if kind != open_practice.KIND
        ],
    }
    return render(request, "web/channels/choose.html", context)


@keeps_words
@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def channel_connect(request: OwnRequest, kind: str) -> HttpResponse:
    """The platform's own fields. `?again=` names a channel whose open fields are filled in already."""
    if kind not in PLATFORMS or kind == open_practice.KIND:
        raise Http404
    platform = PLATFORMS[kind]
    if not has_form(platform):
        raise Http404
    again = channel_again(request, kind)
    form = form_for(platform.config_class)(request.POST or None, initial=dict(again.config) if again else {})
    if request.method == "POST" and form.is_valid():
        try:
            account = connect_account(request.organisation, kind, form.cleaned_data, request.user)
        except OpslagError as error:
            refuse(form, platform.config_class, error)
        else:
            warn_where_unreachable(request, account)
            return connected_page(request, [account])
    context = {
        "title": connect_title(platform),
        "state": platform.words.before_saving
        or _("Opslag asks %(platform)s who it may write as before anything is saved.") % {"platform": platform.called},
        "guide": guide_links(platform),
        "price": price_of(platform),
        "form": form,
        "back_url": reverse("channel-choose"),
        "back_label": _("Connect a channel"),
        "has_secret": bool(secret_fields(platform.config_class)),
        "button": _("Connect"),
        "sign_in_url": reverse("channel-sign-in", args=[kind]) if platform.sign_in else "",
    }
    return render(request, "web/channels/connect.html", context, status=422 if form.errors else 200)


@staff("manage")
@require_POST
def practice_open(request: OwnRequest) -> HttpResponse:
    """A practice channel in one click."""
    name = _("%(organisation)s, practice channel") % {"organisation": request.organisation.name}
    try:
        return connected_page(request, [open_practice.open_practice_channel(request.organisation, name, request.user)])
    except OpslagError as error:
        messages.error(request, str(error))
        return redirect("channel-choose")


@staff("manage")
@require_POST
def practice_again(request: OwnRequest, pk: int) -> HttpResponse:
    """Connect a practice channel that was disconnected."""
    mine = Account.objects.for_organisation(request.organisation).filter(kind=open_practice.KIND)
    account = own(mine.select_related("organisation"), pk)
    try:
        return connected_page(request, [open_practice.connect_practice_again(account, request.user)])
    except OpslagError as error:
        messages.error(request, str(error))
        return redirect("channel", pk=pk)


def connect_title(platform: Platform) -> str:
    """What is done on the pages that connect a channel of this platform."""
    return _("Connect %(what)s") % {"what": platform.words.connects or platform.called}


def price_of(platform: Platform) -> StrOrPromise:
    """What a post costs there, "" where it costs nothing: said before anybody begins."""
    return platform.abilities({}).price_note


def connected_page(request: OwnRequest, accounts: Sequence[Account]) -> HttpResponse:
    """On to what was connected just now."""
    if len(accounts) == 1:
        words = _("“%(name)s” is connected. Choose its posting times, or leave them out.") % {"name": accounts[0]}
    else:
        words = ngettext("%(number)s channel is connected.", "%(number)s channels are connected.", len(accounts))
        words %= {"number": len(accounts)}
    messages.success(request, words)
    say_what_to_look_at(request, accounts)
    return redirect("channel", pk=accounts[0].pk) if len(accounts) == 1 else redirect("channels")


def say_what_to_look_at(request: OwnRequest, accounts: Sequence[Account]) -> None:
    """What no platform can be asked, and a person sees for themselves once a channel is connected."""
    for note in {str(PLATFORMS[account.kind].words.once_connected) for account in accounts} - {""}:
        messages.info(request, note)


def reconnect_url(account: Account) -> str:
    """Where a channel is connected again, "" for one that needs no form."""
    if account.kind == open_practice.KIND or account.kind not in PLATFORMS:
        return ""
    return f"{_way(PLATFORMS[account.kind])}?again={account.pk}"


def has_form(platform: Platform) -> bool:
    """Whether a channel can be connected by filling in a form: all that it needs is typed, and more than signing in."""
    each_typed = [not each.metadata.get("hidden") for each in fields(platform.config_class) if each.default is MISSING]
    asks = platform.sign_in.asks if platform.sign_in else ()
    typed = {each.name for each in fields(platform.config_class) if not each.metadata.get("hidden")}
    return all(each_typed) and bool(typed - set(asks))


def channel_again(request: OwnRequest, kind: str) -> Account | None:
    """The channel that `?again=` names."""
    again = id_in(request.GET.get("again", ""))
    return Account.objects.for_organisation(request.organisation).filter(kind=kind, pk=again).first()


def _way(platform: Platform) -> str:
    """Where a channel of this platform is connected: by signing in where that is possible, else by a form."""
    return reverse("channel-sign-in" if platform.sign_in else "channel-connect", args=[platform.kind])
