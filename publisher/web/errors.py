"""Error pages: what happened, what was not changed, what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came without its token: usually a page that stood open too long. `reason` is Django's, for logs only."""
    return render(request, "web/errors/csrf.html", status=403)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The user's role does not include this."""
    return render(request, "web/errors/403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address, or a row of another organisation: the answer does not tell which."""
    return render(request, "web/errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours. Rendered without the frame's context, since the database may be what failed."""
    return HttpResponse(render_to_string("web/errors/500.html"), status=500)
