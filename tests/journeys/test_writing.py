"""Writing a news item in a real browser: the editor, what is pasted into it, the keyboard, and no script at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from publisher.items.content import clean_html
from publisher.models import Item, Sighting
from publisher.vocabulary import ItemState
from tests.accessible import look_over
from tests.compose.conftest import ALT
from tests.journeys.clipboard import COPIED
from tests.journeys.staff import Desk, desk  # noqa: F401 -- a fixture

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]

PASTE = """(html) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  data.setData("text/plain", "kun tekst");
  const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
  document.querySelector(".ProseMirror").dispatchEvent(event);
}"""


def written(page: Page) -> Item:
    """Saves the form; the item that it became."""
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/news/*")
    return Item.objects.get(title="Kulturnatten")


def begin(desk: Desk, page: Page) -> None:  # noqa: F811
    desk.open(page, "/news/write", desk.anna)
    page.get_by_label("Headline").fill("Kulturnatten")
    expect(page.get_by_role("button", name="Bold")).to_be_visible()


@pytest.mark.parametrize("program", list(COPIED))
def test_what_is_pasted_keeps_headings_lists_and_links_only(desk: Desk, page: Page, program: str) -> None:  # noqa: F811
    copied, becomes = COPIED[program]
    begin(desk, page)
    page.get_by_role("textbox", name="Text").click()
    page.evaluate(PASTE, copied)
    item = written(page)
    assert item.body_html == becomes.replace('rel="R"', 'rel="noopener noreferrer"')
    assert item.body_html == clean_html(item.body_html)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_by_keyboard_alone(desk: Desk, page: Page) -> None:  # noqa: F811
    begin(desk, page)
    text = page.get_by_role("textbox", name="Text")
    text.focus()
    page.keyboard.type("Vi mødes.")
    page.keyboard.press("Enter")
    for tool in ("Heading", "List"):
        page.get_by_role("button", name=tool, exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=tool, exact=True)).to_have_attribute("aria-pressed", "true")
        expect(text).to_be_focused()
        if tool == "Heading":
            page.keyboard.type("Program")
            page.keyboard.press("Enter")
    page.keyboard.type("kor")
    page.keyboard.press("Enter")
    page.keyboard.type("orkester")
    page.keyboard.press("Shift+Control+ArrowLeft")
    # The editor hears of a selection a moment after the page has it.
    page.wait_for_timeout(300)
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Address of the link")).to_be_focused()
    page.keyboard.type("ikke et link")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Write a whole address")).to_be_visible()
    page.get_by_label("Address of the link").fill("example.org/orkester")
    page.keyboard.press("Enter")
    expect(text).to_be_focused()
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()
    assert written(page).body_html == (
        "<p>Vi mødes.</p><h2>Program</h2><ul><li><p>kor</p></li><li><p>"
        '<a href="https://example.org/orkester" rel="noopener noreferrer">orkester</a></p></li></ul>'
    )


def test_nothing_typed_is_lost_when_it_is_refused_or_left(desk: Desk, page: Page) -> None:  # noqa: F811
    begin(desk, page)
    page.get_by_label("Headline").fill("")
    page.get_by_role("textbox", name="Text").click()
    page.keyboard.type("Ordene bliver.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was lost.")
    expect(page.get_by_role("textbox", name="Text")).to_have_text("Ordene bliver.")
    page.get_by_role("textbox", name="Text").click()
    page.keyboard.type(" Også nu.")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/news")
    assert asked == ["beforeunload"]


def test_correcting_an_item_of_a_source(desk: Desk, page: Page) -> None:  # noqa: F811
    before = clean_html(desk.item.body_html)
    Item.objects.update(body_html=before)
    desk.open(page, f"/news/{desk.item.pk}", desk.anna)
    page.get_by_role("link", name="Correct").click()
    text = page.get_by_role("textbox", name="Text")
    expect(text.get_by_role("link", name="mere")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    desk.item.refresh_from_db()
    assert desk.item.body_html == before, "opening and saving changes nothing"
    assert desk.item.revision == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible_and_fit(desk: Desk, new_page: NewPage, width: int) -> None:  # noqa: F811
    page = new_page(width=width)
    begin(desk, page)
    page.evaluate("document.querySelector('.ProseMirror').focus()")
    page.evaluate(PASTE, COPIED["word"][0])
    page.get_by_role("button", name="Link", exact=True).click()
    look_over(page)
    text = page.get_by_role("textbox", name="Text").inner_text()
    page.get_by_role("button", name="Choose a picture from the library").click()
    look_over(page)
    page.get_by_role("button", name="Choose it").click()
    expect(page.get_by_label("Headline")).to_have_value("Kulturnatten")
    expect(page.get_by_label("Describe the picture")).to_have_value(ALT)
    assert text and page.get_by_role("textbox", name="Text").inner_text() == text
    look_over(page)
    page.on("dialog", lambda dialog: dialog.accept())
    held = Item.objects.create(
        organisation=desk.item.organisation,
        title="Koncert",
        state=ItemState.HELD,
        held_why={"msgid": "x", "params": {}},
    )
    Sighting.objects.create(item=held, source=desk.item.sightings.get().source, external_key="held")
    desk.open(page, "/news/held")
    page.get_by_role("checkbox", name="Choose “Koncert”").check()
    look_over(page)
    desk.open(page, f"/news?q=kom&picture=with&source={desk.item.sightings.get().source_id}")
    page.get_by_text("Filters").click()
    look_over(page)
    page.get_by_role("link", name="Take off: Picture").click()
    assert "picture" not in page.url and "q=kom" in page.url
    for address in (f"/news/{desk.item.pk}", "/news?show=withdrawn", "/settings/sources"):
        desk.open(page, address)
        look_over(page)


def test_without_script_it_is_a_plain_field_and_a_plain_form(desk: Desk, browser: Browser) -> None:  # noqa: F811
    page = browser.new_context(java_script_enabled=False).new_page()
    desk.open(page, "/news/write", desk.anna)
    expect(page.get_by_role("button", name="Bold")).to_have_count(0)
    page.get_by_label("Headline").fill("Kulturnatten")
    page.get_by_label("Text (optional)").fill("Kom og hør.\n\n- kor\n- orkester")
    assert written(page).body_html == "<p>Kom og hør.</p><ul><li>kor</li><li>orkester</li></ul>"
    desk.open(page, "/news")
    page.get_by_role("searchbox").fill("kulturnatten")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Kulturnatten", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Take off: “kulturnatten”")).to_be_visible()
    page.context.close()
