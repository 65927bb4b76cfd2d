"""Drafts: what is composed is a copy, belongs together, and changes only while it is a draft."""

from __future__ import annotations

import pytest

from publisher.compose.drafts import (
    add_block,
    add_story,
    arrange_blocks,
    create_campaign,
    update_block,
    update_email,
    update_post,
)
from publisher.errors import InputError
from publisher.models import Account, Campaign, Item, Message, Newsletter, Organisation, User
from publisher.vocabulary import BlockKind, CampaignStatus, MessageStatus, Outlet
from tests.compose.conftest import ALT, AREAS, CAPTION

pytestmark = pytest.mark.database


def test_one_send_out_for_mail_and_post(
    campaign: Campaign, lead_item: Item, item: Item, newsletter: Newsletter
) -> None:
    assert (campaign.title, campaign.status, campaign.revision) == (lead_item.title, "draft", 1)
    assert [(chosen.item, chosen.item_revision) for chosen in campaign.chosen.all()] == [(lead_item, 1), (item, 1)]
    mail, post = campaign.messages.all()
    assert (mail.outlet, mail.newsletter, mail.subject, mail.status) == (
        Outlet.EMAIL, newsletter, "Ny kulturaftale er underskrevet", MessageStatus.DRAFT,
    )  # fmt: skip
    assert mail.preview_text and len(mail.preview_text) <= 100 and lead_item.lead.startswith(mail.preview_text)
    assert [block.kind for block in mail.blocks.all()] == [BlockKind.LEAD_STORY, BlockKind.STORY]
    assert (post.outlet, post.link) == (Outlet.POST, lead_item.link)
    assert [(each.picture, each.alt) for each in post.pictures.all()] == [(lead_item.picture, ALT)]


def test_a_block_is_a_copy_of_its_item(mail: Message, lead_item: Item) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    lead_item.title, lead_item.body_html = "Ændret", "<p>Ændret</p>"
    lead_item.save()
    block.refresh_from_db()
    assert block.picture == lead_item.picture
    assert block.content["title"] == "Ny kulturaftale er underskrevet"
    assert (block.areas.count(), block.topics.count()) == (0, 0), "it begins as for everyone"
    assert block.content["areas"] == AREAS and block.content["topics"] == ["Børn og unge", "Musik"]
    assert (block.content["alt"], block.content["caption"], block.content["credit"]) == (ALT, CAPTION, "Åse Sørensen")
    assert block.content["published_at"] == "2021-01-13T14:16:00+00:00"


def test_the_user_the_rule_and_a_title_are_kept(
    secretariat: Organisation, newsletter: Newsletter, item: Item, anna: User
) -> None:
    made = create_campaign(secretariat, [item], newsletter=newsletter, user=anna, title="  Uge 47 ")
    assert (made.title, made.created_by, made.rule) == ("Uge 47", anna, None)


def test_words_that_no_database_takes_are_mended(secretariat: Organisation, newsletter: Newsletter, item: Item) -> None:
    item.title, item.lead, item.body_html = "Nul\x00punkt \ud800halv", "Linje\u2028skift", "<p>\x00\ud800æ</p>"
    content = create_campaign(secretariat, [item], newsletter=newsletter).messages.get().blocks.get().content
    assert (content["title"], content["lead"], content["html"]) == ("Nulpunkt halv", "Linje skift", "<p>æ</p>")


def test_long_titles_are_cut_to_what_a_subject_takes(
    secretariat: Organisation, newsletter: Newsletter, item: Item
) -> None:
    item.title = "Åben øvelse " * 25
    made = create_campaign(secretariat, [item], newsletter=newsletter)
    assert len(made.messages.get().subject) <= 200 and len(made.title) <= 300


def test_nothing_or_nowhere_to_send_is_refused_and_leaves_nothing(
    secretariat: Organisation, newsletter: Newsletter, item: Item
) -> None:
    for items, given in (([], {"newsletter": newsletter}), ([item], {})):
        with pytest.raises(InputError):
            create_campaign(secretariat, items, **given)
    assert not Campaign.objects.exists()


def test_what_belongs_to_another_organisation_is_refused(
    elsewhere: Organisation, newsletter: Newsletter, item: Item, practice_account: Account
) -> None:
    with pytest.raises(InputError):
        create_campaign(elsewhere, [item], newsletter=newsletter)
    theirs = Item.objects.create(organisation=elsewhere, title="Deres")
    with pytest.raises(InputError):
        create_campaign(elsewhere, [theirs], accounts=[practice_account])
    assert not Campaign.objects.exists()


