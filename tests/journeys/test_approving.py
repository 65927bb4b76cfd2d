"""Whoever approves on a phone has the button at hand at once, and it covers nothing that has the focus."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from publisher.models import Campaign, Item, Newsletter
from publisher.review import approval
from tests.browser import NewPage
from tests.journeys.staff import Desk, desk  # noqa: F401 -- fixture
from tests.review.send_outs import send_out

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COVERED = """() => {
  const foot = document.querySelector('form.promise'), focused = document.activeElement;
  if (foot.contains(focused)) return false;
  const box = focused.getBoundingClientRect(), x = box.left + box.width / 2;
  const top = document.elementFromPoint(x, Math.min(box.bottom, innerHeight) - 2);
  return Boolean(top && (foot.contains(top) || top.closest('.side')) && !focused.contains(top));
}"""


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, desk: Desk) -> Campaign:  # noqa: F811
    campaign = send_out(item, newsletter)
    approval.submit(campaign, desk.anna)
    return campaign


@pytest.mark.parametrize("width", [390, 1280])
def test_the_button_is_in_sight_at_once_and_covers_no_focus(
    width: int,
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
) -> None:
    page: Page = new_page(width=width, height=844)
    desk.open(page, f"/sendouts/{campaign.pk}", desk.bo)
    button = page.get_by_role("button", name="Approve and send")
    expect(button).to_be_in_viewport(ratio=1)
    foot = page.locator("form.promise").bounding_box()
    assert foot and foot["height"] < 844 / 5, "most of the page stays to be read"
    page.locator("body").press("Tab")
    for _ in range(60):
        assert not page.evaluate(COVERED), page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
    button.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
