"""A thread written in a real browser: added, counted while one types, cut with a press; usable by everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from publisher.compose.drafts import create_campaign
from publisher.models import Account, Partner, SavedText
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
    # No person types within the milliseconds in which htmx settles the field.
    expect(page.locator(".htmx-added, .htmx-settling, .htmx-request")).to_have_count(0)
    page.keyboard.type("Tickets at the door.", delay=20)
    expect(page.locator("[id$='text1_count']")).to_have_text("20 of 500 characters")
    page.get_by_label("Text of the posts").fill("One.\n---\n" + "The concert begins at seven in the great hall. " * 12)
    page.get_by_role("button", name="Cut into a thread").click()
    expect(page.get_by_label("Text of the posts")).to_have_value("One.")
    expect(page.get_by_label("Post 4 of the thread", exact=True)).to_have_value("Tickets at the door.")
    look_over(page)
    for path in (f"/channels/{account.pk}/habits", f"/channels/{account.pk}"):
        desk.open(page, path)
        look_over(page)
    page.get_by_label("Write them as words").fill("hverdage 8.15 og halv")
    expect(page.locator("#meaning .field-error")).to_contain_text("“halv” is not understood.")
    page.get_by_label("Write them as words").fill("hverdage 8.15")
    expect(page.locator("#meaning")).to_contain_text("weekdays at 08:15")
    # The answer to what was unclear.
    look_over(page, known=("422",))
    page.get_by_role("button", name="Add these posting times").click()
    expect(page.get_by_text("5 posting times added.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_saved_text_goes_where_the_cursor_is_by_keyboard_alone(desk: Desk, new_page: NewPage, width: int) -> None:
    organisation = desk.item.organisation
    SavedText.objects.create(organisation=organisation, name="Hashtags", text="#kultur #musik")
    Partner.objects.create(organisation=organisation, name="Køge Bibliotek", handles={"practice": "@koegebib"})
    campaign = create_campaign(organisation, [desk.item], accounts=list(Account.objects.order_by("pk")))
    page = new_page(width=width, locale="en-GB")
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    text = page.get_by_label("Text of the posts")
    text.fill("Hør  nu.")
    text.evaluate("field => field.setSelectionRange(4, 4)")
    menu = page.locator("summary", has_text="Insert: Text of the posts")
    menu.focus()
    page.keyboard.press("Enter")
    look_over(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Køge Bibliotek").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(text).to_be_focused()
    expect(text).to_have_value("Hør @[Køge Bibliotek] nu.")
    page.keyboard.type(" Igen!")
    if width == 390:
        page.locator(".panes label", has_text="See").tap()
    expect(page.locator(".post-text").first).to_contain_text("Hør @koegebib Igen! nu.")
    page.locator(".own label", has_text="Change only here").first.click()
    own = page.locator(".own").first
    own.locator("summary", has_text="Insert").click()
    own.get_by_role("button", name="Hashtags").click()
    expect(own.locator("textarea")).to_have_value("Hør @[Køge Bibliotek] Igen! nu. #kultur #musik")
    look_over(page)
