"""New comments in a real browser: found on the first page, marked as seen by a press; figures usable by everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from publisher.compose.drafts import create_campaign
from publisher.models import Account, Campaign, Delivery, Message, PostFigures, PostPart
from tests.accessible import look_over
from tests.journeys.staff import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def account(desk: Desk) -> Account:
    """Its post is out and has three comments; that on the other channel is gone."""
    now = timezone.now()
    campaign = create_campaign(desk.item.organisation, [desk.item], accounts=Account.objects.all())
    Campaign.objects.update(status="approved")
    Message.objects.update(status="finished", started_at=now, finished_at=now)
    for message in campaign.messages.order_by("pk"):
        delivery = Delivery.objects.create(message=message, account=message.account, status="sent", due_at=now)
        part = PostPart.objects.create(
            delivery=delivery, step="confirmed", key=str(message.pk), text=message.text, remote_id=str(message.pk),
            permalink=f"https://social.example.org/{message.pk}", published_at=now,
        )  # fmt: skip
        PostFigures.objects.create(part=part, account=delivery.account, likes=1234, replies=3, read_at=now)
    PostFigures.objects.filter(pk=PostFigures.objects.latest("pk").pk).update(gone_at=now)
    return Account.objects.get(pk=PostFigures.objects.earliest("pk").account_id)


@pytest.mark.parametrize("width", [1280, 390])
def test_new_comments_are_seen(desk: Desk, account: Account, new_page: NewPage, width: int) -> None:
    page = new_page(width=width, locale="en-GB")
    for path in (f"/sendouts/{desk.campaign().pk}", "/channels", f"/channels/{account.pk}", "/"):
        desk.open(page, path, desk.anna)
        look_over(page)
    link = page.get_by_role("link", name="3 new comments")
    expect(link).to_have_attribute("href", PostPart.objects.earliest("pk").permalink)
    page.get_by_role("button", name="Seen").click()
    expect(page.get_by_role("heading", name="New comments")).to_have_count(0)
    assert PostFigures.objects.earliest("pk").replies_seen == 3
