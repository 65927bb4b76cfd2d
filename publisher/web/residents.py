"""What residents' pages share: the organisation's brand, a language that suits the reader, the links at the foot."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from publisher.compose.colour import checked_colour
from publisher.models import Organisation

PRODUCT = "Opslag"


def speak(request: HttpRequest, language: str) -> str:
    """Use the language that the reader chose on one of our pages, else `language` if we have it; gives the one in use.

    What the browser asks for comes last: a Danish newsletter's reader wants Danish, whatever their computer speaks.
    """
    known = dict(settings.LANGUAGES)
    wanted = (request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""), language)
    chosen = next((code for code in wanted if code in known), translation.get_language() or settings.LANGUAGE_CODE)
    translation.activate(chosen)
    request.LANGUAGE_CODE = chosen
    return chosen


def brand_of(organisation: Organisation | None, colour: str = "") -> dict[str, str]:
    """Name, colour, website and postal line for templates/web/public.html; without an organisation the product's."""
    if organisation is None:
        return {"name": PRODUCT}
    return {
        "name": organisation.name,
        "colour": checked_colour(colour or organisation.brand_colour),
        "website": organisation.website,
        "postal_line": organisation.postal_line,
    }


def residents_page(
    request: HttpRequest,
    template: str,
    organisation: Organisation | None,
    *,
    colour: str = "",
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render one of templates/web/public/ in the organisation's brand, with its privacy and accessibility pages."""
    given = {
        "organisation": organisation,
        "brand": brand_of(organisation, colour),
        "accessibility_url": reverse("accessibility", args=[organisation.slug] if organisation else []),
        "privacy_url": reverse("privacy", args=[organisation.slug]) if organisation else "",
    }
    response = render(request, f"web/public/{template}", given | context, status=status)
    response["X-Robots-Tag"] = "noindex"
    return response


def gone(request: HttpRequest) -> HttpResponse:
    """The page behind an address that we do not know, for people who followed a link in a mail."""
    return residents_page(request, "gone.html", None, status=404)
