"""What a send-out's pages ask about news that changed or was withdrawn, and what the buttons do."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.items.withdrawing import restore, withdraw
from publisher.models import Campaign, Item, Message, User
from publisher.review import approval
from publisher.schedule.dispatch import hold_withdrawn
from publisher.vocabulary import CampaignStatus, Withdrawal
from tests.items.by_hand import edit
from tests.review.send_outs import begin, finish, mail_of, post_of, soon
from tests.web.desk import live, questions, typed
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def ask(campaign: Campaign, item: Item) -> str:
    """Where the answers go."""
    return f"/sendouts/{campaign.pk}/news/{item.pk}"


def test_the_composer_asks_and_takes_the_new_words(
    campaign: Campaign, edit_path: str, ask: str, item: Item, annas: Client
) -> None:
    assert "The news is changed" not in words(annas.get(edit_path))
    edit(item, title="Øvelsen er flyttet")
    page = annas.get(edit_path)
    assert "The news is changed: Øvelsen er flyttet" in words(page)
    assert "Take the new words" in words(page)
    assert source_of(page).index("Take the new words") < source_of(page).index('id="composer"')
    page = words(annas.post(ask, {"do": "take"}, follow=True))
    assert "The new words are in." in page
    assert "The news is changed:" not in page
    assert mail_of(campaign).subject == "Øvelsen er flyttet"


def test_a_question_that_comes_while_somebody_writes_comes_with_the_next_saving(
    campaign: Campaign, edit_path: str, item: Item, annas: Client
) -> None:
    """Once, so that what they have opened of it stays open."""
    shown = source_of(annas.get(edit_path))
    assert 'name="asked" id="asked" value=""' in shown
    assert "asked-news" not in source_of(live(annas, edit_path, typed(campaign, asked="")))
    edit(item, title="Øvelsen er flyttet")
    answer = live(annas, edit_path, typed(campaign, asked=""))
    assert "The news is changed: Øvelsen er flyttet" in words(answer)
    assert '<div id="asked-news" aria-live="polite" hx-swap-oob="true">' in source_of(answer)
    key = f"c{item.pk}.{Item.objects.get().revision}"
    assert f'id="asked" value="{key}" hx-swap-oob="true"' in source_of(answer)
    assert "asked-news" not in source_of(live(annas, edit_path, typed(campaign, asked=key)))
    withdraw(item, Withdrawal.GONE)
    answer = words(live(annas, edit_path, typed(campaign, asked=key)))
    assert "The news is withdrawn:" in answer and "The news is changed:" not in answer
    restore(item)
    edit(item, title=campaign.title)
    answer = live(annas, edit_path, typed(campaign, asked=key))
    assert "asked-news" in source_of(answer) and "The news is changed:" not in words(answer), "it is as it was again"


@pytest.fixture
def edit_path(path: str) -> str:
    """The composer."""
    return f"{path}/edit"


def test_an_approved_one_goes_back_for_approval_with_only_the_difference(
    campaign: Campaign, path: str, ask: str, item: Item, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    edit(item, title="Øvelsen er flyttet")
    assert "If you take the new ones, somebody must approve it again." in words(bos.get(path))
    page = words(bos.post(ask, {"do": "take"}, follow=True))
    assert "Somebody must approve them before it is sent." in page
    assert "Changed since it was approved Øvelsen er flyttet Headline" in page
    assert "Everything else is as it was." in page
    assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.IN_REVIEW


def test_what_was_written_by_hand_is_said_to_stay(campaign: Campaign, ask: str, item: Item, annas: Client) -> None:
    Message.objects.filter(pk=mail_of(campaign).pk).update(subject="Vores")
    edit(item, title="Øvelsen er flyttet")
    page = words(annas.post(ask, {"do": "take"}, follow=True))
    assert "What you or a colleague had written by hand stays as it was." in page
    assert mail_of(campaign).subject == "Vores"


def test_keeping_asks_no_more(campaign: Campaign, path: str, ask: str, item: Item, bo: User, bos: Client) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    edit(item, title="Øvelsen er flyttet")
    page = words(bos.post(ask, {"do": "keep"}, follow=True))
    assert "The words stay as they are." in page
    assert "The news is changed" not in page
    assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.APPROVED
    again = words(bos.post(ask, {"do": "keep"}, follow=True))
    assert "This was changed by someone else meanwhile" in again


def test_an_editor_sees_it_but_does_not_decide_for_an_approved_one(
    campaign: Campaign, path: str, ask: str, item: Item, bo: User, annas: Client, sven: User
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    edit(item, title="Øvelsen er flyttet")
    page = words(annas.get(path))
    assert "The news is changed" in page
    assert "Take the new words" not in page
    assert annas.post(ask, {"do": "keep"}).status_code == 403
    assert signed_in(sven).post(ask, {"do": "keep"}).status_code == 404
    assert annas.get(ask).status_code == 405


def test_what_has_been_sent_asks_nothing(campaign: Campaign, path: str, item: Item, bo: User, bos: Client) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    for message in (mail_of(campaign), post_of(campaign)):
        begin(message)
        finish(message)
    edit(item, title="Øvelsen er flyttet")
    withdraw(item, Withdrawal.GONE)
    page = words(bos.get(path))
    assert "The news is" not in page


def test_withdrawn_news_is_said_and_sent_only_on_a_persons_word(
    campaign: Campaign, path: str, ask: str, item: Item, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    withdraw(item, Withdrawal.GONE)
    hold_withdrawn(timezone.now())
    page = words(bos.get(path))
    assert "The news is withdrawn: " in page
    assert "Held back for it: Kulturnyt and Prøvekanal (Practice channel)." in page
    source = source_of(bos.get(path))
    assert source.count('value="anyway"') == 1 and 'value="release"' not in source, "one question, one button"
    assert "News in it was withdrawn." not in page
    page = words(bos.post(ask, {"do": "anyway"}, follow=True))
    assert "It is sent all the same." in page
    assert "The news is withdrawn: " not in page
    assert "News in it was withdrawn." not in page
    assert hold_withdrawn(timezone.now()) == 0


def test_news_that_changed_and_is_withdrawn_is_asked_about_once(
    campaign: Campaign, path: str, ask: str, item: Item, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    edit(item, title="Øvelsen er flyttet")
    withdraw(item, Withdrawal.GONE)
    hold_withdrawn(timezone.now())
    assert "The news is changed" not in words(bos.get(path))
    today = words(bos.get("/"))
    assert "1 thing needs a person." in today
    assert "Kulturnyt and Prøvekanal (Practice channel): News in it was withdrawn." in today
    assert f'href="{path}#news-changed"' in source_of(bos.get("/"))
    bos.post(ask, {"do": "anyway"})
    assert "The news is changed:" in words(bos.get(path)), "the next question"


def test_restored_news_leaves_each_held_part_its_own_question(
    campaign: Campaign, path: str, item: Item, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    withdraw(item, Withdrawal.GONE)
    hold_withdrawn(timezone.now())
    restore(item, bo)
    assert words(bos.get(path)).count("News in it was withdrawn.") == 2


def test_the_pages_ask_the_database_little_more(campaign: Campaign, path: str, item: Item, bos: Client) -> None:
    plain = questions(bos, f"{path}/edit")
    edit(item, title="Øvelsen er flyttet")
    assert questions(bos, f"{path}/edit") <= plain + 16
