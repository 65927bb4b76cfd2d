"""The icon, where browsers look for it on pages that name none (a mail in the browser, a picture)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
@cache_control(public=True, max_age=24 * 3600)
def favicon(request: HttpRequest) -> HttpResponse:
    """The drawing that our own pages name, whatever its usual address ends in."""
    return HttpResponse(_drawing(), content_type="image/svg+xml")


@cache
def _drawing() -> bytes:
    found = finders.find("img/opslag.svg")
    if not isinstance(found, str):
        raise Http404
    return Path(found).read_bytes()
