"""Connecting channels by signing in at the platform: there, back, and which profiles; no page knows a platform."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from publisher.accounts import signing_in
from publisher.accounts.apps import app_for, app_kind
from publisher.accounts.signing_in import Choice, Whose
from publisher.errors import OpslagError
from publisher.models import Account, SigningIn
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform, SignIn
from publisher.web.channel_connect import (
    channel_again,
    connect_title,
    connected_page,
    has_form,
    price_of,
    say_what_to_look_at,
)
from publisher.web.guides import guide_links
from publisher.web.picture_reach import warn_where_unreachable
from publisher.web.plugin_form import form_for
from publisher.web.staff import OwnRequest, staff

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SESSION_KEY = "signing_in"


def redirect_uri(kind: str) -> str:
    """Where the platform sends people back to; it must be entered there in exactly these characters."""
    return f"{settings.OPSLAG_BASE_URL}{reverse('channel-connected', args=[kind])}"


def sent_back_without_https(kind: str) -> bool:
    """Whether signing in must fail, since the platform sends nobody back to our address; not so in trials."""
    sign_in = PLATFORMS[kind].sign_in
    trial = kind in settings.OPSLAG_PLATFORM_ADDRESSES
    return bool(sign_in and sign_in.https_only) and not trial and not redirect_uri(kind).startswith("https://")


def whose(request: OwnRequest) -> Whose:
    """Who is signing in. The session's secret is made with the first sign-in and never leaves the server."""
    mine = request.session.setdefault(SESSION_KEY, secrets.token_urlsafe(32))
    return Whose(request.user, request.organisation, mine)


