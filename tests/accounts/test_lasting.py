"""A connection that ends is known long before: told at 14, 7 and 1 days, on the first page, and before approval."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone, translation

from publisher.accounts import health
from publisher.accounts.alerts import tell_of_ending
from publisher.accounts.lasting import must_reconnect_by
from publisher.compose.preflight import checks
from publisher.errors import Explanation
from publisher.models import Account, Campaign, Message, Notice, User
from publisher.review.worklist import worklist
from publisher.vocabulary import AccountStatus, Outlet
from tests.accounts.rotating import RotatingPlatform, RotatingServer
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


def ends(account: Account, until: datetime) -> Account:
    """A channel that nobody but a person can renew, and must by then."""
    Account.objects.filter(pk=account.pk).update(lasts_until=until, renew_at=None, told_days=None)
    return Account.objects.get(pk=account.pk)


def test_it_is_told_at_14_7_and_1_days_each_once(practice_account: Account, olga: User, bo: User) -> None:
    begun = timezone.now()
    account = ends(practice_account, begun + timedelta(days=20))
    hours = range(24 * 20 - 1)
    told = [20 - hour / 24 for hour in hours if tell_of_ending(begun + timedelta(hours=hour))]
    assert told == [14, 7, 1]
    assert set(Notice.objects.values_list("user", flat=True)) == {olga.pk}, "those who may connect it"
    with translation.override("en"):
        said = [str(Explanation.from_json(notice.explanation)) for notice in Notice.objects.order_by("pk")]
    assert "within 14 days" in said[0] and "within 7 days" in said[1] and "within a day" in said[2]
    account.refresh_from_db()
    assert account.told_days == 1


def test_what_was_not_looked_at_for_long_is_told_once_not_thrice(practice_account: Account, olga: User) -> None:
    ends(practice_account, timezone.now() + timedelta(hours=20))
    assert [tell_of_ending(timezone.now()) for _look in range(3)] == [1, 0, 0]


def test_one_that_renews_itself_is_left_alone_until_that_has_failed_for_days(practice_account: Account) -> None:
    now = timezone.now()
    account = ends(practice_account, now + timedelta(days=10))
    Account.objects.update(renew_at=now + timedelta(hours=1))
    account.refresh_from_db()
    assert must_reconnect_by(account, now) is None and tell_of_ending(now) == 0
    assert must_reconnect_by(account, now + timedelta(days=4)) == account.lasts_until


@pytest.mark.parametrize(
    ("ends_in", "planned_in", "level"),
    [
        (timedelta(days=5), timedelta(days=6), "error"),
        (timedelta(days=5), timedelta(days=5) - timedelta(hours=1), "error"),
        (timedelta(days=5), timedelta(days=4), None),
        (timedelta(days=30), timedelta(days=40), "warning"),
    ],
)
def test_before_approval_a_post_is_not_planned_beyond_it(
    practice_account: Account, ends_in: timedelta, planned_in: timedelta, level: str | None
) -> None:
    now = timezone.now()
    account = ends(practice_account, now + ends_in)
    campaign = Campaign.objects.create(organisation=account.organisation, title="Øvelse")
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text="Åben øvelse")
    found = [each for each in checks(campaign, now + planned_in) if "connected again before" in each.explanation.msgid]
    assert [each.level for each in found] == ([level] if level else [])


def test_the_first_page_and_the_channels_say_it(practice_account: Account, olga: User) -> None:
    account = ends(practice_account, timezone.now() + timedelta(days=6, hours=12))
    work = worklist(account.organisation)
    assert [(each.pk, each.days) for each in work.expiring] == [(account.pk, 7)] and len(work) == 1
    client = signed_in(olga)
    assert "Must be connected again within 7 days" in words(client.get("/"))
    assert "then a person must connect it again" in words(client.get(f"/channels/{account.pk}"))


def test_connecting_again_begins_anew(board: Account, rotating: RotatingServer, monkeypatch: object) -> None:
    Account.objects.filter(pk=board.pk).update(told_days=1)
    until = timezone.now() + timedelta(days=60)
    monkeypatch.setattr(RotatingPlatform, "until", until)  # type: ignore[attr-defined]
    assert health.check(Account.objects.get(pk=board.pk)) is True
    board.refresh_from_db()
    assert (board.lasts_until, board.told_days) == (until, None)


def test_each_channel_is_asked_once_a_day_at_its_own_time(practice_account: Account) -> None:
    now = timezone.now()
    others = [
        Account.objects.create(organisation=practice_account.organisation, kind="practice", name=str(number))
        for number in range(30)
    ]
    assert len(health.to_check(now)) == 20, "never asked, but not all at once"
    Account.objects.update(checked_at=now)
    asked = {hour: len(health.to_check(now + timedelta(hours=hour))) for hour in (21, 22, 24, 27)}
    assert asked[21] == 0 and 0 < asked[24] < len(others) and asked[27] == 20
    Account.objects.update(status=AccountStatus.DISCONNECTED)
    assert health.to_check(now + timedelta(days=3)) == []
