"""A channel that refuses us: what the platform said reaches people, in mails that name the post and the channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import post
from publisher.deliver.notice import compose
from publisher.models import Account, Campaign, Delivery, Message, Notice, Organisation, User
from publisher.review.approval import approve
from tests.contract.facebook import FacebookServer
from tests.contract.linkedin import LinkedInServer
from tests.contract.server import ContractServer
from tests.contract.wire import in_process
from tests.deliver.posting import begun

pytestmark = pytest.mark.database

# Platforms whose access nothing but a person renews, and the words with which they say that it has run out.
ON: dict[str, tuple[type[ContractServer], dict[str, str], str]] = {
    "facebook": (FacebookServer, {}, "Session has expired"),
    "linkedin": (LinkedInServer, {"organisation": "urn:li:organization:1"}, "Expired access token"),
}


@pytest.fixture(params=ON)
def kind(request: pytest.FixtureRequest) -> str:
    """Which platform."""
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[ContractServer]:
    running = ON[kind][0]()
    with http.use_transport(in_process(running)):
        yield running


@pytest.fixture
def broken(kind: str, server: ContractServer, secretariat: Organisation) -> Account:
    """A channel whose access has run out."""
    account = connect_account(secretariat, kind, {**ON[kind][1], "access_token": server.token})
    server.faults.set("expire_token", times=None)
    return account


def test_the_platforms_own_words_reach_the_page_and_the_mails(broken: Account, kind: str, bo: User, olga: User) -> None:
    User.objects.update(language="en")
    campaign = Campaign.objects.create(organisation=broken.organisation, title="Åben øvelse")
    Message.objects.create(campaign=campaign, account=broken, outlet="post", text="Åben øvelse – kom & hør")
    approve(campaign, None, scheduled_at=timezone.now())
    assert post.publish(begun(Delivery.objects.get(message__campaign=campaign)).pk) == "pending"
    broken.refresh_from_db()
    said = ON[kind][2]
    assert broken.status == "needs_reconnect" and said in str(broken.last_error["params"]["message"])
    to_approver, to_owner = (compose(Notice.objects.get(user=each)) for each in (bo, olga))
    assert f"“Åben øvelse” waits for {broken}, which must be connected" in to_approver["Subject"]
    assert said in to_approver.get_content() and f"/sendouts/{campaign.pk}#needs" in to_approver.get_content()
    assert f"“{broken}” must be connected again" in to_owner["Subject"]
    assert said in to_owner.get_content() and f"/channels/{broken.pk}" in to_owner.get_content()
