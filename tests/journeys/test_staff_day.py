"""A member of staff's day in a real browser: from news to Undo, to a plan, to a colleague's word, to the receipt."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from publisher.accounts.waiting import heed
from publisher.compose.drafts import create_campaign
from publisher.errors import ThrottledError
from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter, StopStamp
from publisher.review import approval
from publisher.vocabulary import AccountStatus, CampaignStatus, DeliveryStatus, MessageStatus
from tests.accessible import look_over
from tests.cast import PASSWORD
from tests.journeys.staff import Desk, desk, sign_in  # noqa: F401 -- a fixture
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, meant_again, post_of, send_out, soon

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def campaign(desk: Desk, newsletter: Newsletter) -> Campaign:  # noqa: F811
    """A draft with a mail and two posts."""
    return create_campaign(desk.item.organisation, [desk.item], newsletter=newsletter, accounts=Account.objects.all())


def saved(page: Page) -> None:
    """Wait until the page says that it stored what was typed."""
    expect(page.locator("#promise")).to_contain_text(re.compile("Saved at"))


def test_from_signing_in_to_sending_and_undoing_it(desk: Desk, page: Page) -> None:  # noqa: F811
    sign_in(page, desk, desk.bo)
    page.get_by_role("link", name="News", exact=True).click()
    page.get_by_role("link", name=desk.item.title, exact=True).click()
    page.get_by_role("link", name="Plan a send-out", exact=True).click()
    page.get_by_role("button", name="Make a draft").click()
    page.wait_for_url("**/edit")
    page.get_by_label("Subject").fill("Kom til åben øvelse")
    saved(page)
    expect(page.locator(".mail-head")).to_contain_text("Kom til åben øvelse")
    expect(page.locator("#promise")).to_contain_text("1 recipient and 2 channels in 60 seconds")
    page.get_by_role("button", name="Send now").click()
    page.wait_for_url(f"**/sendouts/{desk.campaign().pk}")
    expect(page.locator("#live")).to_contain_text(re.compile(r"Is sent in \d+ seconds"))
    first = page.locator("#live b").inner_text()
    expect(page.locator("#live b")).not_to_have_text(first)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url("**/edit")
    expect(page.get_by_text("Undone: nothing was sent.")).to_be_visible()
    assert desk.campaign().status == CampaignStatus.DRAFT
    assert Message.objects.get(outlet="email").subject == "Kom til åben øvelse"
    assert not Delivery.objects.exists()
    assert page.complaints == []


def test_a_plan_for_a_day_and_a_time(desk: Desk, page: Page, campaign: Campaign) -> None:  # noqa: F811
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)
    page.get_by_label("At a time").check()
    page.get_by_label("Day", exact=True).fill("2031-11-27")
    page.get_by_label("Time of day").fill("08:00")
    expect(page.locator("#promise")).to_contain_text("Is sent Thursday 27 November 2031 at 08:00")
    page.get_by_role("button", name="Plan", exact=True).click()
    page.wait_for_url(f"**/sendouts/{campaign.pk}")
    expect(page.locator(".state")).to_contain_text("Is sent Thursday 27 November 2031 at 08:00.")
    assert set(campaign.messages.values_list("status", flat=True)) == {MessageStatus.SCHEDULED}
    page.get_by_role("button", name="Take back to draft").click()
    page.wait_for_url("**/edit")
    expect(page.get_by_label("Day", exact=True)).to_have_value("2031-11-27")


def test_a_time_that_does_not_exist_keeps_every_word(desk: Desk, page: Page, campaign: Campaign) -> None:  # noqa: F811
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    page.get_by_label("At a time").check()
    page.get_by_label("Day", exact=True).fill("2031-03-30")
    page.get_by_label("Time of day").fill("02:30")
    page.get_by_label("Subject").fill("Ordene bliver")
    page.get_by_role("button", name="Send for approval").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose 01:30 or 03:30.")
    expect(page.get_by_label("Subject")).to_have_value("Ordene bliver")
    assert mail_of(campaign).subject == "Ordene bliver"


def test_a_colleague_approves(desk: Desk, new_page: NewPage, campaign: Campaign) -> None:  # noqa: F811
    annas, bos = new_page(), new_page()
    desk.open(annas, f"/sendouts/{campaign.pk}/edit", desk.anna)
    annas.get_by_role("button", name="Send for approval").click()
    annas.wait_for_url(f"**/sendouts/{campaign.pk}")
    expect(annas.get_by_text("Sent for approval.")).to_be_visible()
    desk.open(bos, "/", desk.bo)
    bos.get_by_role("link", name="See and approve").click()
    bos.get_by_role("button", name="Approve and send").click()
    expect(bos.get_by_role("button", name="Undo")).to_be_visible()
    annas.reload()
    expect(annas.locator(".state")).to_contain_text("Scheduled")
    expect(annas.get_by_role("button", name="Undo")).to_have_count(0)


def test_counters_follow_the_hand_and_one_channel_has_its_own_words(
    desk: Desk,  # noqa: F811
    page: Page,
    campaign: Campaign,
) -> None:
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    shared = page.get_by_label("Text of the posts")
    shared.fill("x" * 501)
    expect(page.locator(".count-over").first).to_contain_text("501 of 500 characters")
    shared.fill("Til alle kanaler")
    expect(page.locator(".post-text").last).to_have_text("Til alle kanaler")
    page.get_by_label("Change only here: Den anden (Practice channel)").check()
    own = page.locator(".own-text textarea:visible")
    expect(own).to_have_value("Til alle kanaler")
    own.fill("Kun her")
    expect(page.locator(".post-text").last).to_have_text("Kun her")
    expect(page.locator(".post-text").first).to_have_text("Til alle kanaler")
    saved(page)
    assert sorted(campaign.messages.filter(outlet="post").values_list("text", flat=True)) == [
        "Kun her",
        "Til alle kanaler",
    ]


def test_a_press_right_after_a_word_is_no_conflict_and_loses_nothing(
    desk: Desk,  # noqa: F811
    page: Page,
    campaign: Campaign,
) -> None:
    """The autosave may be on its way when the button is pressed; the press waits for it."""
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    for pause in (0, 650, 750):
        page.get_by_label("Subject").fill(f"Emne efter {pause}")
        page.wait_for_timeout(pause)
        page.get_by_role("button", name="Save the draft").last.click()
        expect(page.locator("#promise")).to_contain_text("Saved at")
        page.wait_for_timeout(900)
        assert page.get_by_role("alert").count() == 0
        assert mail_of(campaign).subject == f"Emne efter {pause}"


def test_enter_in_a_field_saves_and_never_sends(desk: Desk, page: Page, campaign: Campaign) -> None:  # noqa: F811
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)
    page.get_by_label("Subject").fill("Med retur")
    page.get_by_label("Subject").press("Enter")
    saved(page)
    assert (mail_of(campaign).subject, desk.campaign().status) == ("Med retur", CampaignStatus.DRAFT)


def test_signed_out_in_the_middle_of_a_sentence(
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
) -> None:
    page = new_page(locale="en-GB")
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.anna)
    page.context.clear_cookies(name="opslag")
    page.get_by_label("Subject").fill("Midt i en sætning")
    expect(page.get_by_role("alert")).to_contain_text("You were signed out")
    with page.expect_popup() as opened:
        page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    other = opened.value
    other.get_by_label("E-mail").fill(desk.anna.email)
    other.locator("input[type=password]").fill(PASSWORD)
    other.locator("button.primary").click()
    other.wait_for_url(desk.url + "/")
    expect(page.locator("#promise")).to_contain_text("Saved at", timeout=8000)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert mail_of(campaign).subject == "Midt i en sætning"
    page.get_by_label("Subject").press("End")
    page.get_by_label("Subject").press_sequentially(", skrevet færdig")
    expect(page.locator(".mail-head")).to_contain_text(", skrevet færdig")
    assert mail_of(campaign).subject == "Midt i en sætning, skrevet færdig"


def test_a_colleague_wrote_meanwhile(desk: Desk, new_page: NewPage, campaign: Campaign) -> None:  # noqa: F811
    annas, bos = new_page(), new_page()
    desk.open(annas, f"/sendouts/{campaign.pk}/edit", desk.anna)
    desk.open(bos, f"/sendouts/{campaign.pk}/edit", desk.bo)
    bos.get_by_label("Subject").fill("Bos emne")
    saved(bos)
    annas.get_by_label("Subject").fill("Annas emne")
    alert = annas.get_by_role("alert")
    expect(alert).to_contain_text("Bo changed this draft while you wrote here.")
    expect(alert).to_contain_text("Bos emne")
    expect(annas.get_by_label("Subject")).to_have_value("Annas emne")
    alert.get_by_role("button", name="Save mine instead").click()
    expect(alert).to_have_count(0)
    assert mail_of(campaign).subject == "Annas emne"


def test_with_the_keyboard_alone(desk: Desk, page: Page) -> None:  # noqa: F811
    def tab_to(name: str, role: str = "link") -> None:
        """Press Tab until the focus is on what is called so."""
        wanted = page.get_by_role(role, name=name, exact=True).first
        for _ in range(60):
            page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
                return
        pytest.fail(f"Tab never reached “{name}”")

    desk.open(page, "/", desk.anna)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tab_to(desk.item.title)
    page.keyboard.press("Enter")
    page.wait_for_url("**/news/*")
    tab_to("Plan a send-out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plan")
    tab_to("Make a draft", "button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/edit")
    tab_to("Subject", "textbox")
    page.keyboard.press("End")
    page.keyboard.type(" nu")
    saved(page)
    tab_to("Send for approval", "button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/sendouts/{desk.campaign().pk}")
    assert desk.campaign().status == CampaignStatus.IN_REVIEW
    assert mail_of(desk.campaign()).subject == desk.item.title + " nu"


def test_the_receipt_counts_up_by_itself_and_comes_to_rest(
    desk: Desk,  # noqa: F811
    page: Page,
    item: Item,
    newsletter: Newsletter,
) -> None:
    campaign = send_out(item, newsletter)
    approval.send_now(campaign, desk.bo)
    freeze(mail_of(campaign), 5)
    begin(mail_of(campaign))
    desk.open(page, f"/sendouts/{campaign.pk}", desk.bo)
    expect(page.locator("#live")).to_contain_text("Waiting 5")
    page.get_by_role("button", name="Pause").focus()
    hand_over(mail_of(campaign), DeliveryStatus.SENT, 3)
    expect(page.locator("#live")).to_contain_text("Sent 3")
    assert page.evaluate("document.activeElement.value") == "pause"
    hand_over(mail_of(campaign), DeliveryStatus.SENT, 2)
    finish(mail_of(campaign))
    expect(page.locator(".state")).to_contain_text("Finished")
    expect(page.locator("#live[hx-get]")).to_have_count(0)
    assert page.complaints == []


def test_on_a_phone_one_part_at_a_time_and_the_promise_always(
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
) -> None:
    page = new_page(width=390, height=844)
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)
    expect(page.get_by_label("Subject")).to_be_visible()
    page.locator(".panes label", has_text="See").tap()
    expect(page.get_by_label("Subject")).to_be_hidden()
    expect(page.locator(".post").first).to_be_visible()
    page.locator(".panes label", has_text="When").tap()
    expect(page.get_by_label("At a time")).to_be_visible()
    expect(page.locator("#promise")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_any_page(
    width: int,
    desk: Desk,  # noqa: F811
    new_page: NewPage,
    campaign: Campaign,
    item: Item,
    newsletter: Newsletter,
    practice_account: Account,
) -> None:
    """Each page in its states: full lists, a draft, in review, the countdown, held, unconfirmed, waiting, stopped."""
    review, counting, planned, done = (send_out(item, newsletter, practice_account) for _ in range(4))
    approval.submit(review, desk.anna)
    approval.send_now(counting, desk.bo)
    approval.approve(meant_again(planned), desk.bo, scheduled_at=soon())
    approval.send_now(meant_again(done), desk.bo)
    late = meant_again(send_out(item, None, practice_account))
    approval.approve(late, desk.bo, scheduled_at=soon())
    begin(post_of(late))
    heed(practice_account, ThrottledError("The platform asks us to wait before the next call.", retry_after=9_000))
    mail, post = done.messages.all()
    freeze(mail, 5, skipped=1)
    for message in (mail, post):
        begin(message)
    hand_over(mail, DeliveryStatus.SENT, 4)
    hand_over(mail, DeliveryStatus.FAILED, 1)
    hand_over(post, DeliveryStatus.UNCERTAIN)
    for message in (mail, post):
        finish(message)
    Message.objects.filter(pk=mail_of(planned).pk).update(status=MessageStatus.HELD, hold_reason="missed")
    Account.objects.filter(name="Den anden").update(status=AccountStatus.NEEDS_RECONNECT)
    page = new_page(width=width)
    desk.open(page, "/", desk.bo)
    paths = ["/", "/news", "/news?show=all&q=intet", f"/news/{item.pk}", f"/news/{item.pk}/plan", "/sendouts", "/stop"]
    paths += [f"/sendouts/{campaign.pk}/edit", *(f"/sendouts/{c.pk}" for c in (review, counting, planned, done, late))]
    paths += [f"/sendouts/{planned.pk}/cancel", f"/channels/{practice_account.pk}", "/calendar"]
    for path in paths:
        page.goto(desk.url + path)
        look_over(page, frames=False)
    StopStamp.objects.create(organisation=item.organisation, stopped_by=desk.bo)
    page.goto(desk.url + "/stop")
    look_over(page, frames=False)