def test_every_change_raises_the_revision(mail: Message, post: Message, campaign: Campaign) -> None:
    update_email(mail, subject=" Nyt\nemne ", preview_text="Kort")
    (picture,) = post.pictures.values_list("picture", flat=True)
    update_post(post, text="Kom\r\nog hør", alts={picture: "Et kor"}, link="https://x.example/")
    update_block(mail.blocks.get(kind=BlockKind.STORY), title="Anden titel", html="<p>Ny</p>")
    add_block(mail, BlockKind.HEADING, title="Mere")
    arrange_blocks(mail, mail.blocks.values_list("pk", flat=True))
    campaign.refresh_from_db()
    mail.refresh_from_db()
    post.refresh_from_db()
    assert campaign.revision == 6
    assert (mail.subject, mail.preview_text) == ("Nyt emne", "Kort")
    assert (post.text, post.pictures.get().alt, post.link) == ("Kom\nog hør", "Et kor", "https://x.example/")
    assert mail.blocks.get(kind=BlockKind.STORY).content["title"] == "Anden titel"


def test_what_is_not_named_stays(mail: Message, post: Message) -> None:
    text, picture = post.text, post.pictures.get().picture
    update_post(post, alts={picture.pk: "Et kor"})
    update_email(mail, preview_text="Kort")
    post.refresh_from_db()
    mail.refresh_from_db()
    assert (post.text, post.pictures.get().picture, mail.subject) == (text, picture, "Ny kulturaftale er underskrevet")


@pytest.mark.parametrize("status", [CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED, CampaignStatus.CANCELLED])
def test_nothing_changes_once_it_is_no_draft(
    campaign: Campaign, mail: Message, post: Message, status: CampaignStatus
) -> None:
    Campaign.objects.update(status=status)
    block = mail.blocks.get(kind=BlockKind.STORY)
    for change in (
        lambda: update_email(mail, subject="x"),
        lambda: update_post(post, text="x"),
        lambda: update_block(block, title="x"),
        lambda: add_block(mail, BlockKind.TEXT, html="x"),
        lambda: arrange_blocks(mail, []),
    ):
        with pytest.raises(InputError):
            change()
    campaign.refresh_from_db()
    mail.refresh_from_db()
    assert (campaign.revision, mail.subject, mail.blocks.count()) == (1, "Ny kulturaftale er underskrevet", 2)


def test_wrong_words_change_nothing(campaign: Campaign, mail: Message, post: Message) -> None:
    with pytest.raises(InputError):
        update_email(mail, subject="x" * 201)
    with pytest.raises(InputError):
        update_post(post, link="javascript:alert(1)")
    with pytest.raises(InputError):
        update_block(mail.blocks.get(kind=BlockKind.STORY), link="kultur.example.org")
    campaign.refresh_from_db()
    assert campaign.revision == 1


def test_arranging_moves_removes_and_lets_the_first_story_lead(mail: Message) -> None:
    lead, story = mail.blocks.all()
    heading = add_block(mail, BlockKind.HEADING, position=0, title="Først")
    assert [block.pk for block in mail.blocks.all()] == [heading.pk, lead.pk, story.pk]
    arrange_blocks(mail, [heading.pk, story.pk, lead.pk])
    assert [(block.pk, block.kind) for block in mail.blocks.all()] == [
        (heading.pk, "heading"),
        (story.pk, "lead_story"),
        (lead.pk, "story"),
    ]
    arrange_blocks(mail, [lead.pk])
    assert [(block.pk, block.kind) for block in mail.blocks.all()] == [(lead.pk, "lead_story")]


def test_a_story_that_is_told_nowhere_any_more_was_not_chosen(campaign: Campaign, mail: Message, post: Message) -> None:
    lead, story = mail.blocks.all()
    arrange_blocks(mail, [lead.pk])
    assert [chosen.item for chosen in campaign.chosen.all()] == [lead.item]
    arrange_blocks(mail, [])
    assert [chosen.item for chosen in campaign.chosen.all()] == [lead.item], "the post is about it"
    post.delete()
    assert story.item is not None
    add_story(mail, story.item)
    arrange_blocks(mail, mail.blocks.values_list("pk", flat=True))
    assert [chosen.item for chosen in campaign.chosen.all()] == [story.item]
