"""Whom a story is shown to, in the composer; and the preview as others see the mail."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.audience.aims import Aim
from publisher.compose.drafts import aim_block, create_campaign
from publisher.models import Account, Area, Campaign, Item, Message, Newsletter, Topic, User
from publisher.review import approval
from tests.aimed import areas_of, chose, topics_of
from tests.audience_factory import residents
from tests.review.send_outs import mail_of
from tests.web.desk import live, more_items, questions, typed
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def areas(newsletter: Newsletter) -> list[Area]:
    """Two municipalities."""
    return areas_of(newsletter, ["Køge", "Herlev"])


@pytest.fixture
def topics(newsletter: Newsletter) -> list[Topic]:
    """One topic."""
    return topics_of(newsletter, ["Musik"])


@pytest.fixture
def two(item: Item, newsletter: Newsletter) -> Campaign:
    """A draft of a mail with two stories."""
    return create_campaign(item.organisation, [item, *more_items(item.organisation, 1)], newsletter=newsletter)


def page_of(campaign: Campaign) -> str:
    return f"/sendouts/{campaign.pk}/edit"


def aimed(campaign: Campaign, areas: list[Area], topics: list[Topic] = []) -> Message:  # noqa: B006 - only read
    """The mail, its second story aimed."""
    mail = mail_of(campaign)
    block = mail.blocks.last()
    assert block is not None
    aim_block(block, Aim(frozenset(row.pk for row in areas), frozenset(row.pk for row in topics)))
    return mail_of(campaign)


def test_ticks_aim_a_story_and_its_label_says_so(
    two: Campaign, areas: list[Area], topics: list[Topic], annas: Client
) -> None:
    block = mail_of(two).blocks.last()
    assert block is not None
    page = words(annas.get(page_of(two)))
    assert "Shown to" in page and "Shown to:" not in page and "Show as" not in page
    ticks = {f"story-{block.pk}-for_areas": [areas[0].pk], f"story-{block.pk}-for_topics": [topics[0].pk]}
    response = live(annas, page_of(two), typed(two) | ticks)
    source = response.content.decode()
    assert f'id="aimed-{block.pk}" hx-swap-oob="true">Shown to: Køge · Musik</span>' in source
    assert 'name="revision" id="revision" value="2"' in source
    assert "Show as somebody who chose" in source, "the preview can now be seen in more ways than one"
    assert (list(block.areas.all()), list(block.topics.all())) == ([areas[0]], [topics[0]])
    live(annas, page_of(two), typed(two))
    two.refresh_from_db()
    assert two.revision == 2, "saved once"
    live(annas, page_of(two), typed(two) | {tick: [] for tick in ticks})
    assert not block.areas.exists() and not block.topics.exists()


def test_another_s_aim_is_a_conflict_like_any_other(two: Campaign, areas: list[Area], annas: Client) -> None:
    block = mail_of(two).blocks.last()
    assert block is not None
    stale = typed(two) | {f"story-{block.pk}-title": "Annas overskrift"}
    aimed(two, areas[:1])
    response = live(annas, page_of(two), stale)
    assert response.status_code == 422
    assert "Shown to" in words(response) and "Køge" in words(response)
    assert list(block.areas.all()) == [areas[0]]


def test_what_the_newsletter_offers_no_more_stays_ticked(
    two: Campaign, areas: list[Area], newsletter: Newsletter, annas: Client
) -> None:
    mail = aimed(two, areas[:1])
    newsletter.areas.set(areas[1:])
    live(annas, page_of(two), typed(two) | {f"mail-{mail.pk}-subject": "Nyt emne"})
    block = mail.blocks.last()
    assert block is not None and list(block.areas.all()) == [areas[0]]
    foreign = {f"story-{block.pk}-for_areas": [areas[0].pk, 999_999]}
    assert live(annas, page_of(two), typed(two) | foreign).status_code == 422


def test_the_preview_shows_the_mail_as_somebody_else_gets_it(two: Campaign, areas: list[Area], annas: Client) -> None:
    mail = aimed(two, areas[:1])
    frame = f"/sendouts/{two.pk}/mail/{mail.pk}"
    assert "Nyhed nummer 0" in annas.get(frame).content.decode()
    assert "Nyhed nummer 0" in annas.get(frame, {"area": areas[0].pk}).content.decode()
    assert "Nyhed nummer 0" not in annas.get(frame, {"area": areas[1].pk}).content.decode()
    assert "Nyhed nummer 0" in annas.get(frame, {"area": "æ", "topic": "²"}).content.decode()
    herlev = annas.get(f"{frame}/as", {f"as-area-{mail.pk}": areas[1].pk})
    assert f"&amp;area={areas[1].pk}" in herlev.content.decode()
    assert "Not shown: “Nyhed nummer 0”" in words(herlev)
    assert "Not shown" not in words(annas.get(f"{frame}/as", {f"as-area-{mail.pk}": areas[0].pk}))


def test_a_reader_for_whom_no_story_is_left_gets_no_mail(two: Campaign, areas: list[Area], annas: Client) -> None:
    mail = aimed(two, areas[:1])
    first = mail.blocks.first()
    assert first is not None
    aim_block(first, Aim(frozenset({areas[0].pk})))
    seen = annas.get(f"/sendouts/{two.pk}/mail/{mail.pk}/as", {f"as-area-{mail.pk}": areas[1].pk})
    assert "no mail is sent to them" in words(seen)


def test_the_preview_stays_as_it_was_chosen_while_one_writes(two: Campaign, areas: list[Area], annas: Client) -> None:
    mail = aimed(two, areas[:1])
    data = typed(two) | {f"mail-{mail.pk}-subject": "Nyt emne", f"as-area-{mail.pk}": str(areas[1].pk)}
    source = live(annas, page_of(two), data).content.decode()
    assert f"&amp;area={areas[1].pk}" in source and f'<option value="{areas[1].pk}" selected>' in source


def test_strangers_see_no_mail_in_any_way(
    two: Campaign, areas: list[Area], sven: User, practice_account: Account
) -> None:
    mail = aimed(two, areas[:1])
    assert signed_in(sven).get(f"/sendouts/{two.pk}/mail/{mail.pk}/as").status_code == 404
    post = create_campaign(two.organisation, [two.items.first()], accounts=[practice_account]).messages.get()
    assert signed_in(sven).get(f"/sendouts/{post.campaign_id}/mail/{post.pk}/as").status_code == 404


def test_whoever_approves_can_show_it_as_others_too(two: Campaign, areas: list[Area], anna: User, bos: Client) -> None:
    aimed(two, areas[:1])
    approval.submit(two, anna)
    assert "Show as somebody who chose" in words(bos.get(f"/sendouts/{two.pk}"))


def test_the_promise_says_how_many_are_skipped(
    two: Campaign, areas: list[Area], newsletter: Newsletter, bos: Client
) -> None:
    for person, area in zip(residents(newsletter, 3), (areas[0], areas[1], areas[1]), strict=True):
        chose(person, [area])
    mail = aimed(two, areas[:1])
    first = mail.blocks.first()
    assert first is not None
    aim_block(first, Aim(frozenset({areas[0].pk})))
    page = words(bos.get(page_of(two)))
    assert "Is sent to 1 recipient" in page
    assert "2 are skipped, because no story concerns their choices." in page
    assert "Skipped, because no story concerns their choices: 2." in page


def test_more_stories_ask_no_more_questions(
    item: Item, newsletter: Newsletter, areas: list[Area], topics: list[Topic], bos: Client
) -> None:
    def asked(number: int) -> int:
        items = more_items(item.organisation, number) if number == 2 else list(Item.objects.all())
        campaign = create_campaign(item.organisation, items, newsletter=newsletter)
        aimed(campaign, areas[:1], topics)
        return questions(bos, page_of(campaign))

    few = asked(2)
    Item.objects.bulk_create(
        Item(organisation=item.organisation, title=f"Mere {n}", link=f"https://x.example.org/{n}", link_key=f"x/{n}")
        for n in range(6)
    )
    assert asked(8) == few
