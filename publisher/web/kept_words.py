"""What somebody typed into a form after their session had ended: kept over the sign-in, then offered again.

Only views marked `keeps_words` take part: those that save words, never those that take a step (approve, send, stop).
Passwords and access tokens are left out, and so is whatever is too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from publisher.items.content import plain_text
from publisher.items.writing import is_markup
from publisher.platforms import PLATFORMS
from publisher.sources import SOURCES
from publisher.web.plugin_form import secret_fields
from publisher.web.staff import OwnRequest, staff

KEY = "kept_words"
# An article of ten pages with its markup.
LONGEST = 60_000
KEPT_FOR_S = 30 * 60
_NEVER_KEPT = ("csrf", "password", "token", "secret")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


@dataclass(frozen=True)
class KeptWords:
    """Where the form was sent, its fields in order, and when (seconds since 1970)."""

    path: str
    fields: list[tuple[str, str]]
    at: float

    @property
    def shown(self) -> list[str]:
        """What a person recognises as their own words, apart from ids and ticks."""
        typed = [value for _name, value in self.fields if len(value) > 2 and any(letter.isalpha() for letter in value)]
        return [plain_text(value) if is_markup(value) else value for value in typed]


def keeps_words(view: View) -> View:
    """Mark a view whose form is kept when the session has ended."""
    cast("Any", view).keeps_words = True
    return view


class SignInKeepingWords(LoginRequiredMiddleware):
    """Sends to the sign-in page whoever is not signed in; what they typed is kept where the view says so."""

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseRedirect:
        """The anonymous session that keeps the words becomes the session of whoever signs in."""
        if request.method == "POST" and getattr(view_func, "keeps_words", False) and _keep(request):
            return redirect_to_login(reverse("kept-words"))
        return super().handle_no_permission(request, view_func)


def words_in(request: HttpRequest) -> KeptWords | None:
    """What the session keeps; None if there is nothing or it is more than half an hour old."""
    stored = request.session.get(KEY)
    if not stored or time.time() > stored["at"] + KEPT_FOR_S:
        return None
    return KeptWords(stored["path"], [(name, value) for name, value in stored["fields"]], stored["at"])


@staff()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def kept_words(request: OwnRequest) -> HttpResponse:
    """Offers the form again as it was sent; POST throws it away."""
    kept = words_in(request)
    if kept is None or request.method == "POST":
        if request.session.pop(KEY, None) and request.method == "POST":
            messages.info(request, _("What you typed is thrown away."))
        return redirect("today")
    context = {
        "title": _("You were signed out before this was saved"),
        "state": _("Nothing of it is saved yet. Going on saves it in %(organisation)s.")
        % {"organisation": request.organisation.name},
        "kept": kept,
    }
    return render(request, "web/kept_words.html", context)


def _keep(request: HttpRequest) -> bool:
    fields = [(name, str(value)) for name, values in request.POST.lists() if not _is_secret(name) for value in values]
    if not fields or sum(len(name) + len(value) for name, value in fields) > LONGEST:
        return False
    request.session[KEY] = {"path": request.get_full_path(), "fields": fields, "at": time.time()}
    return True


def _is_secret(name: str) -> bool:
    config_classes = [platform.config_class for platform in PLATFORMS.values()]
    config_classes += [source.config_class for source in SOURCES.values()]
    secret = {field for config_class in config_classes for field in secret_fields(config_class)}
    return name in secret or any(part in name.lower() for part in _NEVER_KEPT)
