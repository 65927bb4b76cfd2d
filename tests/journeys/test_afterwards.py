"""What is out and wrong, in a real browser: corrected part by part, withdrawn, and what a person must still do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from publisher.compose.drafts import create_campaign
from publisher.deliver import evidence
from publisher.models import Account, Campaign, Delivery, Event, Message, Operation, PostPart, User
from publisher.models.counting import move_counts
from publisher.review import approval
from publisher.vocabulary import DeliveryStatus, MessageStatus, OperationStatus, PartStep
from tests.accessible import look_over
from tests.journeys.staff import Desk, desk  # noqa: F401 -- a fixture
from tests.review.send_outs import begin

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


@pytest.fixture
def wrong(desk: Desk) -> Campaign:  # noqa: F811
    """A thread that is out on one channel, planned for later on the other."""
    campaign = create_campaign(desk.item.organisation, [desk.item], accounts=Account.objects.all())
    approval.send_now(campaign, desk.bo)
    out = campaign.messages.order_by("pk")[0]
    begin(out)
    move_counts(out.pk, 1, {DeliveryStatus.PENDING: -1, DeliveryStatus.SENT: 1})
    Delivery.objects.filter(message=out).update(status=DeliveryStatus.SENT)
    Message.objects.filter(pk=out.pk).update(status=MessageStatus.FINISHED)
    part = PostPart.objects.get(delivery__message=out)
    PostPart.objects.filter(pk=part.pk).update(step=PartStep.CONFIRMED, remote_id="7")
    PostPart.objects.create(delivery=part.delivery, position=1, key="8", text="To", step="confirmed", remote_id="8")
    return campaign


@pytest.mark.parametrize("width", [1280, 390])
def test_where_an_unconfirmed_post_is(
    width: int,
    new_page: NewPage,
    desk: Desk,  # noqa: F811
    wrong: Campaign,
) -> None:
    """The second post of the thread is in doubt; what was asked about it stands in the receipt."""
    delivery = PostPart.objects.get(position=1).delivery
    Account.objects.filter(pk=delivery.account_id).update(kind="telegram", facts={"username": "kultur"})
    # Nothing of the send-out is still to come.
    Message.objects.exclude(pk=delivery.message_id).update(status=MessageStatus.CANCELLED)
    now = timezone.now()
    PostPart.objects.filter(position=1).update(step="committing", remote_id="", first_commit_at=now)
    PostPart.objects.create(delivery=delivery, position=2, key="9", text="Tre")
    Delivery.objects.filter(pk=delivery.pk).update(status=DeliveryStatus.UNCERTAIN, reason="answer_lost")
    move_counts(delivery.message_id, 1, {DeliveryStatus.SENT: -1, DeliveryStatus.UNCERTAIN: 1})
    words = {"msgid": evidence.LOOKED_FOR, "params": {"platform": "Mastodon", "answer": {"msgid": "not found"}}}
    Event.objects.create(delivery=delivery, source="look", event_id="1", kind="looked_for", at=now, detail=words)
    User.objects.update(language="da")
    page = new_page(width=width)
    desk.open(page, f"/sendouts/{wrong.pk}", desk.bo)
    page.locator("#live details summary").click()
    look_over(page)
    page.locator(f"#sent-{delivery.message_id}").click()
    look_over(page)
    page.locator("[name=address]").fill("https://example.org/noget/andet")
    page.locator("button[value=at]").click()
    expect(page.locator("#id_address")).to_have_value("https://example.org/noget/andet")
    # The answer to what is no address.
    look_over(page, known=("422",))
    page.locator("[name=address]").fill("t.me/kultur/17")
    page.locator("button[value=at]").click()
    page.wait_for_url(f"**/sendouts/{wrong.pk}")
    assert PostPart.objects.get(position=1).remote_id == "17"
    assert Delivery.objects.get(pk=delivery.pk).status == DeliveryStatus.PENDING


def say(page: Page, wrong: Campaign, note: str, field: str = "", text: str = "") -> None:
    """Look the page over, say what was wrong and, in `field` (a selector), what is right, and press its button."""
    look_over(page)
    page.locator("[name=note]").fill(note)
    if field:
        page.locator(field).fill(text)
    page.locator("form.form button.primary").click()
    page.wait_for_url(f"**/sendouts/{wrong.pk}")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_thread_is_corrected_and_all_of_it_withdrawn(
    width: int,
    new_page: NewPage,
    desk: Desk,  # noqa: F811
    wrong: Campaign,
) -> None:
    User.objects.update(language="da")
    page = new_page(width=width)
    desk.open(page, f"/sendouts/{wrong.pk}/correct", desk.bo)
    say(page, wrong, "Koncerten er på lørdag.", "[name$=-text-1]", "To, rettet")
    assert Operation.objects.get().text == "To, rettet"
    desk.open(page, f"/sendouts/{wrong.pk}/withdraw")
    say(page, wrong, "Nyheden var forkert.")
    Operation.objects.filter(status=OperationStatus.PENDING).update(status=OperationStatus.FAILED)
    Account.objects.filter(pk=Operation.objects.earliest("pk").part.delivery.account_id).update(status="disconnected")
    Operation.objects.filter(pk=Operation.objects.latest("pk").pk).update(status=OperationStatus.PENDING)
    page.reload()
    expect(page.locator("#operations-head")).to_be_visible()
    expect(page.locator(f"a[href='/sendouts/{wrong.pk}/withdraw']")).to_have_count(0)
    look_over(page)
    desk.open(page, "/")
    expect(page.locator("#needs")).to_be_visible()
    look_over(page)
    page.locator("button[value=deleted]").click()
    expect(page.locator("button[value=deleted]")).to_have_count(0)
    assert set(Operation.objects.values_list("kind", "status")) >= {("delete", OperationStatus.DONE)}


@pytest.mark.parametrize("width", [1280, 390])
def test_what_two_channels_say_is_corrected_once(
    width: int,
    new_page: NewPage,
    desk: Desk,  # noqa: F811
    wrong: Campaign,
) -> None:
    later = wrong.messages.order_by("pk")[1]
    begin(later)
    Delivery.objects.filter(message=later).update(status=DeliveryStatus.SENT)
    PostPart.objects.filter(delivery__message=later).update(step=PartStep.CONFIRMED, remote_id="9")
    page = new_page(width=width)
    desk.open(page, f"/sendouts/{wrong.pk}/correct", desk.bo)
    say(page, wrong, "Koncerten er på lørdag.", "[name=common-text-0]", "Koncerten er på lørdag")
    assert list(Operation.objects.values_list("text", flat=True)) == ["Koncerten er på lørdag"] * 2
