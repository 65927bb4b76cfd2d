"""The picture library in a real browser: the focal point by click and by keyboard, and pages that everybody can use."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from publisher.compose.drafts import create_campaign
from publisher.items.pictures import store_picture
from publisher.models import Account, Message, Picture, PostPicture
from tests.accessible import look_over
from tests.compose.conftest import ALT, picture_of
from tests.journeys.staff import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
PHONE = Path(__file__).parents[1] / "items" / "phone.heic"


def alts(message: Message) -> list[str]:
    """The pictures of a post, by their descriptions."""
    return [each.alt for each in PostPicture.objects.filter(message=message)]


def beside(page: Page, words: str, number: int) -> Locator:
    """The button beside a picture."""
    return page.get_by_role("button", name=re.compile(rf"^{words}\W+picture {number}$"))


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
    campaign = create_campaign(desk.item.organisation, [desk.item], accounts=list(Account.objects.all()))
    post = campaign.messages.all()[0]
    paths = ["", f"/{first.pk}", f"/{first.pk}/use", f"/{first.pk}/withdraw", "?show=withdrawn"]
    for path in [
        *(f"/news/pictures{path}" for path in paths),
        f"/news/{desk.item.pk}",
        f"/news/{desk.item.pk}/picture",
        f"/sendouts/{campaign.pk}/pictures/add",
        f"/sendouts/{campaign.pk}/posts/{post.pk}/pictures",
    ]:
        desk.open(page, path)
        look_over(page)


def test_a_post_gets_several_pictures_by_keyboard(desk: Desk, new_page: NewPage) -> None:
    organisation = desk.item.organisation
    for number in (2, 3):
        store_picture(organisation, picture_of(400 + number, 300), alt=f"Et kor {number}")
    campaign = create_campaign(organisation, [desk.item], accounts=list(Account.objects.order_by("pk")))
    first, second = campaign.messages.order_by("pk")
    page = new_page(width=390)
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    page.get_by_role("button", name="Add pictures to the posts").press("Enter")
    expect(page.get_by_role("heading", name="Add pictures", exact=True)).to_be_visible()
    for number in (2, 3):
        page.get_by_role("checkbox", name=f"Et kor {number}").press("Space")
    page.get_by_role("button", name="Add the ticked pictures").press("Enter")
    expect(page.get_by_label("Describe picture 3 (read aloud)")).to_be_visible()
    beside(page, "Put first", 3).press("Enter")
    expect(beside(page, "Move up", 3)).to_be_visible()
    expect(beside(page, "Choose another", 1)).to_be_focused()
    beside(page, "Move up", 3).press("Enter")
    expect(beside(page, "Move up", 2)).to_be_focused()
    look_over(page)
    moved = alts(first)
    assert moved[1] != ALT and alts(second) == moved and len(moved) == 3
    desk.open(page, f"/sendouts/{campaign.pk}/posts/{second.pk}/pictures")
    beside(page, "Take it out", 1).press("Enter")
    expect(page.get_by_role("button", name="The same pictures as the other channels")).to_be_visible()
    assert (alts(first), alts(second)) == (moved, moved[1:])
    desk.open(page, f"/sendouts/{campaign.pk}/edit")
    expect(page.get_by_text("Its own pictures")).to_be_attached()
