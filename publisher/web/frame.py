"""What every page's frame shows (rail, organisation, stop, banners) and the two switches that stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from publisher.models import Organisation, StopStamp
from publisher.vocabulary import RoleKind
from publisher.web.middleware import ORGANISATION_KEY, StaffRequest
from publisher.web.staff import way_back

# The rail in the order of a working day: name of the address, word, icon (shown on phones only).
SECTIONS = (
    ("today", _("Today"), "sun"),
    ("news", _("News"), "newspaper"),
    ("campaigns", _("Send-outs"), "send"),
    ("calendar", _("Calendar"), "calendar"),
    ("subscribers", _("Subscribers"), "users"),
    ("channels", _("Channels"), "megaphone"),
    ("settings", _("Settings"), "settings"),
)


@dataclass(frozen=True)
class RailEntry:
    """One word of the rail."""

    url: str
    label: str
    icon: str
    current: bool = False


def _address(name: str) -> str:
    """The address of a page of the frame, "" where the installation has no such page."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def rail(path: str) -> list[RailEntry]:
    """The sections, with the one that `path` lies in marked as current."""
    entries = []
    for name, label, icon in SECTIONS:
        url = _address(name)
        inside = path == url if url == "/" else path.startswith(url)
        if url:
            entries.append(RailEntry(url, str(label), icon, inside))
    return entries


def _manages(request: HttpRequest) -> bool:
    role = getattr(request, "role", None)
    return role is not None and role.kind == RoleKind.OWNER


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every template. Whatever costs a query is a callable: only a page that shows it pays."""
    organisation: Organisation | None = getattr(request, "organisation", None)
    roles = getattr(request, "roles", [])
    return {
        "organisation": organisation,
        "other_organisations": [role.organisation for role in roles if role.organisation != organisation],
        "catcher_url": _address("catcher") if settings.OPSLAG_CATCHER_DIR and _manages(request) else "",
        "never_send": settings.OPSLAG_NEVER_SEND,
        "rail": cache(lambda: rail(request.path)),
        "stop": cache(lambda: organisation and StopStamp.objects.for_organisation(organisation).first()),
        "stop_url": _address("stop"),
    }


@login_not_required
@require_POST
def switch_language(request: StaffRequest) -> HttpResponse:
    """Keep the chosen language: on the user, and in a cookie for the pages before sign-in."""
    language = request.POST.get("language", "")
    response = HttpResponseRedirect(way_back(request, "/"))
    if translation.check_for_language(language) and language in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            request.user.language = language
            request.user.save(update_fields=["language"])
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 24 * 3600, secure=settings.SECURE, samesite="Lax"
        )
    return response


@require_POST
def switch_organisation(request: StaffRequest) -> HttpResponse:
    """Work in another of one's organisations, starting at its front page: this page may be another's."""
    wanted = request.POST.get("organisation", "")
    chosen = next((role for role in request.roles if str(role.organisation_id) == wanted), None)
    if chosen is None:
        raise Http404
    request.session[ORGANISATION_KEY] = chosen.organisation_id
    return HttpResponseRedirect("/")
