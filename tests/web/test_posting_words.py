"""Posting times typed as words on a channel's page: said back first, added by a second press, never guessed."""

from __future__ import annotations

from datetime import time

import pytest
from django.test import Client

from publisher.models import Account, Slot, User
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

TYPED = "hverdage 8.15 og 16.30"
MEANT = "weekdays at 08:15 and 16:30"


@pytest.fixture
def here(practice_account: Account) -> str:
    return f"/channels/{practice_account.pk}/times/words"


def test_what_was_understood_is_said_before_it_is_added(annas: Client, here: str, practice_account: Account) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time=time(8, 15))
    page = annas.post(here, {"words": TYPED, "do": "look"})
    assert f"Understood: {MEANT}. That is 10 posting times a week. New: 9." in words(page)
    assert f'value="{TYPED}"' in source_of(page)
    assert Slot.objects.count() == 1, "looking adds nothing"
    added = annas.post(here, {"words": TYPED, "understood": MEANT, "do": "add"}, follow=True)
    assert "9 posting times added." in words(added)
    assert Slot.objects.count() == 10
    assert "All of it is there already." in words(annas.post(here, {"words": TYPED}))


def test_words_that_were_changed_meanwhile_are_said_back_again(annas: Client, here: str) -> None:
    page = annas.post(here, {"words": "hverdage 8.15 og 17", "understood": MEANT, "do": "add"})
    assert page.status_code == 200
    assert "Understood: weekdays at 08:15 and 17:00." in words(page)
    assert not Slot.objects.exists()


def test_what_is_unclear_is_refused_in_words_and_kept(annas: Client, here: str) -> None:
    page = annas.post(here, {"words": "hverdage halv ni", "do": "add"})
    assert page.status_code == 422
    assert "“halv” is not understood." in words(page)
    assert 'value="hverdage halv ni"' in source_of(page)


def test_more_than_a_plan_is_refused(annas: Client, here: str) -> None:
    many = "every day " + ", ".join(f"{hour}:{minute:02}" for hour in range(10) for minute in (0, 30))
    shown = annas.post(here, {"words": many}).context["understood"].words
    page = annas.post(here, {"words": many, "understood": shown, "do": "add"})
    assert page.status_code == 422
    assert "A channel has at most 70 posting times a week." in words(page)
    assert not Slot.objects.exists()


def test_only_those_who_may_edit_here(here: str, practice_account: Account, sven: User) -> None:
    assert signed_in(reader_in(practice_account.organisation)).post(here, {"words": TYPED}).status_code == 403
    assert signed_in(sven).post(here, {"words": TYPED}).status_code == 404


def test_times_in_the_quiet_hours_are_said_and_not_counted(annas: Client, here: str, practice_account: Account) -> None:
    Account.objects.filter(pk=practice_account.pk).update(quiet_from=time(22), quiet_until=time(7))
    said = "are in the quiet hours, 22:00–07:00, and are left out."
    typed = "Saturday 6:15, 12:00 and 23:30"
    page = annas.post(here, {"words": typed, "do": "look"})
    assert f"That is 1 posting time a week. 2 posting times {said}" in words(page)
    meant = page.context["understood"].words
    added = words(annas.post(here, {"words": typed, "understood": meant, "do": "add"}, follow=True))
    assert "3 posting times added." in added and f"2 posting times {said}" in added
    assert "06:15 (quiet hours)" in added and "12:00 (quiet hours)" not in added
    assert "23:30 (quiet hours)" in words(annas.get("/channels"))
    ticked = annas.post(here.removesuffix("/words"), {"days": ["0"], "time": "22:00"}, follow=True)
    assert "1 posting time is in the quiet hours, 22:00–07:00, and is left out." in words(ticked)
    assert "quiet hours," not in words(annas.post(here, {"words": "Saturday 7:00"}))


def test_quiet_hours_that_cover_posting_times_are_said(annas: Client, practice_account: Account) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time=time(6, 15))
    data = {"language": "da", "quiet_from": "22:00", "quiet_until": "07:00"}
    page = words(annas.post(f"/channels/{practice_account.pk}/habits", data, follow=True))
    assert "1 posting time is in the quiet hours, 22:00–07:00, and is left out." in page
