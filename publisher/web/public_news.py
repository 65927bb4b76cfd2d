"""Our public page of a news item that was written by hand: what its posts and mails lead to."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from publisher.compose.news_page import NewsPage, NoPage, news_page
from publisher.items.pictures import picture_url
from publisher.web.middleware import StaffRequest
from publisher.web.residents import gone, residents_page

# Seconds: a correction is seen soon, and many who press the link at once ask the database once in a while.
FRESH_FOR_S = 300
# What networks draw above the headline, in pixels; smaller pictures stand beside it.
CARD_WIDTH, WIDE_FROM = 1200, 600
# As Open Graph writes languages.
_LOCALES = {"da": "da_DK", "en": "en_GB"}


@login_not_required
@require_safe
def news(request: StaffRequest, token: str) -> HttpResponse:
    """The page; in words 404 before it is published and 410 once it is withdrawn."""
    page = news_page(token, request.user)
    if page is None:
        return _private(gone(request))
    language = page.page_language if isinstance(page, NewsPage) else page.organisation.language
    translation.activate(language)
    request.LANGUAGE_CODE = language
    if isinstance(page, NoPage):
        return _private(_away(request, page))
    response = _drawn(request, page)
    if page.preview:
        return _private(response)
    del response["X-Robots-Tag"]
    patch_cache_control(response, public=True, max_age=FRESH_FOR_S)
    response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    known = get_conditional_response(request, etag=response["ETag"], response=response)
    return known if isinstance(known, HttpResponse) else response


def _drawn(request: StaffRequest, page: NewsPage) -> HttpResponse:
    picture = page.picture
    return residents_page(
        request,
        "news.html",
        page.organisation,
        title=page.title,
        page=page,
        body=mark_safe(page.body),  # noqa: S308 - cleaned when it was stored, and once more
        picture_src=urlsplit(picture_url(picture, CARD_WIDTH)).path if picture else "",
        card_picture=picture_url(picture, CARD_WIDTH) if picture else "",
        card="summary_large_image" if picture and picture.width >= WIDE_FROM else "summary",
        locale=_LOCALES.get(page.page_language, page.page_language),
    )


def _away(request: StaffRequest, page: NoPage) -> HttpResponse:
    title = _("This news was withdrawn") if page.withdrawn else _("This page is not public yet")
    status = 410 if page.withdrawn else 404
    return residents_page(request, "news_away.html", page.organisation, title=title, page=page, status=status)


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response
