"""Posting times: weekly wall times, one post each, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from publisher.models import Account, Campaign, Message, Slot
from publisher.schedule.slots import next_slot
from publisher.vocabulary import CampaignStatus, MessageStatus

pytestmark = pytest.mark.database

MONDAY, SUNDAY = 0, 6


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(account: Account, *times: tuple[int, str]) -> None:
    for weekday, text in times:
        Slot.objects.create(account=account, weekday=weekday, time=time.fromisoformat(text))


def plan(account: Account, at: datetime, status: str = "scheduled", campaign_status: str = "approved") -> Message:
    campaign = Campaign.objects.create(
        organisation=account.organisation, title="Andet", status=campaign_status, scheduled_at=at
    )
    return Message.objects.create(
        campaign=campaign, outlet="post", account=account, status=status, text="x",
        scheduled_at=None if status == MessageStatus.DRAFT else at,
    )  # fmt: skip


def test_without_posting_times_there_is_none(practice_account: Account) -> None:
    assert next_slot(practice_account, utc("2026-11-25 12:00")) is None


def test_the_next_one_of_the_week_in_the_organisations_zone(practice_account: Account) -> None:
    slots(practice_account, (MONDAY, "08:00"), (3, "16:30"))
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2026-11-26 15:30")
    assert next_slot(practice_account, utc("2026-11-26 15:29:59")) == utc("2026-11-26 15:30")
    assert next_slot(practice_account, utc("2026-11-26 16:00")) == utc("2026-11-30 07:00")


def test_it_is_strictly_later(practice_account: Account) -> None:
    slots(practice_account, (3, "16:30"))
    assert next_slot(practice_account, utc("2026-11-26 15:30")) == utc("2026-12-03 15:30")


def test_a_day_is_the_organisations_day(practice_account: Account) -> None:
    """At 23:30 UTC on Sunday it is Monday in Copenhagen."""
    slots(practice_account, (MONDAY, "00:45"))
    assert next_slot(practice_account, utc("2026-11-29 23:30")) == utc("2026-11-29 23:45")


@pytest.mark.parametrize("status", [MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED])
def test_a_time_that_is_taken_is_left_out(practice_account: Account, status: str) -> None:
    slots(practice_account, (3, "08:00"), (3, "16:00"))
    plan(practice_account, utc("2026-11-26 07:00"), status)
    after = utc("2026-11-25 12:00")
    assert next_slot(practice_account, after) == utc("2026-11-26 15:00")
    assert next_slot(practice_account, after, taken=False) == utc("2026-11-26 07:00")


def test_weeks_that_are_full_are_skipped(practice_account: Account) -> None:
    slots(practice_account, (3, "08:00"))
    for week in range(9):
        plan(practice_account, utc("2026-11-26 07:00") + timedelta(weeks=week))
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2027-01-28 07:00")


@pytest.mark.parametrize("status", [MessageStatus.CANCELLED, MessageStatus.FINISHED, MessageStatus.HELD])
def test_what_is_over_takes_no_time(practice_account: Account, status: str) -> None:
    slots(practice_account, (3, "08:00"))
    plan(practice_account, utc("2026-11-26 07:00"), status)
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2026-11-26 07:00")


def test_another_accounts_post_takes_no_time(practice_account: Account) -> None:
    other = Account.objects.create(organisation=practice_account.organisation, kind="practice", name="Anden")
    slots(practice_account, (3, "08:00"))
    plan(other, utc("2026-11-26 07:00"))
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2026-11-26 07:00")


def test_a_draft_that_was_taken_back_keeps_its_time(practice_account: Account) -> None:
    slots(practice_account, (3, "08:00"))
    plan(practice_account, utc("2026-11-26 07:00"), MessageStatus.DRAFT, CampaignStatus.DRAFT)
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2026-12-03 07:00")


def test_a_draft_takes_no_time_from_itself(practice_account: Account) -> None:
    slots(practice_account, (MONDAY, "08:00"), (MONDAY, "16:30"))
    post = plan(practice_account, utc("2026-11-30 07:00"), MessageStatus.DRAFT, CampaignStatus.DRAFT)
    now = utc("2026-11-25 12:00")
    assert next_slot(practice_account, now) == utc("2026-11-30 15:30")
    assert next_slot(practice_account, now, but=post.campaign) == utc("2026-11-30 07:00")
    plan(practice_account, utc("2026-11-30 07:00"), MessageStatus.DRAFT, CampaignStatus.DRAFT)
    assert next_slot(practice_account, now, but=post.campaign) == utc("2026-11-30 15:30")


def test_a_cancelled_draft_gives_its_time_back(practice_account: Account) -> None:
    slots(practice_account, (3, "08:00"))
    plan(practice_account, utc("2026-11-26 07:00"), MessageStatus.DRAFT, CampaignStatus.CANCELLED)
    assert next_slot(practice_account, utc("2026-11-25 12:00")) == utc("2026-11-26 07:00")


def test_where_the_clocks_go_forward_a_skipped_time_moves_by_the_gap(practice_account: Account) -> None:
    slots(practice_account, (SUNDAY, "02:30"))
    after = utc("2027-03-27 12:00")
    first = next_slot(practice_account, after)
    assert first == utc("2027-03-28 01:30"), "03:30 in summer time"
    assert next_slot(practice_account, first) == utc("2027-04-04 00:30")


def test_times_that_the_clock_change_brings_together_are_one(practice_account: Account) -> None:
    slots(practice_account, (SUNDAY, "02:30"), (SUNDAY, "03:15"), (SUNDAY, "03:30"))
    seen = []
    at: datetime | None = utc("2027-03-27 12:00")
    for _ in range(3):
        assert at is not None
        at = next_slot(practice_account, at)
        seen.append(at)
    assert seen == [utc("2027-03-28 01:15"), utc("2027-03-28 01:30"), utc("2027-04-04 00:30")]


def test_where_the_clocks_go_back_it_comes_once(practice_account: Account) -> None:
    slots(practice_account, (SUNDAY, "02:30"))
    first = next_slot(practice_account, utc("2027-10-30 12:00"))
    assert first == utc("2027-10-31 00:30")
    assert next_slot(practice_account, first) == utc("2027-11-07 01:30")
    assert next_slot(practice_account, utc("2027-10-31 01:00")) == utc("2027-11-07 01:30"), "the hour that comes again"
