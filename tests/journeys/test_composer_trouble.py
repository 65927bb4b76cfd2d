"""The composer when something goes wrong: nothing typed and no press is lost, and what stands in the way is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect

from publisher.compose.drafts import create_campaign
from publisher.models import Account, Campaign, Newsletter
from publisher.vocabulary import CampaignStatus
from tests.items.by_hand import edit
from tests.journeys.staff import Desk, desk, sign_in  # noqa: F401 -- a fixture
from tests.review.send_outs import mail_of

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def campaign(desk: Desk, newsletter: Newsletter) -> Campaign:  # noqa: F811
    """A draft with a mail and two posts."""
    return create_campaign(desk.item.organisation, [desk.item], newsletter=newsletter, accounts=Account.objects.all())


@pytest.fixture
def composer(desk: Desk, new_page: NewPage, campaign: Campaign) -> Page:  # noqa: F811
    """Bo's composer, open."""
    page = new_page(locale="en-GB")
    sign_in(page, desk, desk.bo)
    desk.open(page, f"/sendouts/{campaign.pk}/edit")
    return page


def sign_in_again_in_another_tab(page: Page, desk: Desk) -> None:  # noqa: F811
    """Signing in makes the token of every open page worthless."""
    other = page.context.new_page()
    other.context.clear_cookies(name="opslag")
    sign_in(other, desk, desk.bo)
    other.close()


def test_words_are_saved_after_signing_in_again_in_another_tab(
    desk: Desk,  # noqa: F811
    composer: Page,
    campaign: Campaign,
) -> None:
    sign_in_again_in_another_tab(composer, desk)
    composer.get_by_label("Subject").fill("Skrevet bagefter")
    expect(composer.locator("#promise")).to_contain_text("Saved at")
    expect(composer.locator("#unsaved")).to_be_hidden()
    assert mail_of(campaign).subject == "Skrevet bagefter"
    composer.get_by_label("Subject").fill("Og igen")
    expect(composer.locator(".mail-head")).to_contain_text("Og igen")


def test_a_button_works_after_signing_in_again_in_another_tab(
    desk: Desk,  # noqa: F811
    composer: Page,
    campaign: Campaign,
) -> None:
    sign_in_again_in_another_tab(composer, desk)
    composer.get_by_role("button", name="Send now").click()
    composer.wait_for_url(f"**/sendouts/{campaign.pk}")
    assert desk.campaign().status == CampaignStatus.APPROVED


