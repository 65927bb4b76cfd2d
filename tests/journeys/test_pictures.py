"""The picture library in a real browser: the focal point by click and by keyboard, and pages that everybody can use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from publisher.models import Picture
from tests.accessible import look_over
from tests.journeys.staff import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
PHONE = Path(__file__).parents[1] / "items" / "phone.heic"


def position(page: Page, which: str) -> str:
    """Where a crop is placed, as the browser has it."""
    return str(page.locator(which).first.evaluate("image => image.style.objectPosition"))


def test_the_focal_point_is_set_by_a_click_and_by_the_keyboard(desk: Desk, new_page: NewPage) -> None:
    page = new_page(width=1280)
    path = f"/news/pictures/{Picture.objects.get().pk}"
    desk.open(page, path, desk.anna)
    assert position(page, ".crops img") == "50% 50%"
    box = page.locator(".focal img").bounding_box()
    assert box is not None
    page.locator(".focal img").click(position={"x": box["width"] * 0.2, "y": box["height"] * 0.75})
    expect(page.get_by_label("From the left, per cent")).to_have_value("20")
    expect(page.get_by_label("From the top, per cent")).to_have_value("75")
    assert position(page, ".crops img") == "20% 75%"
    page.get_by_label("From the left, per cent").press("ArrowUp")
    assert position(page, ".crops img") == "21% 75%"
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    stored = Picture.objects.get()
    assert (stored.focal_x, stored.focal_y) == (0.21, 0.75)
    desk.open(page, "/news")
    assert position(page, "img.thumb") == "21% 75%"


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_can_be_used_by_everybody(desk: Desk, new_page: NewPage, width: int) -> None:
    page = new_page(width=width)
    desk.open(page, "/news/pictures/add", desk.anna)
    look_over(page)
    page.locator("input[type=file]").set_input_files([PHONE])
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Describe the picture")).to_be_visible()
    look_over(page)
    first = Picture.objects.order_by("pk")[0]
    Picture.objects.filter(pk=first.pk).update(alt="", consent_by="Åse", consent_until="2020-01-01")
    paths = ["", f"/{first.pk}", f"/{first.pk}/use", f"/{first.pk}/withdraw", "?show=withdrawn"]
    for path in [
        *(f"/news/pictures{path}" for path in paths),
        f"/news/{desk.item.pk}",
        f"/news/{desk.item.pk}/picture",
    ]:
        desk.open(page, path)
        look_over(page)
