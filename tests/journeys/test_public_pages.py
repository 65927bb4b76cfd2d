"""What residents meet, in a real browser: leaving and coming back, the mail as a page, the timeline; caught mail."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from publisher.audience.subscribe import subscribe
from publisher.compose.compiled import Recipient, compile_message, personalise
from publisher.compose.editions import EVERYTHING, edition, load
from publisher.compose.links import news_url, view_url
from publisher.items.pictures import picture_bytes, picture_file
from publisher.models import (
    Campaign,
    ConsentText,
    Item,
    Message,
    Newsletter,
    PracticeChannel,
    PracticePicture,
    PracticePost,
    Subscription,
    User,
)
from publisher.vocabulary import BlockKind, EventStatus, LinkCounting, MessageStatus, Outlet
from tests.accessible import look_over
from tests.compose.conftest import ALT, campaign, lead_item, mail, picture  # noqa: F401 -- fixtures

# Not marked `database`: which one the words come from is all the same to a browser.
pytestmark = pytest.mark.browser
WIDTHS = [1280, 390]
# Some of these pages answer 404 on purpose, and the browser notes it.
KNOWN = ("404 (Not Found)", "410 (Gone)")
NewPage = Callable[..., Page]


@dataclass
class World:
    """A send-out that reached one reader, and what came of it."""

    url: str
    reader: Subscription
    message: Message
    caught_id: str
    written: Item
    taken_back: Item

    @property
    def paths(self) -> dict[str, str]:
        """The pages of this file by name."""
        return {
            "unsubscribe": f"/u/{self.reader.token}",
            "gone": "/u/no-such-token",
            "mail": view_url(self.message).removeprefix(self.url),
            "timeline": "/practice/proeve/",
            "privacy": "/privacy/kulturfaellesskabet",
            "accessibility": "/accessibility/kulturfaellesskabet",
            "news": news_url(self.written.pk).removeprefix(self.url),
            "news-withdrawn": news_url(self.taken_back.pk).removeprefix(self.url),
        }


@pytest.fixture
def world(
    live_server: Any,
    settings: Any,
    tmp_path: Path,
    newsletter: Newsletter,
    mail: Message,  # noqa: F811
) -> World:
    """The kulturaftale sent: one reader, their caught mail, a post on the practice channel."""
    settings.OPSLAG_BASE_URL = live_server.url
    settings.OPSLAG_CATCHER_DIR = str(tmp_path / "mail")
    ConsentText.objects.create(
        newsletter=newsletter, language="da", text="Jeg vil gerne have Kulturnyt pr. mail fra Kulturfællesskabet."
    )
    reader = subscribe(newsletter, "anne@example.org", source="form", confirmed_at=timezone.now())
    compiled = compile_message(mail)
    Message.objects.filter(pk=mail.pk).update(status=MessageStatus.FINISHED, started_at=timezone.now())
    wire = personalise(edition(load(compiled), EVERYTHING), Recipient(1, "anne@example.org", "Anne", reader.token))
    caught_id = uuid.uuid4().hex
    (tmp_path / "mail").mkdir()
    kept = tmp_path / "mail" / f"{caught_id}.eml"
    kept.write_bytes(b"X-Mail-From: nyt@kultur.example.org\r\nX-Rcpt-To: anne@example.org\r\n" + wire)
    publish_posts(newsletter, mail)
    return World(live_server.url, reader, mail, caught_id, *write_by_hand(mail))


def write_by_hand(message: Message) -> tuple[Item, Item]:
    """News that have no address of their own: one in the mail that was sent and corrected since, one withdrawn."""
    shown = message.blocks.get(position=0).picture
    written, taken_back = (
        Item.objects.create(
            organisation=message.campaign.organisation,
            title=title,
            lead="Kom og syng med, uanset om du har sunget før.",
            body_html="<p>Vi øver hver tirsdag.</p><h2>Sådan gør du</h2><ul><li>Mød op</li></ul>",
            body_text="Vi øver hver tirsdag.",
            picture=shown,
            event_starts_at=timezone.now() + timedelta(days=3),
            event_place="Kulturhuset i Albertslund",
            event_status=EventStatus.MOVED,
            event_booking_url="https://kultur.example.org/billet",
        )
        for title in ("Nyt kor søger sangere", "Koret er nedlagt")
    )
    alone = Campaign.objects.create(organisation=written.organisation, title=written.title)
    alone.chosen.create(item=written)
    told = alone.messages.create(
        outlet=Outlet.EMAIL, newsletter=message.newsletter, status=MessageStatus.FINISHED, started_at=timezone.now(),
        corrected_at=timezone.now(), correction_note="Vi skrev onsdag. Det er tirsdag.",
    )  # fmt: skip
    told.blocks.create(kind=BlockKind.LEAD_STORY, position=0, item=written)
    Item.objects.filter(pk=taken_back.pk).update(withdrawn_at=timezone.now())
    return written, taken_back


def publish_posts(newsletter: Newsletter, message: Message) -> None:
    """One post with a card, one with a picture, one of text alone."""
    channel = PracticeChannel.objects.create(
        organisation=newsletter.organisation, slug="proeve", name="Kulturfællesskabet på prøvekanalen"
    )
    block = message.blocks.get(position=0)
    assert block.picture is not None
    picture_file(block.picture, 600)
    now = timezone.now()
    posts = [
        ("Vi glæder os til at se jer alle sammen på lørdag! 🎻", ""),
        ("Sådan så det ud, da ni kommuner skrev under. #kulturaftale", "https://kultur.example.org/billeder"),
        (
            "En ny kulturaftale. #kulturaftale\n\nSe også https://kultur.example.org/musik?a=1&b=2 @koret",
            block.content["link"],
        ),
    ]
    for number, (text, link) in enumerate(posts):
        post = PracticePost.objects.create(
            channel=channel,
            key=str(number),
            text=text,
            link=link,
            language="da",
            planned_at=now - timedelta(hours=30 - 10 * number),
        )
        if number == 1:
            PracticePicture.objects.create(
                channel=channel, post=post, content=picture_bytes(block.picture), media_type="image/jpeg", alt=ALT
            )


def signed_in(page: Page, world: World, user: User) -> Page:
    """The page with the session of a member of staff."""
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "opslag", "value": client.cookies["opslag"].value, "url": world.url}])
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name", ["unsubscribe", "gone", "mail", "timeline", "privacy", "accessibility", "news", "news-withdrawn"]
)
def test_every_public_page_is_accessible(name: str, width: int, world: World, new_page: NewPage) -> None:
    page = new_page(width=width)
    page.goto(world.url + world.paths[name], wait_until="networkidle")
    look_over(page, known=KNOWN)
    broken = "[...document.images].filter(i => i.loading != 'lazy' && !i.naturalWidth).map(i => i.src)"
    assert page.evaluate(broken) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_leaving_and_coming_back(width: int, world: World, new_page: NewPage) -> None:
    page = new_page(width=width)
    page.goto(world.url + world.paths["unsubscribe"])
    assert page.get_by_text("a•••@example.org").is_visible()
    page.locator("button[value=leave]").click()
    world.reader.refresh_from_db()
    assert world.reader.unsubscribed_at is not None
    assert page.get_by_text("Jeg vil gerne have Kulturnyt pr. mail").is_visible()
    look_over(page, known=KNOWN)
    page.locator("button[value=again]").click()
    world.reader.refresh_from_db()
    assert world.reader.unsubscribed_at is None
    look_over(page, known=KNOWN)


def test_leaving_by_keyboard_alone(world: World, page: Page) -> None:
    page.goto(world.url + world.paths["unsubscribe"])
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "leave":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.locator("button[value=again]").wait_for()
    world.reader.refresh_from_db()
    assert world.reader.unsubscribed_at is not None


def test_the_language_can_be_changed_on_the_page_and_stays(world: World, page: Page) -> None:
    page.goto(world.url + world.paths["unsubscribe"])
    page.locator("button[value=en]").click()
    assert page.url == world.url + world.paths["unsubscribe"]
    assert page.get_by_role("heading", name="Unsubscribe from Kulturnyt?").is_visible()
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", WIDTHS)
def test_caught_mail(width: int, world: World, new_page: NewPage, anna: User) -> None:
    page = signed_in(new_page(width=width), world, anna)
    page.goto(f"{world.url}/catcher/")
    look_over(page, known=KNOWN)
    page.locator(".rows .title").click()
    assert page.url == f"{world.url}/catcher/{world.caught_id}"
    frame = page.frame_locator("iframe")
    frame.locator("h1").wait_for()
    assert "Kulturnyt" in frame.locator("h1").inner_text()
    look_over(page, known=KNOWN)


def test_a_caught_mails_link_opens_the_page_that_it_leads_to(world: World, page: Page, anna: User) -> None:
    signed_in(page, world, anna).goto(f"{world.url}/catcher/{world.caught_id}")
    link = page.frame_locator("iframe").locator(f"a[href='{world.url}/u/{world.reader.token}']")
    link.scroll_into_view_if_needed()
    with page.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    opened.value.wait_for_load_state()
    assert opened.value.locator("button[value=leave]").is_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_saying_yes_to_being_counted_and_taking_it_back(world: World, new_page: NewPage, width: int) -> None:
    Newsletter.objects.update(link_counting=LinkCounting.ONE_BY_ONE)
    page = new_page(width=width)
    page.goto(world.url + world.paths["unsubscribe"])
    look_over(page, known=KNOWN)
    page.locator("button[value=count]").click()
    page.locator("button[value=no-count]").wait_for()
    assert page.get_by_role("status").is_visible()
    look_over(page, known=KNOWN)
    world.reader.refresh_from_db()
    assert world.reader.tracking_consent_at is not None
    page.locator("button[value=no-count]").click()
    page.locator("button[value=count]").wait_for()
    world.reader.refresh_from_db()
    assert (world.reader.tracking_consent_at, world.reader.unsubscribed_at) == (None, None)
