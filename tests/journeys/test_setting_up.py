"""Setting things up in a real browser: a practice channel, a rule, a news source; every page accessible."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from publisher.audience.subscribe import SubscriberRow, subscribe_many
from publisher.models import (
    Account,
    Area,
    Campaign,
    InboundMail,
    Item,
    Message,
    Newsletter,
    Organisation,
    Partner,
    Role,
    Rule,
    SavedText,
    Sighting,
    Slot,
    Source,
    Subscription,
    User,
)
from publisher.vocabulary import CampaignStatus, InboundKind, InboundStatus, ItemState, MessageStatus, Outlet
from tests.accessible import look_over
from tests.contract.wire import Request, Response, listening
from tests.items.website import Story, feed_of

# Not marked `database`: which one the words come from is all the same to a browser.
pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def office(live_server: Any, settings: Any, newsletter: Newsletter, olga: User) -> Callable[[Page], Page]:
    """Signs Olga in, in English; the web server may be asked by itself, as its practice channel is."""
    settings.OPSLAG_BASE_URL = settings.OPSLAG_PRACTICE_URL = live_server.url
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({live_server.url.removeprefix("http://")})
    User.objects.filter(pk=olga.pk).update(language="en")

    def enter(page: Page) -> Page:
        client = Client()
        client.force_login(olga)
        cookie = {"name": "opslag", "value": client.cookies["opslag"].value, "url": live_server.url}
        page.context.add_cookies([cookie])
        return page

    return enter


@pytest.fixture
def furnished(secretariat: Organisation, newsletter: Newsletter, practice_account: Account, source: Source) -> None:
    """Something of everything, in many states."""
    now = timezone.now()
    area = Area.objects.create(organisation=secretariat, name="Køge", slug="koege")
    rows = [SubscriberRow(f"laeser{n}@example.org", areas=(area,), confirmed_at=now) for n in range(60)]
    subscribe_many(newsletter, [*rows, SubscriberRow("venter@example.org")])
    Subscription.objects.filter(subscriber__address="laeser9@example.org").update(unsubscribed_at=timezone.now())
    Slot.objects.create(account=practice_account, weekday=1, time=time(9))
    error = {"msgid": "There is no feed at this address (404). Check the address.", "params": {}}
    Source.objects.filter(pk=source.pk).update(last_error=error, next_poll_at=now + timedelta(hours=1))
    item = Item.objects.create(organisation=secretariat, title="Koncert", state=ItemState.SEEN, published_at=now)
    Sighting.objects.create(source=source, item=item, external_key="1")
    SavedText.objects.create(organisation=secretariat, name="Hashtags", text="#kultur #musik")
    Partner.objects.create(organisation=secretariat, name="Køge Bibliotek", handles={"practice": "@koegebib"})
    rule = Rule.objects.create(organisation=secretariat, name="Alt nyt", newsletter=newsletter)
    rule.sources.add(source)
    campaign = Campaign.objects.create(organisation=secretariat, title="Koncert", status=CampaignStatus.APPROVED)
    Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=practice_account,
        status=MessageStatus.SCHEDULED,
        scheduled_at=now,
    )


@pytest.fixture
def answered(furnished: None, secretariat: Organisation, newsletter: Newsletter) -> None:
    """Replies that ask to leave, of each kind: from a subscriber, from elsewhere, of no newsletter, of nobody known."""
    person = Subscription.objects.get(subscriber__address="laeser3@example.org")
    long = "https://kultur.example.org/" + "a" * 180
    kinds: list[tuple[str, Newsletter | None, Subscription | None, str]] = [
        ("laeser3@example.org", newsletter, person, f"Afmeld mig, tak.\n\nHilsen\nBo\n{long}"),
        (f"{'en-meget-lang-adresse' * 3}@{'afdelingen-' * 4}kommune.example.org", newsletter, None, "Stop <b>nu</b>"),
        ("anden@example.org", None, None, "unsubscribe"),
        ("", newsletter, None, ""),
    ]
    for number, (sender, about, subscription, excerpt) in enumerate(kinds):
        InboundMail.objects.create(
            digest=str(number),
            kind=InboundKind.WISH,
            status=InboundStatus.NEEDS_PERSON,
            organisation=secretariat,
            newsletter=about,
            subscription=subscription,
            sender=sender,
            excerpt=excerpt,
        )


def pages(organisation: Organisation) -> list[str]:
    """The addresses of all set-up pages."""
    account, source, rule = Account.objects.get(), Source.objects.get(), Rule.objects.get()
    newsletter, person = Newsletter.objects.get(), Subscription.objects.order_by("pk").first()
    assert person is not None
    role = Role.objects.get(organisation=organisation)
    text, partner = SavedText.objects.get(), Partner.objects.get()
    people = f"/subscribers/{newsletter.pk}"
    return [
        "/channels", f"/channels/{account.pk}", f"/channels/{account.pk}/habits", f"/channels/{account.pk}/disconnect",
        "/channels/connect", "/channels/connect/mastodon", "/channels/guide/facebook", "/channels/guide/telegram",
        people, f"{people}?q=nobody", f"{people}/add", f"{people}/{person.pk}", f"{people}/{person.pk}/erase",
        "/settings", "/settings/newsletters", "/settings/newsletters/add", f"/settings/newsletters/{newsletter.pk}",
        "/settings/sources", "/settings/sources/add", "/settings/sources/add/database",
        f"/settings/sources/{source.pk}",
        "/settings/rules", "/settings/rules/add", f"/settings/rules/{rule.pk}", f"/settings/rules/{rule.pk}/change",
        "/settings/texts", "/settings/texts/add", f"/settings/texts/{text.pk}", f"/settings/texts/{text.pk}/remove",
        "/settings/partners/add", f"/settings/partners/{partner.pk}", f"/settings/partners/{partner.pk}/remove",
        "/settings/people", "/settings/people/invite", "/settings/people/password", f"/settings/people/{role.pk}",
        "/calendar",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible(
    width: int,
    new_page: NewPage,
    office: Callable[[Page], Page],
    furnished: None,
    live_server: Any,
    secretariat: Organisation,
) -> None:
    page = office(new_page(width=width))
    for path in pages(secretariat):
        response = page.goto(live_server.url + path)
        assert response is not None and response.status == 200, path
        look_over(page)
    pushed = Source.objects.create(organisation=secretariat, kind="push", name="Hjemmesiden")
    page.goto(f"{live_server.url}/settings/sources/{pushed.pk}")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_label("Token")).to_have_value(re.compile(r"opslag_.+"))
    look_over(page)
    page.reload()
    expect(page.get_by_text("A token is shown once only.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_replies_are_accessible_while_they_wait_and_when_the_last_is_settled(
    width: int,
    new_page: NewPage,
    office: Callable[[Page], Page],
    answered: None,
    live_server: Any,
) -> None:
    page = office(new_page(width=width))
    page.goto(f"{live_server.url}/subscribers/replies")
    expect(page.locator(".entry")).to_have_count(4)
    look_over(page)
    assert page.locator("blockquote").count() == 3, "where there are no words, no empty frame stands for them"
    for wait in (3, 2, 1, 0):
        page.get_by_role("button", name="Nothing to do").first.click()
        expect(page.get_by_role("button", name="Nothing to do")).to_have_count(wait)
        look_over(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_refused_form_is_accessible_and_takes_one_to_what_is_wrong(
    width: int, new_page: NewPage, office: Callable[[Page], Page], furnished: None, live_server: Any
) -> None:
    page = office(new_page(width=width))
    page.goto(f"{live_server.url}/settings/rules/add")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser notes the answer 422
    look_over(page)
    page.get_by_role("alert").get_by_role("link", name="Name").click()
    expect(page.get_by_label("Name")).to_have_value("")
    assert page.url.endswith("#id_name")


def test_a_practice_channel_and_a_rule(
    page: Page, office: Callable[[Page], Page], live_server: Any, secretariat: Organisation
) -> None:
    Item.objects.create(
        organisation=secretariat, title="Åben øvelse på Ærø", published_at=timezone.now() - timedelta(days=2)
    )
    office(page).goto(live_server.url + "/channels")
    page.get_by_role("link", name="Connect a channel").click()
    page.get_by_role("button", name="Open a practice channel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kulturfællesskabet, practice channel")
    for day in ("Monday", "Thursday"):
        page.get_by_label(day).check()
    page.get_by_role("textbox", name="At").fill("09:00")
    page.get_by_role("button", name="Add posting times").click()
    expect(page.get_by_text("2 posting times added.")).to_be_visible()
    expect(page.get_by_role("button", name="Remove Thursday 09:00")).to_be_visible()
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("ready to publish")).to_be_visible()
    account = Account.objects.get()
    page.get_by_role("link", name=account.url).click()
    assert page.url == account.url
    page.go_back()

    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="Make a rule").click()
    page.get_by_label("Name").fill("Everything to practice")
    page.get_by_label("Kulturfællesskabet, practice channel").check()
    page.get_by_label("At the channel's next posting time").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 send-out in 30 days.")).to_be_visible()
    expect(page.get_by_role("link", name="Åben øvelse på Ærø")).to_be_visible()
    assert not Rule.objects.get().active
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("“Everything to practice” is on.")).to_be_visible()
    assert Rule.objects.get().active

    page.get_by_role("link", name="Rules").click()
    page.get_by_text("What the rule would have made").click()
    expect(page.get_by_text("1 send-out in 30 days.")).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_news_source(page: Page, office: Callable[[Page], Page], live_server: Any, settings: Any) -> None:
    def website(request: Request) -> Response:
        feed = feed_of(Story("Koncert i parken", "https://kultur.example.org/1"))
        return Response(200, feed, {"Content-Type": "application/rss+xml"})

    with listening(website) as url:
        settings.OPSLAG_ALLOWED_TARGETS |= {url.removeprefix("http://")}
        office(page).goto(live_server.url + "/settings/sources")
        page.get_by_role("link", name="Add a news source").click()
        page.get_by_label("Address of the website or its feed").fill(f"{url}/feed.xml")
        page.get_by_role("button", name="See what is there").click()
        expect(page.get_by_text("Koncert i parken")).to_be_visible()
        assert not Source.objects.exists()
        expect(page.get_by_label("Name")).to_have_value("Nyheder")
        page.get_by_role("button", name="Add this source").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nyheder")
    source = Source.objects.get()
    expect(page.get_by_text("Is about to be read …")).to_be_visible()
    now = timezone.now()
    Source.objects.filter(pk=source.pk).update(last_polled_at=now, next_poll_at=now + timedelta(hours=1))
    expect(page.get_by_text("Is about to be read …")).to_have_count(0)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_somebody_is_found_while_one_types(
    page: Page, office: Callable[[Page], Page], furnished: None, live_server: Any
) -> None:
    office(page).goto(live_server.url + "/subscribers")
    page.get_by_role("searchbox").press_sequentially("vent")
    expect(page.get_by_text("1 person", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="venter@example.org")).to_be_visible()
    assert page.url.endswith("?q=vent")
    page.get_by_role("searchbox").fill("laeser1")
    expect(page.get_by_text("11 people", exact=True)).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_colour_is_judged_while_one_chooses(page: Page, office: Callable[[Page], Page], live_server: Any) -> None:
    office(page).goto(live_server.url + "/settings")
    page.get_by_label("Colour").fill("#ffe14d")
    expect(page.get_by_text("Too light for text")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Organisation.objects.get(slug="kulturfaellesskabet").brand_colour == "#FFE14D"
    assert page.complaints == []  # type: ignore[attr-defined]


def test_the_calendar_by_keyboard(
    page: Page, office: Callable[[Page], Page], furnished: None, live_server: Any
) -> None:
    office(page).goto(live_server.url + "/calendar")
    here = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="Next").press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text(here)
    page.get_by_role("link", name="This month").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(here)
    table = page.get_by_role("table", name=here)
    expect(table.get_by_role("columnheader", name="Monday")).to_be_visible()
    page.get_by_role("link", name="Koncert").press("Enter")
    page.wait_for_url("**/sendouts/*")
