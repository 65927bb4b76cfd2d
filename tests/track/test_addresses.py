"""When an address is blocked, and when it is not; what staff opened again starts from nothing."""

from __future__ import annotations

import pytest

from publisher.audience.leave import reopen
from publisher.models import Delivery, Newsletter, Subscriber, Suppression
from publisher.vocabulary import BounceClass
from tests.audience_factory import own_newsletter, residents
from tests.track.returns import NOON, comes_back, days, sent

pytestmark = pytest.mark.database
C = BounceClass


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    """With one subscriber."""
    found = own_newsletter("Kulturnyt")
    residents(found, 1)
    return found


def blocked() -> bool:
    return Suppression.objects.exists()


def one(newsletter: Newsletter, days_ago: float) -> Delivery:
    return sent(newsletter, NOON - days(days_ago))[1][0]


def test_an_address_that_does_not_exist_is_blocked_at_once(newsletter: Newsletter) -> None:
    comes_back(one(newsletter, 1), C.HARD, NOON)
    found = Suppression.objects.get()
    assert found.reason == "bounced" and "does not exist" in found.explanation["msgid"]


def test_a_report_anybody_could_write_counts_only_twice_and_days_apart(newsletter: Newsletter) -> None:
    comes_back(one(newsletter, 3), C.HARD, NOON - days(3), is_certain=False)
    comes_back(one(newsletter, 2.9), C.HARD, NOON - days(2.9), is_certain=False)
    assert not blocked()
    comes_back(one(newsletter, 1), C.HARD, NOON - days(1), is_certain=False)
    assert blocked()


def test_a_domain_that_is_gone_blocks_after_a_day(newsletter: Newsletter) -> None:
    comes_back(one(newsletter, 3), C.NO_ROUTE, NOON - days(3))
    comes_back(one(newsletter, 2.5), C.NO_ROUTE, NOON - days(2.5))
    assert not blocked()
    comes_back(one(newsletter, 1), C.NO_ROUTE, NOON - days(1.9))
    assert blocked()


def test_a_closed_mailbox_blocks_the_second_time(newsletter: Newsletter) -> None:
    first = one(newsletter, 3)
    comes_back(first, C.DISABLED, NOON - days(3))
    comes_back(first, C.DISABLED, NOON - days(2))
    assert not blocked(), "twice about one mail is once"
    comes_back(one(newsletter, 1), C.DISABLED, NOON - days(1))
    assert blocked()


@pytest.mark.parametrize("bounce", [C.SOFT, C.UNKNOWN])
def test_a_full_mailbox_blocks_after_four_mails_over_two_weeks(newsletter: Newsletter, bounce: BounceClass) -> None:
    for ago in (21, 14, 8):
        comes_back(one(newsletter, ago), bounce, NOON - days(ago))
        assert not blocked()
    comes_back(one(newsletter, 1), bounce, NOON - days(1))
    assert blocked()


def test_four_mails_in_a_week_are_a_holiday(newsletter: Newsletter) -> None:
    for ago in (7, 5, 3, 1):
        comes_back(one(newsletter, ago), C.SOFT, NOON - days(ago))
    assert not blocked()


def test_a_mail_that_got_through_in_between_begins_it_anew(newsletter: Newsletter) -> None:
    for ago in (60, 50, 40):
        comes_back(one(newsletter, ago), C.SOFT, NOON - days(ago))
    one(newsletter, 20)
    comes_back(one(newsletter, 1), C.SOFT, NOON - days(1))
    assert not blocked()


@pytest.mark.parametrize("bounce", [C.OUR_FAULT, C.MESSAGE_FAULT, C.BLOCKED])
def test_what_is_not_the_addresss_fault_never_blocks_it(newsletter: Newsletter, bounce: BounceClass) -> None:
    for ago in (40, 30, 20, 10, 1):
        comes_back(one(newsletter, ago), bounce, NOON - days(ago))
    assert not blocked()


def test_an_address_opened_again_starts_from_nothing(newsletter: Newsletter) -> None:
    old = one(newsletter, 3)
    comes_back(old, C.HARD, NOON - days(3))
    person = Subscriber.objects.get()
    assert reopen(person) and not blocked()
    assert not reopen(person)
    comes_back(old, C.HARD, NOON - days(1))
    assert not blocked(), "a late report of a mail from before"
    comes_back(one(newsletter, -0.01), C.HARD, NOON)
    assert blocked()


def test_other_organisations_still_write_there(newsletter: Newsletter) -> None:
    other = own_newsletter("Havnenyt")
    comes_back(one(newsletter, 1), C.HARD, NOON)
    assert Suppression.objects.get().organisation == newsletter.organisation != other.organisation
