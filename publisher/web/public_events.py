"""“Add to your calendar”: an event as a file, under an address that names no person."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import http_date, quote_etag
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from publisher.compose.event_file import MEDIA_TYPE, calendar_file, public_event
from publisher.web.residents import gone

# Seconds: a concert that is called off is seen so soon, and many who press the link at once ask the database once.
FRESH_FOR_S = 300


@login_not_required
@require_safe
def event_file(request: HttpRequest, token: str) -> HttpResponse:
    """The event's file; 404 in words for residents if there is none (any more)."""
    item = public_event(token)
    if item is None:
        response = gone(request)
        patch_cache_control(response, private=True, no_store=True)
        return response
    response = HttpResponse(calendar_file(item), content_type=MEDIA_TYPE)
    response["Content-Disposition"] = f'inline; filename="{slugify(item.title)[:60] or "event"}.ics"'
    response["ETag"] = quote_etag(f"{item.revision}-{item.updated_at.timestamp():.0f}")
    response["Last-Modified"] = http_date(item.updated_at.timestamp())
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, public=True, max_age=FRESH_FOR_S)
    return _unless_known(request, response)


def _unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """304 for whoever has this very file already."""
    known = get_conditional_response(request, etag=response["ETag"], response=response)
    return known if isinstance(known, HttpResponse) else response
