"""News that changed after it was composed: what is different, and the new words where nobody wrote their own."""

from __future__ import annotations

import pytest

from publisher.compose.drafts import create_campaign, update_block, update_email, update_post
from publisher.compose.preflight import checks
from publisher.compose.renewing import (
    accept_withdrawals,
    changed_news,
    keep_words,
    take_new_words,
    withdrawn_news,
)
from publisher.errors import InputError
from publisher.items.pictures import store_picture
from publisher.items.withdrawing import restore, withdraw
from publisher.models import Account, Block, Campaign, CampaignItem, Item, Newsletter, Organisation
from publisher.sources.contract import Event
from publisher.vocabulary import CampaignStatus, Withdrawal
from tests.compose.conftest import picture_of
from tests.events import concert, evening, say
from tests.items.by_hand import edit
from tests.review.send_outs import mail_of, post_of

pytestmark = pytest.mark.database


@pytest.fixture
def other(item: Item) -> Item:
    """A second item."""
    return Item.objects.create(
        organisation=item.organisation, title="Marked", lead="Boder.", link_key="m", body_text="B"
    )


@pytest.fixture
def campaign(item: Item, other: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A draft about two items: a mail and a post."""
    return create_campaign(item.organisation, [item, other], newsletter=newsletter, accounts=[practice_account])


def chosen(campaign: Campaign, item: Item) -> CampaignItem:
    return CampaignItem.objects.select_related("item", "campaign").get(campaign=campaign, item=item)


def block_of(campaign: Campaign, item: Item) -> Block:
    return Block.objects.get(message__campaign=campaign, item=item)


def test_what_changed_is_said_and_the_send_out_has_its_old_words(campaign: Campaign, item: Item) -> None:
    assert changed_news(campaign) == []
    edit(item, title="Øvelsen er flyttet")
    (changed,) = changed_news(campaign)
    assert changed.item == item
    assert [each.name for each in changed.changes] == ["title"]
    assert mail_of(campaign).subject != "Øvelsen er flyttet"
    found = [check for check in checks(campaign) if check.message is None]
    assert [(check.level, check.explanation.params["title"]) for check in found] == [("warning", "Øvelsen er flyttet")]


def test_what_changed_back_asks_nothing(campaign: Campaign, item: Item) -> None:
    title = item.title
    edit(item, title="Øvelsen er flyttet")
    edit(item, title=title)
    assert changed_news(campaign) == []


def test_the_new_words_replace_the_old_ones_everywhere(campaign: Campaign, item: Item, other: Item) -> None:
    picture = store_picture(item.organisation, picture_of(), alt="Et kor")
    edit(item, title="Øvelsen er flyttet", lead="Til hallen.", body_html="<p>Ny.</p>", body_text="Ny.", picture=picture,
         link="https://kultur.example.org/flyttet")  # fmt: skip
    revision = campaign.revision
    assert take_new_words(chosen(campaign, item))
    campaign.refresh_from_db()
    mail, post, block = mail_of(campaign), post_of(campaign), block_of(campaign, item)
    assert (campaign.title, mail.subject, mail.preview_text) == (
        "Øvelsen er flyttet",
        "Øvelsen er flyttet",
        "Til hallen.",
    )
    assert "Øvelsen er flyttet" in post.text and "Til hallen." in post.text
    assert post.link == "https://kultur.example.org/flyttet"
    assert [(each.picture, each.alt) for each in post.pictures.all()] == [(picture, "Et kor")]
    assert (block.content["title"], block.content["html"], block.content["text"]) == (
        "Øvelsen er flyttet",
        "<p>Ny.</p>",
        "Ny.",
    )
    assert (block.picture, block.content["alt"], block.content["link"]) == (picture, "Et kor", post.link)
    assert block_of(campaign, other).content["title"] == "Marked"
    assert campaign.revision > revision
    assert changed_news(campaign) == []


def test_an_event_that_moves_takes_its_day_with_it(
    secretariat: Organisation, newsletter: Newsletter, practice_account: Account
) -> None:
    item = concert(secretariat, Event(evening(5), place="Kulturhuset"))
    campaign = create_campaign(secretariat, [item], newsletter=newsletter, accounts=[practice_account])
    assert "Kulturhuset" in post_of(campaign).text
    say(item, Event(evening(6), place="Kirken"))
    assert take_new_words(chosen(campaign, item))
    assert "Kirken" in post_of(campaign).text and "Kulturhuset" not in post_of(campaign).text
    event = block_of(campaign, item).content["event"]
    assert (event["place"], event["starts_at"]) == ("Kirken", evening(6).isoformat())


def test_what_was_written_by_hand_stays(campaign: Campaign, item: Item) -> None:
    update_email(mail_of(campaign), subject="Vores emne")
    update_post(post_of(campaign), text="Vores opslag")
    update_block(block_of(campaign, item), lead="Vores manchet", alt="x")
    edit(item, title="Øvelsen er flyttet", lead="Til hallen.")
    assert not take_new_words(chosen(campaign, item))
    block = block_of(campaign, item)
    assert (mail_of(campaign).subject, post_of(campaign).text) == ("Vores emne", "Vores opslag")
    assert (block.content["lead"], block.content["title"]) == ("Vores manchet", "Øvelsen er flyttet")
    assert changed_news(campaign) == []


def test_a_story_that_is_not_the_first_changes_only_its_block(campaign: Campaign, item: Item, other: Item) -> None:
    edit(other, title="Marked aflyst")
    assert take_new_words(chosen(campaign, other))
    assert block_of(campaign, other).content["title"] == "Marked aflyst"
    assert mail_of(campaign).subject == item.title
    assert item.title in post_of(campaign).text


def test_kept_words_are_asked_about_again_after_the_next_change(campaign: Campaign, item: Item) -> None:
    edit(item, title="Øvelsen er flyttet")
    keep_words(chosen(campaign, item))
    assert changed_news(campaign) == []
    edit(item, title="Øvelsen er aflyst")
    (changed,) = changed_news(campaign)
    assert "".join(part.text for part in changed.changes[0].parts if part.kind != "added") == "Øvelsen er flyttet"


def test_what_was_left_out_of_the_mail_asks_nothing(campaign: Campaign, other: Item) -> None:
    block_of(campaign, other).delete()
    edit(other, title="Marked aflyst")
    withdraw(other, Withdrawal.GONE)
    assert (changed_news(campaign), withdrawn_news(campaign)) == ([], [])


def test_only_a_draft_takes_new_words(campaign: Campaign, item: Item) -> None:
    edit(item, title="Øvelsen er flyttet")
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.APPROVED)
    with pytest.raises(InputError):
        take_new_words(chosen(campaign, item))
    assert block_of(campaign, item).content["title"] == item.title


def test_withdrawn_news_stops_an_approval_until_somebody_says_to_go_on(campaign: Campaign, item: Item) -> None:
    withdraw(item, Withdrawal.GONE)
    (found,) = withdrawn_news(campaign)
    assert [check.level for check in checks(campaign) if check.message is None] == ["error"]
    accept_withdrawals([found])
    assert withdrawn_news(campaign) == []
    assert [check for check in checks(campaign) if check.message is None] == []
    restore(item)
    withdraw(item, Withdrawal.GONE)
    assert len(withdrawn_news(campaign)) == 1


def test_a_correction_asks_nobody_to_take_new_words(campaign: Campaign, item: Item) -> None:
    """They would stand beside what it says of the change."""
    earlier = create_campaign(item.organisation, [item], newsletter=mail_of(campaign).newsletter)
    mail_of(campaign).corrects.add(mail_of(earlier))
    edit(item, lead="Alle er velkomne igen.")
    assert changed_news(campaign) == []
    assert len(changed_news(earlier)) == 1