@staff("manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel_sign_in(request: OwnRequest, kind: str) -> HttpResponse:
    """What the platform asks for before, then off to it. `?again=` names a channel that is connected anew."""
    platform, sign_in = _platform(kind)
    again = channel_again(request, kind)
    asks = form_for(platform.config_class, sign_in.asks) if sign_in.asks else forms.Form
    form = asks(request.POST if request.method == "POST" else None, initial=dict(again.config) if again else {})
    if request.method == "POST" and form.is_valid():
        try:
            address = signing_in.start(
                whose(request), kind, form.cleaned_data, redirect_uri=redirect_uri(kind), again=again
            )
        except OpslagError as error:
            form.add_error(None, str(error))
        else:
            return _away(request, platform, address)
    app = None if sign_in.registers else app_for(request.organisation, kind)
    context = {
        "title": connect_title(platform),
        "state": _(
            "You sign in at %(platform)s and say there what Opslag may do. Then you choose what to connect here."
        )
        % {"platform": _where(kind)},
        "platform": _where(kind),
        "kind": kind,
        "guide": guide_links(platform),
        "price": price_of(platform),
        "without_https": sent_back_without_https(kind),
        "base_url": settings.OPSLAG_BASE_URL,
        "before": sign_in.before,
        "form": form,
        "account": again,
        "app": app,
        "lent": app is not None and app.organisation_id != request.organisation.pk,
        "needs_app": not sign_in.registers and app is None,
        "has_form": has_form(platform),
        "back_url": reverse("channel-choose"),
        "back_label": _("Connect a channel"),
        "button": _("Sign in at %(platform)s") % {"platform": _where(kind)},
    }
    return render(request, "web/channels/sign_in.html", context, status=422 if form.errors else 200)


@staff("manage")
@never_cache
@require_GET
def channel_connected(request: OwnRequest, kind: str) -> HttpResponse:
    """The platform sends the person back here. Nothing is connected yet: that is for the next page."""
    _platform(kind)
    try:
        row = signing_in.come_back(whose(request), kind, request.GET.dict())
    except OpslagError as error:
        messages.error(request, str(error))
        return redirect("channel-sign-in", kind=kind)
    # Onwards, so that the code does not stay in the address.
    return redirect("channel-profiles", pk=row.pk)


@staff("manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel_profiles(request: OwnRequest, pk: int) -> HttpResponse:
    """Which of the profiles that the person may use are connected: several at once."""
    try:
        row = signing_in.waiting(whose(request), pk)
    except OpslagError as error:
        messages.error(request, str(error))
        return redirect("channel-choose")
    offered = signing_in.choices(row)
    form = ProfilesForm(request.POST if request.method == "POST" else None, choices=offered)
    if request.method == "POST" and form.is_valid():
        numbers = [int(number) for number in form.cleaned_data["profiles"]]
        connected, refusals = signing_in.connect_chosen(row, numbers, request.user)
        for account in connected:
            warn_where_unreachable(request, account)
        if connected and not refusals:
            return connected_page(request, connected)
        if connected:
            return _connected_in_part(request, row, connected, refusals)
        for name, refusal in refusals:
            form.add_error(None, f"{name}: {refusal}")
    return _profiles_page(request, row, form, offered)


def _connected_in_part(
    request: OwnRequest, row: SigningIn, connected: list[Account], refusals: list[tuple[str, OpslagError]]
) -> HttpResponse:
    """What is connected is done with; what was refused may be tried again, with what was not chosen."""
    for account in connected:
        messages.success(request, _("“%(name)s” is connected.") % {"name": account})
    say_what_to_look_at(request, connected)
    for name, refusal in refusals:
        messages.error(request, f"{name}: {refusal}")
    done = {account.remote_id for account in connected}
    left = [choice for choice in signing_in.choices(row) if choice.profile.remote_id not in done]
    return _profiles_page(request, row, ProfilesForm(choices=left), left, status=422)


class ProfilesForm(forms.Form):
    """The found profiles, each with its name and address; those wanted are ticked."""

    profiles = forms.MultipleChoiceField(
        label=gettext_lazy("Which of them should be a channel?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one.")},
    )

    def __init__(self, *args: object, choices: list[Choice], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["profiles"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(str(choice.number), _described(choice)) for choice in choices if choice.obstacle is None]
        field.initial = [str(choice.number) for choice in choices if choice.wanted]


@dataclass(frozen=True)
class _Way:
    address: str
    host: str


def _described(choice: Choice) -> str:
    profile = choice.profile
    parts = [profile.name or profile.handle, profile.handle if profile.name else ""]
    if choice.known is not None:
        parts.append(_("is a channel here, gets new access"))
    return " · ".join(part for part in parts if part)


def _platform(kind: str) -> tuple[Platform, SignIn]:
    platform = PLATFORMS.get(kind)
    if platform is None or platform.sign_in is None:
        raise Http404
    return platform, platform.sign_in


def _where(kind: str) -> StrOrPromise:
    """Where people sign in: for an Instagram account that is Facebook."""
    return PLATFORMS[app_kind(kind)].called


def _away(request: OwnRequest, platform: Platform, address: str) -> HttpResponse:
    """A page that goes on by itself: a form may not lead to another website (Content-Security-Policy), a page may."""
    context = {
        "title": _("On to %(platform)s") % {"platform": _where(platform.kind)},
        "state": _("If nothing happens, press the button."),
        "way": _Way(address, urlsplit(address).netloc),
        "back_url": reverse("channel-sign-in", args=[platform.kind]),
    }
    return render(request, "web/channels/away.html", context)


def _profiles_page(
    request: OwnRequest, row: SigningIn, form: ProfilesForm, offered: list[Choice], status: int = 200
) -> HttpResponse:
    platform = PLATFORMS[row.kind]
    barred = [(choice.profile.name or choice.profile.handle, choice.obstacle) for choice in offered if choice.obstacle]
    number = len(offered) - len(barred)
    found = ngettext(
        "There is %(number)s profile on %(platform)s that you may publish as.",
        "There are %(number)s profiles on %(platform)s that you may publish as.",
        number,
    )
    context = {
        "title": _("What should be connected?"),
        "state": found % {"platform": platform.called, "number": number},
        "form": form,
        "barred": barred,
        "guide": guide_links(platform),
        "price": price_of(platform),
        "missed": row.again if row.again and not any(choice.wanted for choice in offered) else None,
        "back_url": reverse("channel-sign-in", args=[row.kind]),
        "back_label": connect_title(platform),
        "button": _("Connect"),
    }
    return render(request, "web/channels/profiles.html", context, status=422 if form.errors else status)
