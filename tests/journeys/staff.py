"""The staff's side of the journeys: a desk with one item, one newsletter, two channels; signing in by hand or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from publisher.audience.subscribe import subscribe
from publisher.items.pictures import store_picture
from publisher.models import Account, Area, Campaign, Cooperation, Item, Newsletter, Sighting, Source, Topic, User
from tests.cast import PASSWORD
from tests.compose.conftest import ALT, AREAS, picture_of


@dataclass
class Desk:
    """Where it all happens."""

    url: str
    item: Item
    anna: User
    bo: User

    def open(self, page: Page, path: str, user: User | None = None) -> None:
        """Open a page, signed in as `user` if one is named."""
        if user is not None:
            client = Client()
            client.force_login(user)
            page.context.add_cookies([{"name": "opslag", "value": client.cookies["opslag"].value, "url": self.url}])
        page.goto(self.url + path)

    def campaign(self) -> Campaign:
        """The only send-out, as stored now."""
        return Campaign.objects.get()


@pytest.fixture
def desk(
    live_server: Any,
    settings: Any,
    item: Item,
    source: Source,
    newsletter: Newsletter,
    cooperation: Cooperation,
    practice_account: Account,
    anna: User,
    bo: User,
) -> Desk:
    """One item with a picture and nine areas, one reader, two practice channels; Anna and Bo read English."""
    settings.OPSLAG_BASE_URL = live_server.url
    User.objects.update(language="en")
    anna.language = bo.language = "en"
    item.picture = store_picture(item.organisation, picture_of(), alt=ALT, caption="På rådhuset.", credit="Åse")
    item.published_at = timezone.now()
    item.save()
    item.areas.set([Area.objects.create(cooperation=cooperation, name=name, slug=name.lower()) for name in AREAS])
    item.topics.set([Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")])
    Sighting.objects.create(source=source, item=item, external_key="1")
    Account.objects.create(organisation=item.organisation, kind="practice", name="Den anden", handle="@anden")
    subscribe(newsletter, "anne@example.org", source="form", confirmed_at=timezone.now())
    return Desk(live_server.url, item, anna, bo)


def sign_in(page: Page, desk: Desk, user: User) -> None:
    """As people do."""
    page.goto(desk.url + "/")
    page.get_by_label("E-mail").fill(user.email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button.primary").click()
    page.wait_for_url(desk.url + "/")
