"""A thread written in a real browser: added, counted while one types, cut with a press; usable by everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from publisher.compose.drafts import create_campaign
from publisher.models import Account
from tests.accessible import look_over
from tests.journeys.staff import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_thread_is_added_to_counted_and_cut(desk: Desk, new_page: NewPage, width: int) -> None:
    Account.objects.update(kind="mastodon")
    account = Account.objects.order_by("pk")[0]
    campaign = create_campaign(desk.item.organisation, [desk.item], accounts=[account])
    page = new_page(width=width, locale="en-GB")
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    page.get_by_role("button", name="Add a post to the thread").click()
    second = page.get_by_label("Post 2 of the thread", exact=True)
    expect(second).to_be_focused()
    page.keyboard.type("Tickets at the door.")
    expect(page.locator("[id$='text1_count']")).to_have_text("20 of 500 characters")
    page.get_by_label("Text of the posts").fill("One.\n---\n" + "The concert begins at seven in the great hall. " * 12)
    page.get_by_role("button", name="Cut into a thread").click()
    expect(page.get_by_label("Text of the posts")).to_have_value("One.")
    expect(page.get_by_label("Post 4 of the thread", exact=True)).to_have_value("Tickets at the door.")
    look_over(page)
    for path in (f"/channels/{account.pk}/habits", f"/channels/{account.pk}"):
        desk.open(page, path)
        look_over(page)
