"""Counted links: count, and lead on to the stored address. Nothing of the request is kept."""

from __future__ import annotations

import re

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from publisher.track.clicks import follow
from publisher.web.residents import gone

# Programs that open links before or instead of a person: mail filters, previews, robots, libraries.
_PROGRAM = re.compile(
    r"bot\b|bots\b|crawl|spider|preview|scan|barracuda|proofpoint|mimecast|safelinks|forcepoint|symantec|sophos"
    r"|ironport|trendmicro|fireeye|messagelabs|zscaler|urldefense|headlesschrome|phantomjs|facebookexternalhit|whatsapp|slack"
    r"|skypeuripreview|microsoft office|ms-office|curl/|wget/|python|go-http-client|java/|okhttp|libwww|axios"
    r"|node-fetch",
    re.IGNORECASE,
)
# What browsers and proxies say when they fetch ahead: W3C's Sec-Purpose, and the older ones.
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


@login_not_required
@require_safe
def follow_link(request: HttpRequest, code: str, token: str = "") -> HttpResponse:
    """302 to where the link leads, and nowhere else; 404 in words for residents."""
    url = follow(code, token, counts=_is_person(request))
    response = gone(request) if url is None else HttpResponseRedirect(url)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _is_person(request: HttpRequest) -> bool:
    agent = request.headers.get("User-Agent", "")
    ahead = any(re.search("prefetch|preview", request.headers.get(name, ""), re.IGNORECASE) for name in _AHEAD)
    return request.method == "GET" and bool(agent) and not ahead and not _PROGRAM.search(agent)
