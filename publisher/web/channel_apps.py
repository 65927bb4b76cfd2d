"""Our apps on the platforms: what staff copy there and here, once for all channels; secrets are never shown again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from publisher.accounts.apps import kinds_with_app, own_app, remove_app, save_app
from publisher.errors import InputError
from publisher.models import PlatformApp
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform
from publisher.web.channel_connect import connect_title, price_of
from publisher.web.channel_sign_in import redirect_uri, sent_back_without_https
from publisher.web.guides import guide_links
from publisher.web.plugin_form import form_for, secret_fields
from publisher.web.staff import OwnRequest, staff

_STAYS = gettext_lazy("Kept and never shown. Fill it in only to change it.")


@staff("manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel_app(request: OwnRequest, kind: str) -> HttpResponse:
    """The app's fields, with the addresses that must be entered at the platform."""
    platform, app_class = _app_class(kind)
    app = own_app(request.organisation, kind)
    form = _form(app_class, app)(request.POST or None, initial=_filled_in(app))
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        shared = values.pop("shared")
        try:
            save_app(request.organisation, kind, values, request.user, shared=shared)
        except InputError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. Now sign in to connect a channel."))
            return redirect("channel-sign-in", kind=kind)
    context = {
        "title": _("Our app at %(platform)s") % {"platform": platform.called},
        "state": _("%(platform)s lets only apps sign people in. It is made there once, for all channels.")
        % {"platform": _all_labels(kind)},
        "platform": platform.called,
        "before": platform.sign_in.app_before if platform.sign_in else (),
        "form": form,
        "redirect_uris": [(PLATFORMS[each].called, redirect_uri(each)) for each in kinds_with_app(kind)],
        "app": app,
        "guide": guide_links(platform),
        "price": price_of(platform),
        "without_https": sent_back_without_https(kind),
        "base_url": settings.OPSLAG_BASE_URL,
        "kind": kind,
        "back_url": reverse("channel-sign-in", args=[kind]),
        "back_label": connect_title(platform),
        "button": _("Save"),
    }
    return render(request, "web/channels/app.html", context, status=422 if form.errors else 200)


@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def channel_app_remove(request: OwnRequest, kind: str) -> HttpResponse:
    """Ask first, then forget it."""
    platform, _class = _app_class(kind)
    app = own_app(request.organisation, kind)
    if app is None:
        raise Http404
    if request.method == "POST":
        remove_app(app, request.user)
        messages.success(request, _("The app is removed."))
        return redirect("channel-sign-in", kind=kind)
    context = {
        "title": _("Remove the app at %(platform)s?") % {"platform": platform.called},
        "back_url": reverse("channel-app", args=[kind]),
        "back_label": _("Our app at %(platform)s") % {"platform": platform.called},
        "sentences": [
            _("Nobody can sign in with it any more, and channels that renew their access must be connected again."),
        ],
        "button": _("Remove"),
    }
    return render(request, "web/confirm.html", context)


def _all_labels(kind: str) -> str:
    """The names of all platforms that the app is for."""
    return get_text_list([str(PLATFORMS[each].called) for each in kinds_with_app(kind)], _("and"))


def _app_class(kind: str) -> tuple[Platform, type]:
    """Only where staff enter the app; elsewhere Opslag registers it by itself."""
    platform = PLATFORMS.get(kind)
    if platform is None or platform.sign_in is None or platform.sign_in.registers:
        raise Http404
    return platform, platform.sign_in.app_class


def _form(app_class: type, app: PlatformApp | None) -> type[forms.Form]:
    """The app's own fields, and whether neighbours may use it; a secret that is there need not be filled in again."""
    form = form_for(app_class)
    if app is not None:
        for name in secret_fields(app_class):
            if name in form.base_fields and app.credentials.get(name):
                form.base_fields[name].required = False
                form.base_fields[name].help_text = _STAYS
    form.base_fields["shared"] = forms.BooleanField(
        label=gettext_lazy("The organisations of our cooperations may use it, too"), required=False, initial=True
    )
    return form


def _filled_in(app: PlatformApp | None) -> dict[str, Any]:
    if app is None:
        return {}
    sign_in = PLATFORMS[app.kind].sign_in
    assert sign_in is not None
    open_fields = {each.name for each in fields(sign_in.app_class)} & app.config.keys()
    return {name: app.config[name] for name in open_fields} | {"shared": app.shared}
