"""The calendar: the right day in the organisation's zone, weeks from Monday, what belongs together in one entry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from publisher.models import Account, Campaign, Message, Newsletter, Organisation, User
from publisher.vocabulary import CampaignStatus, MessageStatus, Outlet
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database

NOVEMBER = "/calendar/2026/11"


@pytest.fixture(autouse=True)
def november() -> object:
    """It is Tuesday 24 November 2026."""
    with time_machine.travel(datetime(2026, 11, 24, 9, tzinfo=UTC), tick=True):
        yield


def planned(
    organisation: Organisation,
    at: datetime | None,
    *outlets: Newsletter | Account,
    title: str = "Åben øvelse",
    status: str = MessageStatus.SCHEDULED,
    review: str = CampaignStatus.APPROVED,
) -> Campaign:
    """A send-out to these outlets at `at`; a draft has its time on the send-out alone."""
    campaign = Campaign.objects.create(organisation=organisation, title=title, status=review, scheduled_at=at)
    for outlet in outlets:
        mail = isinstance(outlet, Newsletter)
        Message.objects.create(
            campaign=campaign,
            outlet=Outlet.EMAIL if mail else Outlet.POST,
            newsletter=outlet if mail else None,
            account=None if mail else outlet,
            status=status,
            scheduled_at=None if status == MessageStatus.DRAFT else at,
        )
    return campaign


def entries(client, path: str = NOVEMBER) -> dict[str, list[str]]:
    """Day of the month (of `path`) → its entries as “title: outlets (status)”."""
    weeks = client.get(path).context["weeks"]
    return {
        str(day.date): [f"{entry.title}: {entry.outlets} ({entry.status})" for entry in day.entries]
        for week in weeks
        for day in week.days
        if day.entries
    }


def test_a_day_is_the_organisations_day(anna: User, secretariat: Organisation, newsletter: Newsletter) -> None:
    planned(secretariat, datetime(2026, 11, 25, 23, 30, tzinfo=UTC), newsletter, title="Efter midnat i Danmark")
    planned(secretariat, datetime(2026, 10, 31, 23, 30, tzinfo=UTC), newsletter, title="Månedens første")
    client = signed_in(anna)
    assert entries(client) == {
        "2026-11-01": ["Månedens første: Kulturnyt (scheduled)"],
        "2026-11-26": ["Efter midnat i Danmark: Kulturnyt (scheduled)"],
    }
    page = words(client.get(NOVEMBER))
    assert "00:30 Efter midnat i Danmark" in page and "2 send-outs." in page


def test_what_goes_out_together_and_stands_alike_is_one_entry(
    anna: User, secretariat: Organisation, newsletter: Newsletter, practice_account: Account
) -> None:
    at = datetime(2026, 11, 26, 7, tzinfo=UTC)
    campaign = planned(secretariat, at, newsletter, practice_account)
    client = signed_in(anna)
    assert list(entries(client).values()) == [["Åben øvelse: Kulturnyt, Practice channel (scheduled)"]]
    Message.objects.filter(campaign=campaign, outlet=Outlet.POST).update(status=MessageStatus.HELD)
    assert sorted(entries(client)["2026-11-26"]) == [
        "Åben øvelse: Kulturnyt (scheduled)",
        "Åben øvelse: Practice channel (held)",
    ]
    assert "1 send-out." in words(client.get(NOVEMBER))


def test_drafts_stand_at_the_time_suggested_for_them_and_cancelled_ones_nowhere(
    anna: User, secretariat: Organisation, newsletter: Newsletter
) -> None:
    at = datetime(2026, 11, 27, 8, tzinfo=UTC)
    draft, cancelled = MessageStatus.DRAFT, MessageStatus.CANCELLED
    planned(secretariat, at, newsletter, title="Til godkendelse", status=draft, review=CampaignStatus.IN_REVIEW)
    planned(secretariat, at, newsletter, title="Opgivet", status=draft, review=CampaignStatus.CANCELLED)
    planned(secretariat, at, newsletter, title="Annulleret", status=cancelled)
    planned(secretariat, None, newsletter, title="Uden tid", status=draft, review=CampaignStatus.DRAFT)
    assert entries(signed_in(anna)) == {"2026-11-27": ["Til godkendelse: Kulturnyt (in_review)"]}


def test_the_neighbours_plans_are_not_ours(sven: User, secretariat: Organisation, newsletter: Newsletter) -> None:
    planned(secretariat, datetime(2026, 11, 26, 7, tzinfo=UTC), newsletter)
    assert entries(signed_in(sven)) == {}
    assert "Nothing is planned or sent in this month." in words(signed_in(sven).get(NOVEMBER))


@pytest.mark.parametrize(("language", "day"), [("en", "Tuesday 24 November"), ("da", "tirsdag den 24. november")])
def test_the_month_in_both_languages(anna: User, language: str, day: str) -> None:
    page = signed_in(anna, language).get("/calendar")
    assert f'<html lang="{language}">' in source_of(page)
    assert "<h1>November 2026</h1>" in source_of(page)
    assert day in words(page)
    assert source_of(page).count('aria-current="date"') == 1


def test_weeks_start_on_monday_and_are_numbered_as_in_denmark(anna: User) -> None:
    client = signed_in(anna)
    assert [week.number for week in client.get(NOVEMBER).context["weeks"]] == [44, 45, 46, 47, 48, 49]
    assert [week.number for week in client.get("/calendar/2027/1").context["weeks"]] == [53, 1, 2, 3, 4]
    assert all(week.days[0].date.weekday() == 0 for week in client.get("/calendar/2027/1").context["weeks"])


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/calendar", "/calendar/2026/10", "/calendar/2026/12"),
        ("/calendar/2026/12", "/calendar/2026/11", "/calendar/2027/1"),
        ("/calendar/2027/1", "/calendar/2026/12", "/calendar/2027/2"),
        ("/calendar/2027/3", "/calendar/2027/2", "/calendar/2027/4"),
    ],
)
def test_one_goes_back_and_forth_by_months(anna: User, path: str, before: str, after: str) -> None:
    page = source_of(signed_in(anna).get(path))
    assert f'rel="prev" href="{before}"' in page
    assert f'rel="next" href="{after}"' in page
    assert ("This month" in page) == (path != "/calendar")


@pytest.mark.parametrize("path", ["/calendar/2026/13", "/calendar/2026/0", "/calendar/1/1", "/calendar/99999/1"])
def test_what_is_no_month_is_no_page(anna: User, path: str) -> None:
    assert signed_in(anna).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/calendar/2000/1", "/calendar/2100/12"])
def test_the_first_and_the_last_month_have_a_page(anna: User, path: str) -> None:
    assert signed_in(anna).get(path).status_code == 200


def test_the_page_asks_the_database_as_often_for_a_full_month(
    anna: User, secretariat: Organisation, newsletter: Newsletter, practice_account: Account, django_assert_num_queries
) -> None:
    for day in range(1, 29):
        planned(secretariat, datetime(2026, 11, day, 8, tzinfo=UTC), newsletter, practice_account)
    client = signed_in(anna)
    with django_assert_num_queries(7):
        assert len(entries(client)) == 28
