"""A post that its platform makes wait says so wherever somebody looks: why, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from publisher.accounts import waiting
from publisher.accounts.waiting import waits_of
from publisher.errors import Explanation, ThrottledError
from publisher.models import Account, Campaign, Delivery, Item, Message, User
from publisher.review import approval
from publisher.templatetags.dates import write_date
from publisher.vocabulary import Calls
from tests.review.send_outs import begin, post_of, send_out, soon
from tests.web.desk import questions
from tests.web.office import words

pytestmark = pytest.mark.database
FULL = "The platform asks us to wait before the next call."
LOST = "The platform's server gave no usable answer (500)."
SENDING_NOW = "Is being sent now. You can leave this page."


@pytest.fixture
def going(item: Item, practice_account: Account, bo: User) -> Delivery:
    """A post that has begun, and is due."""
    campaign = send_out(item, None, practice_account)
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(post_of(campaign))
    now = timezone.now()
    Message.objects.update(scheduled_at=now, started_at=now)
    Delivery.objects.update(due_at=now)
    return Delivery.objects.select_related("message__campaign", "account").get()


def blocked(account: Account, hours: float = 2, calls: Calls = Calls.ALL) -> str:
    """The account waits, in a while that crosses no midnight; until when, as pages write it."""
    waiting.heed(account, ThrottledError(FULL, retry_after=hours * 3600, calls=calls))
    account.refresh_from_db()
    assert account.blocked_until is not None
    minute = account.blocked_until.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return write_date(minute, "time")


@pytest.fixture(autouse=True)
def noon() -> object:
    """No test crosses midnight."""
    with time_machine.travel(timezone.localtime().replace(hour=12, minute=0, second=30), tick=True):
        yield


def test_the_page_of_the_send_out_says_what_a_post_waits_for(
    going: Delivery, practice_account: Account, bos: Client
) -> None:
    address = f"/sendouts/{going.message.campaign_id}"
    assert SENDING_NOW in words(bos.get(address))
    until = blocked(practice_account)
    page = words(bos.get(address))
    assert SENDING_NOW not in page and "It goes on by itself" in page
    assert f"{FULL} The post is sent at {until}." in page
    refreshed = bos.get(f"{address}/live?stage=sending&seen=x", headers={"HX-Request": "true"})
    assert refreshed.headers["HX-Refresh"] == "true", "the head of an open page, too"
    still = bos.get(f"{address}/live?stage=waits&seen=x", headers={"HX-Request": "true"})
    assert until in words(still) and "Waiting" in words(still)


def test_one_that_was_put_off_says_when_it_is_tried_again(going: Delivery, bos: Client) -> None:
    due_at = timezone.now() + timedelta(minutes=10)
    Delivery.objects.update(due_at=due_at, last_error=Explanation(LOST).as_json())
    page = words(bos.get(f"/sendouts/{going.message.campaign_id}"))
    assert f"{LOST} The post is tried again at 12:11." in page and SENDING_NOW not in page


def test_what_is_over_is_not_waited_for(going: Delivery, practice_account: Account) -> None:
    until = timezone.now() + timedelta(hours=1)
    blocked(practice_account, 1)
    message = Message.objects.select_related("account").get()
    assert waits_of([message])[message.pk].until >= until
    with time_machine.travel(until + timedelta(minutes=1), tick=True):
        assert waits_of([message]) == {}
    Message.objects.update(status="finished")
    assert waits_of([Message.objects.get()]) == {}


@pytest.mark.parametrize(("hours", "calls", "told"), [(2, "all", True), (0.4, "all", False), (2, "deletions", False)])
def test_the_first_page_tells_of_those_that_are_late(
    going: Delivery, practice_account: Account, bos: Client, hours: float, calls: str, told: bool
) -> None:
    until = blocked(practice_account, hours, Calls(calls))
    page = words(bos.get("/"))
    assert ("Delayed" in page) is told and (f"The post is sent at {until}." in page) is told


def test_the_calendar_says_until_when(going: Delivery, practice_account: Account, bos: Client) -> None:
    assert "Waits until" not in words(bos.get("/calendar"))
    assert f"Waits until {blocked(practice_account)}" in words(bos.get("/calendar"))


def test_the_channels_page_says_so_too(practice_account: Account, bos: Client) -> None:
    until = blocked(practice_account, calls=Calls.DELETIONS)
    assert f"{FULL} Waits until {until}." in words(bos.get(f"/channels/{practice_account.pk}"))


def test_it_costs_the_pages_no_question_a_post(
    going: Delivery, practice_account: Account, item: Item, bos: Client
) -> None:
    blocked(practice_account)
    before = [questions(bos, path) for path in ("/", "/calendar")]
    for number in range(3):
        campaign = Campaign.objects.create(organisation=item.organisation, title=f"Nr. {number}", status="approved")
        more = {"outlet": "post", "account": practice_account, "scheduled_at": timezone.now()}
        message = Message.objects.create(campaign=campaign, status="sending", **more)
        Delivery.objects.create(message=message, account=practice_account, due_at=timezone.now())
    assert [questions(bos, path) for path in ("/", "/calendar")] == before
