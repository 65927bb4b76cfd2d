"""When a draft goes out: each channel at its own next posting time, or all of it at one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from publisher.models import Account, Campaign, Item, Message, Newsletter, Slot
from publisher.review import approval
from publisher.vocabulary import MessageStatus
from tests.review.send_outs import send_out
from tests.web.desk import live, typed
from tests.web.office import words

pytestmark = pytest.mark.database

NOON = datetime(2026, 3, 20, 11, tzinfo=UTC)
MONDAY, TUESDAY = datetime(2026, 3, 23, 7, tzinfo=UTC), datetime(2026, 3, 24, 8, tzinfo=UTC)


@pytest.fixture
def museum(practice_account: Account) -> Account:
    """A second channel with a posting time of its own, a day after the first one's."""
    account = Account.objects.create(organisation=practice_account.organisation, kind="practice", name="Museet")
    Slot.objects.create(account=practice_account, weekday=0, time="08:00")
    Slot.objects.create(account=practice_account, weekday=0, time="16:30")
    Slot.objects.create(account=account, weekday=1, time="09:00")
    return account


@pytest.fixture
def quiet(practice_account: Account) -> Account:
    """A channel without posting times."""
    return Account.objects.create(organisation=practice_account.organisation, kind="practice", name="Stille")


@pytest.fixture
def draft(item: Item, newsletter: Newsletter, practice_account: Account, museum: Account) -> Campaign:
    """A mail and two posts."""
    return send_out(item, newsletter, practice_account, museum)


def times(campaign: Campaign) -> dict[str, datetime | None]:
    """The own time of each mail and post."""
    return {str(each.newsletter or each.account.name): each.scheduled_at for each in Message.objects.all()}  # type: ignore[union-attr]


@time_machine.travel(NOON, tick=False)
def test_each_channel_gets_its_own_next_posting_time_and_the_mail_the_first(
    draft: Campaign, practice_account: Account, museum: Account, bos: Client
) -> None:
    path = f"/sendouts/{draft.pk}/edit"
    page = bos.get(path)
    assert "At each channel’s next posting time, the first Mon 23 Mar 08:00" in words(page)
    assert "Is sent Monday 23 March at 08:00" in words(page)
    assert "Museet (Practice channel): Tuesday 24 March at 09:00." in words(page)
    promised = page.context["promise"].key
    assert MONDAY.isoformat() in promised and TUESDAY.isoformat() in promised
    data = typed(draft) | {"do": "approve", "promised": promised}
    assert live(bos, path, data).headers["HX-Redirect"] == f"/sendouts/{draft.pk}"
    assert times(draft) == {"Kulturnyt": MONDAY, practice_account.name: MONDAY, museum.name: TUESDAY}
    assert set(draft.messages.values_list("status", flat=True)) == {MessageStatus.SCHEDULED}


@time_machine.travel(NOON, tick=False)
def test_many_times_are_listed_when_somebody_asks_for_them(
    item: Item, newsletter: Newsletter, museum: Account, bos: Client
) -> None:
    later = [
        Account.objects.create(organisation=museum.organisation, kind="practice", name=f"Hus {number}")
        for number in range(4)
    ]
    Slot.objects.bulk_create(Slot(account=each, weekday=2, time="10:00") for each in later)
    draft = send_out(item, newsletter, museum, *later)
    page = words(bos.get(f"/sendouts/{draft.pk}/edit"))
    assert "4 of them at times of their own Hus 0 (Practice channel): Wednesday 25 March at 10:00." in page
    assert page.count("Wednesday 25 March at 10:00.") == 4


@time_machine.travel(NOON, tick=False)
def test_a_button_that_promised_one_time_for_all_does_nothing(draft: Campaign, bos: Client) -> None:
    path = f"/sendouts/{draft.pk}/edit"
    answer = live(bos, path, typed(draft) | {"do": "approve", "promised": MONDAY.isoformat()})
    assert answer.status_code == 422 and "The time was changed." in words(answer)
    draft.refresh_from_db()
    assert draft.status == "draft"


@time_machine.travel(NOON, tick=False)
def test_the_next_posting_time_stays_chosen_once_it_is_saved(draft: Campaign, museum: Account, bos: Client) -> None:
    path = f"/sendouts/{draft.pk}/edit"
    for _press in range(2):
        assert typed(draft)["when-timing"] == "slot"
        live(bos, path, typed(draft))
        page = words(bos.get(path))
        assert "the first Mon 23 Mar 08:00" in page and "Museet (Practice channel): Tuesday 24 March at 09:00." in page
    assert times(draft)[museum.name] == TUESDAY
    draft.refresh_from_db()
    assert draft.scheduled_at == MONDAY


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("choice", "at"),
    [
        (
            {"when-timing": "later", "when-day": "2026-03-27", "when-clock": "08:00"},
            datetime(2026, 3, 27, 7, tzinfo=UTC),
        ),
        ({"when-timing": "later", "when-day": "2026-03-23", "when-clock": "08:00"}, MONDAY),
        ({"when-timing": "now"}, None),
    ],
)
def test_one_time_chosen_afterwards_is_for_all(
    choice: dict[str, str], at: datetime | None, draft: Campaign, bos: Client
) -> None:
    path = f"/sendouts/{draft.pk}/edit"
    live(bos, path, typed(draft))
    answer = live(bos, path, typed(draft) | choice)
    assert "Museet (Practice channel):" not in words(answer)
    assert set(times(draft).values()) == {None}
    draft.refresh_from_db()
    assert draft.scheduled_at == at


@time_machine.travel(NOON, tick=False)
def test_after_undo_each_still_has_its_time(draft: Campaign, museum: Account, bos: Client) -> None:
    path = f"/sendouts/{draft.pk}/edit"
    promised = bos.get(path).context["promise"].key
    live(bos, path, typed(draft) | {"do": "approve", "promised": promised})
    approval.undo(Campaign.objects.get(pk=draft.pk), None)
    assert typed(draft)["when-timing"] == "slot"
    assert bos.get(path).context["promise"].key == promised


@time_machine.travel(NOON, tick=False)
def test_a_channel_without_posting_times_goes_out_with_the_first_and_that_is_said(
    item: Item, newsletter: Newsletter, practice_account: Account, museum: Account, quiet: Account, bos: Client
) -> None:
    campaign = send_out(item, newsletter, practice_account, museum, quiet)
    page = words(bos.get(f"/sendouts/{campaign.pk}/edit"))
    assert "Stille (Practice channel) has no posting times and goes out at the first of these." in page
    answer = live(bos, f"/sendouts/{campaign.pk}/edit", typed(campaign) | {"when-timing": "now"})
    assert "has no posting times" not in words(answer)