@pytest.mark.parametrize("fault", [500, 0])
def test_while_it_cannot_be_saved_it_says_so_and_goes_on_trying(fault: int, composer: Page, campaign: Campaign) -> None:
    """The server fails, or is not there; then it is back."""

    def fail(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
        elif fault:
            route.fulfill(status=fault, body="broken")
        else:
            route.abort()

    address = f"**/sendouts/{campaign.pk}/edit"
    composer.route(address, fail)
    composer.get_by_label("Subject").fill("Midt i et nedbrud")
    expect(composer.locator("#unsaved")).to_contain_text("Not saved")
    expect(composer.locator("#unsaved [data-press]")).to_be_hidden()
    expect(composer.get_by_label("Subject")).to_have_value("Midt i et nedbrud")
    composer.unroute(address)
    expect(composer.locator("#unsaved")).to_be_hidden(timeout=12_000)
    expect(composer.locator("#promise")).to_contain_text("Saved at")
    assert mail_of(campaign).subject == "Midt i et nedbrud"


def test_a_press_that_was_lost_on_the_way_follows_by_itself(
    desk: Desk,  # noqa: F811
    composer: Page,
    campaign: Campaign,
) -> None:
    address = f"**/sendouts/{campaign.pk}/edit"
    composer.route(address, lambda route: route.fulfill(status=502, body="no"))
    composer.get_by_role("button", name="Send for approval").click()
    expect(composer.locator("#unsaved")).to_contain_text("The button that you pressed follows")
    assert desk.campaign().status == CampaignStatus.DRAFT
    composer.unroute(address)
    composer.wait_for_url(f"**/sendouts/{campaign.pk}", timeout=12_000)
    assert desk.campaign().status == CampaignStatus.IN_REVIEW


def test_writing_on_calls_a_lost_press_off(desk: Desk, composer: Page, campaign: Campaign) -> None:  # noqa: F811
    address = f"**/sendouts/{campaign.pk}/edit"
    composer.route(address, lambda route: route.fulfill(status=502, body="no"))
    composer.get_by_role("button", name="Send now").click()
    expect(composer.locator("#unsaved [data-press]")).to_be_visible()
    composer.get_by_label("Subject").fill("Alligevel ikke")
    composer.unroute(address)
    expect(composer.locator("#promise")).to_contain_text("Saved at", timeout=12_000)
    composer.wait_for_timeout(2500)
    assert (mail_of(campaign).subject, desk.campaign().status) == ("Alligevel ikke", CampaignStatus.DRAFT)


def test_a_press_while_signed_out_follows_after_signing_in(
    desk: Desk,  # noqa: F811
    composer: Page,
    campaign: Campaign,
) -> None:
    composer.context.clear_cookies(name="opslag")
    composer.get_by_role("button", name="Send for approval").click()
    expect(composer.get_by_role("alert")).to_contain_text("You were signed out")
    expect(composer.locator("#unsaved")).to_contain_text("The button that you pressed follows")
    client = Client()
    client.force_login(desk.bo)
    composer.context.add_cookies([{"name": "opslag", "value": client.cookies["opslag"].value, "url": desk.url}])
    composer.wait_for_url(f"**/sendouts/{campaign.pk}", timeout=12_000)
    assert desk.campaign().status == CampaignStatus.IN_REVIEW


def test_a_draft_is_cancelled_after_a_question(desk: Desk, composer: Page, campaign: Campaign) -> None:  # noqa: F811
    composer.get_by_role("link", name="Cancel the draft").click()
    expect(composer.get_by_role("heading", level=1)).to_contain_text("Cancel the draft")
    composer.get_by_role("link", name="No, go back").click()
    composer.wait_for_url("**/edit")
    composer.get_by_role("link", name="Cancel the draft").click()
    composer.get_by_role("button", name="Cancel the draft").click()
    composer.wait_for_url("**/sendouts")
    expect(composer.get_by_text(f"The draft “{campaign.title}” was cancelled.")).to_be_visible()
    assert desk.campaign().status == CampaignStatus.CANCELLED


def test_a_time_that_does_not_exist_is_said_in_the_bar_and_mended_with_one_press(composer: Page) -> None:
    composer.get_by_label("At a time").check()
    composer.get_by_label("Day", exact=True).fill("2031-03-30")
    clock = composer.get_by_label("Time of day")
    clock.fill("02:30")
    expect(composer.locator("#promise")).to_contain_text("There is no 02:30 on that day")
    expect(composer.locator("#id_when-clock_error")).to_be_visible()
    assert clock.get_attribute("aria-invalid") == "true"
    composer.get_by_role("button", name="Use 03:30").click()
    expect(clock).to_have_value("03:30")
    expect(composer.locator("#id_when-clock_error")).to_have_count(0)
    expect(composer.locator("#promise")).to_contain_text("Is sent Sunday 30 March 2031 at 03:30")


def test_a_corrected_time_takes_its_error_away(composer: Page) -> None:
    composer.get_by_label("At a time").check()
    composer.get_by_label("Day", exact=True).fill("2031-03-30")
    composer.get_by_label("Time of day").fill("02:30")
    expect(composer.locator("#id_when-clock_error")).to_be_visible()
    composer.get_by_label("Time of day").fill("04:00")
    expect(composer.locator("#id_when-clock_error")).to_have_count(0)
    expect(composer.get_by_label("Time of day")).to_have_attribute("aria-invalid", "false")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_bar_leads_to_the_field_that_must_be_put_right(
    width: int,
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
) -> None:
    page = new_page(width=width)
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)
    page.get_by_label("Subject").fill("")
    expect(page.locator("#promise")).to_contain_text("The mail has no subject. Write one.")
    expect(page.locator("#promise")).not_to_contain_text("Is sent")
    expect(page.locator("#act-approve")).to_have_count(0)
    if width == 390:
        page.locator(".panes label", has_text="When").tap()
        expect(page.get_by_label("Subject")).to_be_hidden()
    page.get_by_role("link", name="Show what must be put right").click()
    expect(page.get_by_label("Subject")).to_be_focused()
    expect(page.get_by_label("Subject")).to_be_in_viewport()
    page.get_by_label("Subject").fill("Nu med emne")
    expect(page.get_by_role("button", name="Send now")).to_be_visible()


def test_a_dragged_field_makes_no_complaint(composer: Page) -> None:
    """Browsers keep a size that a person drags as an inline style; copied by htmx it would break the policy."""
    composer.get_by_label("Change only here: Den anden (Practice channel)").check()
    composer.locator(".own-text textarea").last.evaluate("field => { field.style.height = '9rem'; }")
    composer.get_by_label("Change only here: Den anden (Practice channel)").uncheck()
    composer.get_by_label("Text of the posts").fill("Til alle")
    expect(composer.locator(".post-text").last).to_have_text("Til alle")
    assert composer.complaints == []


def test_on_a_phone_the_promise_stays_in_sight_while_the_time_is_chosen(
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
) -> None:
    page = new_page(width=390, height=844)
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)
    page.locator(".panes label", has_text="When").tap()
    bar, foot = page.locator(".promise").bounding_box(), page.locator(".rail").bounding_box()
    assert bar is not None
    assert foot is not None
    assert bar["y"] + bar["height"] <= foot["y"] + 1
    last = page.locator("#act-approve").bounding_box()
    assert last is not None
    assert last["width"] > 300


def test_news_that_changes_while_one_writes_is_asked_about_at_once(
    desk: Desk,  # noqa: F811
    composer: Page,
    campaign: Campaign,
) -> None:
    edit(desk.item, title="Øvelsen er flyttet")
    composer.get_by_label("Subject").fill("Skrevet imens")
    expect(composer.get_by_text("The news is changed:")).to_be_visible()
    expect(composer.get_by_label("Subject")).to_be_focused()
    composer.get_by_text("What changed").click()
    composer.get_by_label("Subject").fill("Skrevet videre")
    expect(composer.locator(".mail-head")).to_contain_text("Skrevet videre")
    expect(composer.locator("#news-changed details")).not_to_have_attribute("open", "")
    composer.get_by_role("button", name="Keep it as it is").click()
    expect(composer.get_by_text("The words stay as they are.")).to_be_visible()
    expect(composer.get_by_text("The news is changed:")).to_have_count(0)
    assert mail_of(campaign).subject == "Skrevet videre"
