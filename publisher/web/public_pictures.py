"""The pictures of posts for platforms that fetch them themselves (Instagram, Threads): by signed addresses alone."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from publisher.compose.public_pictures import served


@login_not_required
@require_safe
def public_picture(request: HttpRequest, token: str, extension: str) -> HttpResponse:
    """One picture, byte for byte as it was frozen; 404 for an address that is not ours or is older than six hours."""
    found = served(token, extension)
    if found is None:
        raise Http404
    response = HttpResponse(found.content, content_type=found.media_type)
    response["Content-Length"] = str(len(found.content))
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex"
    # Whoever keeps a copy would show it after the photo consent is gone.
    response["Cache-Control"] = "no-store"
    return response
