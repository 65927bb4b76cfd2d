"""The pictures of a post: their order, those that a channel shows, and what every change of them leaves alone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.compose.draft_pictures import Move, add_pictures, arrange, change_picture, follow
from publisher.compose.post_pictures import give_pictures, pictures_of, settle, unsettle
from publisher.compose.preflight import checks
from publisher.compose.renewing import take_new_words
from publisher.compose.social import length, post_of, published
from publisher.errors import InputError
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, CampaignItem, Item, Message, Organisation, Picture, PostPicture
from publisher.vocabulary import CampaignStatus
from tests.compose.conftest import ALT, picture_of
from tests.items.by_hand import edit
from tests.review.send_outs import mail_of

pytestmark = pytest.mark.database


@pytest.fixture
def album(secretariat: Organisation, post: Message) -> list[Picture]:
    """Six pictures that the post shows."""
    album = [store_picture(secretariat, picture_of(400 + n, 300), alt=f"Billede {n}") for n in range(1, 7)]
    give_pictures(post, [(each, each.alt) for each in album])
    return album


def alts(post: Message) -> list[str]:
    """What is stored, in order."""
    return [each.alt for each in PostPicture.objects.filter(message=post)]


def numbers(post: Message) -> str:
    """The same, in short."""
    return "".join(alt[-1] for alt in alts(post))


def found(campaign: Campaign) -> list[tuple[str, str]]:
    """What the checks find in the post."""
    with translation.override("en"):
        return [(each.level, str(each.explanation)) for each in checks(campaign) if each.message != mail_of(campaign)]


def test_the_first_that_a_channel_takes_go_out_in_their_order(campaign: Campaign, post: Message, album: object) -> None:
    assert [each.alt for each in post_of(post, key="k").pictures] == [f"Billede {n}" for n in (1, 2, 3, 4)]
    assert [each.alt for each in published(post).pictures] == [f"Billede {n}" for n in (1, 2, 3, 4)]
    assert found(campaign) == [("warning", "Practice channel shows the first 4 of the 6 pictures.")]


def test_pictures_are_read_in_one_statement_however_many(post: Message, album: object) -> None:
    def statements() -> int:
        fresh = Message.objects.select_related("campaign", "account__organisation").get(pk=post.pk)
        with CaptureQueriesContext(connection) as asked:
            post_of(fresh, key="k")
        return len(asked)

    many = statements()
    give_pictures(post, [(each.picture, each.alt) for each in pictures_of(post)[:1]])
    assert statements() == many


def test_approval_settles_which_of_them_go_out(post: Message, album: list[Picture]) -> None:
    settle(post, 4)
    post.frozen_at = timezone.now()
    post.save()
    PostPicture.objects.filter(message=post, picture=album[1]).delete()
    stored = Message.objects.get(pk=post.pk)
    assert [each.alt[-1] for each in published(stored).pictures] == ["1", "3", "4"], "the fifth was approved by nobody"
    unsettle([post.pk])
    Message.objects.update(frozen_at=None)
    stored = Message.objects.get(pk=post.pk)
    assert [each.alt[-1] for each in published(stored).pictures] == ["1", "3", "4", "5"]


def test_each_that_goes_out_must_be_described(campaign: Campaign, post: Message, album: list[Picture]) -> None:
    PostPicture.objects.filter(picture__in=[album[2], album[5]]).update(alt=" ")
    PostPicture.objects.filter(picture=album[3]).update(alt="x" * 1501)
    assert [words for level, words in found(campaign) if level == "error"] == [
        f"Picture 3 of “{campaign.title}” has no description for those who cannot see it.",
        "The description of picture 4 is 1501 characters long; this channel takes 1500. Shorten it.",
    ]


def test_descriptions_that_stand_in_the_text_all_count(post: Message, album: object, secretariat: Organisation) -> None:
    post.account = Account.objects.create(
        organisation=secretariat, kind="telegram", name="Kultur", facts={"alt_in_caption": True}
    )
    post.text, post.link = "Kom og hør", ""
    lines = "\n".join(f"Billede: Billede {n}" for n in range(1, 7))
    assert published(post).text == f"Kom og hør\n\n{lines}"
    assert length(post) == (len(published(post).text), 1024)


def test_they_are_added_moved_and_taken_out(campaign: Campaign, post: Message, album: list[Picture]) -> None:
    one, two, three, *_others = album
    revision = campaign.revision
    for picture, move, order in (
        (three, Move.UP, "132456"), (three, Move.UP, "312456"), (three, Move.UP, "312456"),
        (two, Move.FIRST, "231456"), (one, Move.OUT, "23456"), (one, Move.OUT, "23456"),
    ):  # fmt: skip
        arrange([post], picture, move)
        assert numbers(post) == order
    add_pictures([post], [one, two])
    assert numbers(post) == "234561"
    campaign.refresh_from_db()
    assert campaign.revision == revision + 5, "once for each change, and for nothing else"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Move))), max_size=8))
def test_whatever_is_moved_none_is_lost_or_doubled(
    post: Message, album: list[Picture], steps: list[tuple[int, Move]]
) -> None:
    give_pictures(post, [(each, each.alt) for each in album])
    out = set()
    for place, move in steps:
        arrange([post], album[place], move)
        out |= {album[place].pk} if move == Move.OUT else set()
    rows = list(PostPicture.objects.filter(message=post))
    assert [row.position for row in rows] == sorted(row.position for row in rows)
    assert sorted(row.picture_id for row in rows) == sorted(each.pk for each in album if each.pk not in out)
    assert all(row.alt == row.picture.alt for row in rows)


def test_only_drafts_are_changed_and_no_withdrawn_picture_is_added(post: Message, album: list[Picture]) -> None:
    Picture.objects.filter(pk=album[0].pk).update(withdrawn_at=timezone.now())
    album[0].refresh_from_db()
    give_pictures(post, [(album[1], "x")])
    with pytest.raises(InputError):
        add_pictures([post], [album[0]])
    Campaign.objects.update(status=CampaignStatus.APPROVED)
    for change in (
        lambda: add_pictures([post], [album[2]]),
        lambda: arrange([post], album[1], Move.OUT),
        lambda: change_picture(post.campaign, album[1], album[3]),
    ):
        with pytest.raises(InputError):
            change()
    assert alts(post) == ["x"]


def test_one_channel_may_show_others_and_follow_again(post: Message, album: list[Picture]) -> None:
    other = Message.objects.create(
        campaign=post.campaign, outlet="post", account=Account.objects.create(
            organisation=post.campaign.organisation, kind="mastodon", name="Kultur"
        ),
    )  # fmt: skip
    add_pictures([other], album[:2])
    assert (numbers(other), numbers(post)) == ("12", "123456")
    follow(other, post)
    assert numbers(other) == "123456"


def test_another_picture_takes_the_place_of_the_one_before(post: Message, album: list[Picture]) -> None:
    change_picture(post.campaign, album[1], album[4])
    assert numbers(post) == "15346", "one that is there already moves there"
    change_picture(post.campaign, album[4], None)
    assert numbers(post) == "1346"


def test_the_news_items_new_picture_leaves_the_others(
    post: Message, campaign: Campaign, lead_item: Item, album: list[Picture]
) -> None:
    new = store_picture(campaign.organisation, picture_of(700, 500), alt="Nyt billede 9")
    first = lead_item.picture
    assert first is not None
    give_pictures(post, [(album[0], "Billede 1"), (first, ALT), (album[2], "Billede 3")])
    edit(lead_item, picture=new)
    take_new_words(CampaignItem.objects.select_related("campaign").get(campaign=campaign, item=lead_item))
    assert numbers(post) == "193"
    edit(lead_item, picture=None)
    take_new_words(CampaignItem.objects.select_related("campaign").get(campaign=campaign, item=lead_item))
    assert numbers(post) == "13"
