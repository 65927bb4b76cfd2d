"""The pictures that mails and pages show: addressed by their content, so that nobody needs to ask for them twice."""

from __future__ import annotations

import mimetypes

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseGone
from django.http.response import HttpResponseBase
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from publisher.items.pictures import is_withdrawn, media_file


@login_not_required
@require_safe
# A day, since a picture whose photo consent is withdrawn must not be shown much longer.
@cache_control(public=True, max_age=24 * 3600)
def media(request: HttpRequest, sha256: str, width: str, extension: str) -> HttpResponseBase:
    """One picture at one of the widths that we serve; 410 if it may not be shown any more, 404 for any other name."""
    path = media_file(sha256, int(width), extension)
    if path is None:
        if is_withdrawn(sha256):
            return HttpResponseGone()
        raise Http404
    response = FileResponse(path.open("rb"), content_type=mimetypes.types_map[f".{extension}"])
    response["X-Content-Type-Options"] = "nosniff"
    # Web mail shows our pictures on pages of its own.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
