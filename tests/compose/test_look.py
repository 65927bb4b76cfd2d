"""The mail in a real browser: nothing is asked of a third party, nothing overflows, axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from publisher.compose.links import view_url
from publisher.compose.newsletter import render_html
from publisher.items.pictures import picture_bytes
from publisher.models import Message, Newsletter
from publisher.vocabulary import BlockKind

# Not marked `database`: which one the words come from is all the same to a browser.
pytestmark = pytest.mark.browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LANDMARKS = {"landmark-one-main", "region"}


def show(page: Page, html: str, picture: bytes) -> list[str]:
    """Open the mail under its own address; answers with what else the browser asked for."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.is_navigation_request():
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
            return
        asked.append(route.request.url)
        route.fulfill(body=picture, content_type="image/jpeg")

    page.route("**/*", answer)
    page.goto("https://opslag.test/m/a-mail", wait_until="networkidle")
    return asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 375])
@pytest.mark.parametrize("brand", ["#0B5FA5", "#F2C230"])
def test_it_is_legible_fits_and_asks_only_us(
    mail: Message, newsletter: Newsletter, new_page: Callable[..., Page], width: int, scheme: str, brand: str
) -> None:
    newsletter.brand_colour = brand
    newsletter.save()
    mail.refresh_from_db()
    picture = mail.blocks.get(kind=BlockKind.LEAD_STORY).picture
    assert picture is not None
    page = new_page(width=width, scheme=scheme)
    places = {"unsubscribe_url": "https://opslag.test/u/x", "view_url": view_url(mail)}
    asked = show(page, render_html(mail, places=places), picture_bytes(picture))
    assert asked == [f"https://opslag.test/media/{picture.sha256}/1200.jpg"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('.ink p')].map(p => parseFloat(getComputedStyle(p).fontSize)))"
    )
    assert smallest >= 16
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    # A mail has no landmarks: it is shown within the mail program's own.
    assert {violation["id"] for violation in found} <= LANDMARKS
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_as_a_page_it_has_nothing_to_find_fault_with(mail: Message, new_page: Callable[..., Page], scheme: str) -> None:
    picture = mail.blocks.get(kind=BlockKind.LEAD_STORY).picture
    assert picture is not None
    page = new_page(scheme=scheme)
    show(page, render_html(mail, places={}), picture_bytes(picture))
    assert Axe().run(page, options={"runOnly": WCAG}).response["violations"] == []


def test_axe_would_see_a_fault(mail: Message, new_page: Callable[..., Page]) -> None:
    page = new_page()
    faded = render_html(mail, places={}).replace("#1B1F23", "#CCCCCC")
    show(page, faded, b"")
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    assert "color-contrast" in {violation["id"] for violation in found}
