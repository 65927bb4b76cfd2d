"""A send-out that waits: stopped, near its time, held, or with something to put right in review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from publisher.models import Campaign, Message, StopStamp, User
from publisher.review import approval
from publisher.vocabulary import HoldReason, MessageStatus
from tests.review.send_outs import mail_of, soon
from tests.web.office import words

pytestmark = pytest.mark.database


def test_while_all_is_stopped_no_countdown_runs(campaign: Campaign, path: str, bo: User, bos: Client) -> None:
    approval.send_now(campaign, bo)
    StopStamp.objects.create(organisation=campaign.organisation)
    page = words(bos.get(path))
    assert "You can still undo it." not in page
    assert "Everything is stopped" in page


def test_while_all_is_stopped_a_time_that_passed_is_not_promised(
    campaign: Campaign, path: str, bo: User, bos: Client
) -> None:
    approval.send_now(campaign, bo)
    Message.objects.update(scheduled_at=timezone.now() - timedelta(minutes=9))
    StopStamp.objects.create(organisation=campaign.organisation)
    response = bos.get(path)
    page = words(response)
    assert "Waits: everything is stopped Planned time: " in page
    for nonsense in ("Is sent", "Scheduled", "Pause"):
        assert nonsense not in page, nonsense
    assert "Take back to draft" in page
    assert 'hx-trigger="every 5s"' in response.content.decode()
    StopStamp.objects.all().delete()
    assert bos.get(f"{path}/live?stage=stopped")["HX-Refresh"] == "true"


def test_an_installation_that_never_sends_says_so(
    campaign: Campaign, path: str, bo: User, bos: Client, settings: Any
) -> None:
    settings.OPSLAG_NEVER_SEND = True
    approval.send_now(campaign, bo)
    assert "Waits: this installation sends nothing Planned time: " in words(bos.get(path))


@pytest.mark.parametrize(("ahead_s", "every"), [(3600, 15), (85, 2), (45, 1)])
def test_near_its_time_a_page_asks_more_often(
    ahead_s: int, every: int, campaign: Campaign, path: str, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    seen = bos.get(path).content.decode().split("seen=")[1].split('"')[0]
    Message.objects.update(scheduled_at=timezone.now() + timedelta(seconds=ahead_s))
    assert f'hx-trigger="every {every}s"' in bos.get(path).content.decode()
    if every == 2:
        # The open page is told so, though nothing else of it changed.
        assert "every 2s" in bos.get(f"{path}/live?stage=scheduled&seen={seen}").content.decode()


def test_a_page_on_which_something_is_held_notices_what_a_colleague_decides(
    campaign: Campaign, path: str, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    Message.objects.update(status=MessageStatus.HELD, hold_reason=HoldReason.MISSED)
    assert 'hx-trigger="every 15s"' in bos.get(path).content.decode()


def test_in_review_what_must_be_put_right_stands_where_one_would_approve(
    campaign: Campaign, path: str, anna: User, bos: Client
) -> None:
    approval.submit(campaign, anna)
    assert 'value="approve"' in bos.get(path).content.decode()
    Message.objects.filter(pk=mail_of(campaign).pk).update(subject="")
    source = bos.get(path).content.decode()
    assert '<a href="#checks-head">The mail has no subject. Write one.</a>' in source
    assert 'value="approve"' not in source
    assert '<button class="button primary" name="do" value="back">' in source
