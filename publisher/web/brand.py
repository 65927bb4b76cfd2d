"""An organisation's colour as a small stylesheet, since the content security policy allows no inline styles."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control

from publisher.compose.colour import text_on


@login_not_required
@cache_control(public=True, max_age=365 * 24 * 3600, immutable=True)
def brand_stylesheet(request: HttpRequest, colour: str) -> HttpResponse:
    """The custom properties of one brand colour (six hexadecimal digits, as the address pattern demands)."""
    brand = f"#{colour.lower()}"
    return HttpResponse(f":root{{--brand:{brand};--on-brand:{text_on(brand)}}}\n", content_type="text/css")
