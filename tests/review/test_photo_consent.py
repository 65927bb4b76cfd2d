"""Photo consent: told once before it ends; withdrawn, the picture leaves all that has not gone out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from publisher.access.audit import timeline
from publisher.compose.draft_pictures import add_pictures, change_picture
from publisher.compose.preflight import checks
from publisher.compose.social import published
from publisher.errors import InputError, TransitionError
from publisher.items.pictures import store_picture
from publisher.models import (
    Account,
    Block,
    Campaign,
    CompiledMail,
    Delivery,
    DeliveryCount,
    Item,
    Message,
    Newsletter,
    Notice,
    Operation,
    Organisation,
    Picture,
    PostPart,
    PostPicture,
    User,
)
from publisher.review import approval
from publisher.review.photo_consent import (
    campaigns_with,
    deleted_by_hand,
    posts_to_delete,
    tell_of_ending,
    withdraw_consent,
)
from publisher.review.worklist import worklist
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, OperationKind, OperationStatus, PartStep
from tests.items.website import drawing
from tests.review.send_outs import begin, mail_of, post_of, send_out, soon

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shot(item: Item) -> Picture:
    """The item's picture."""
    item.picture = store_picture(item.organisation, drawing(), alt="To i samtale", caption="På torvet", credit="Åse")
    item.save()
    return item.picture


@pytest.fixture
def campaign(shot: Picture, item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A draft with a mail and a post that show it."""
    return send_out(item, newsletter, practice_account)


def publish(post: Message) -> PostPart:
    """The post is public."""
    begin(post)
    Message.objects.filter(pk=post.pk).update(status=MessageStatus.FINISHED, finished_at=timezone.now())
    Delivery.objects.filter(message=post).update(status=DeliveryStatus.SENT, sent_at=timezone.now())
    part = PostPart.objects.get(delivery__message=post)
    part.step, part.permalink = PartStep.CONFIRMED, "https://m.example.org/@x/1"
    part.save()
    return part


def shown() -> int:
    """How many parts of send-outs show a picture."""
    return Block.objects.exclude(picture=None).count() + PostPicture.objects.count()


def told() -> set[tuple[str, str]]:
    """Who was told what."""
    return {(str(notice.user), notice.explanation["msgid"]) for notice in Notice.objects.all()}


def test_it_leaves_news_and_drafts(campaign: Campaign, item: Item, shot: Picture, anna: User, bo: User) -> None:
    assert [each.pk for each in campaigns_with(shot)] == [campaign.pk]
    withdraw_consent(shot, anna)
    item.refresh_from_db()
    assert item.picture is None
    assert "taken out" in item.picture_error["msgid"]
    assert shown() == 0
    block = Block.objects.get()
    assert [block.content[name] for name in ("alt", "caption", "credit")] == ["", "", ""]
    stored = Campaign.objects.get()
    assert (stored.status, stored.revision) == (CampaignStatus.DRAFT, campaign.revision + 1)
    assert told() == set()
    assert [entry.action for entry in timeline(shot)] == ["consent_withdrawn"]
    assert timeline(campaign)[-1].action == "picture_taken_out"
    assert not list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))
    assert [check for check in checks(stored) if check.level == "error"] == []


def test_its_public_address_is_gone(campaign: Campaign, shot: Picture, anna: User, client: Client) -> None:
    address = f"/media/{shot.sha256}/600.jpg"
    assert client.get(address).status_code == 200
    withdraw_consent(shot, anna)
    response = client.get(address)
    assert (response.status_code, response.content) == (410, b"")


@pytest.mark.parametrize("approved", [False, True])
def test_what_is_planned_or_in_review_is_a_draft_again(
    campaign: Campaign, shot: Picture, anna: User, bo: User, olga: User, approved: bool
) -> None:
    if approved:
        approval.approve(campaign, bo, scheduled_at=soon())
    else:
        approval.submit(campaign, anna)
    Notice.objects.all().delete()
    withdraw_consent(shot, bo)
    stored = Campaign.objects.get()
    assert (stored.status, shown()) == (CampaignStatus.DRAFT, 0)
    assert set(Message.objects.values_list("status", flat=True)) == {MessageStatus.DRAFT}
    assert not Delivery.objects.exists()
    assert not DeliveryCount.objects.exists()
    assert {who for who, _words in told()} == {"Olga"}
    assert all("is a draft again" in words for _who, words in told())
    # Whoever had the page open cannot approve what it showed.
    with pytest.raises((InputError, TransitionError)):
        approval.approve(campaign, bo, scheduled_at=soon())


def test_what_has_partly_gone_out_waits_without_it(campaign: Campaign, shot: Picture, bo: User, olga: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(mail_of(campaign))
    part = PostPart.objects.get()
    PostPart.objects.update(step=PartStep.PREPARED, prepared={"media_ids": ["1"]}, prepared_at=timezone.now())
    withdraw_consent(shot, bo)
    post, mail = post_of(campaign), mail_of(campaign)
    assert (post.status, post.pictures.exists()) == (MessageStatus.PAUSED, False)
    part.refresh_from_db()
    assert (part.step, part.prepared) == (PartStep.WAITING, {})
    assert (mail.status, mail.blocks.get().picture) == (MessageStatus.SENDING, shot)
    assert Campaign.objects.get().status == CampaignStatus.APPROVED
    assert {who for who, _words in told()} == {"Olga"}
    assert all("is paused" in words for _who, words in told())


def test_a_mail_that_waits_forgets_what_was_made_of_it(campaign: Campaign, shot: Picture, bo: User) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    publish(post_of(campaign))
    mail = mail_of(campaign)
    CompiledMail.objects.create(message=mail, segments=[])
    Message.objects.filter(pk=mail.pk).update(frozen_at=timezone.now(), frozen_count=0, composed_html="x")
    withdraw_consent(shot, bo)
    mail.refresh_from_db()
    assert (mail.status, mail.frozen_at, mail.composed_html) == (MessageStatus.PAUSED, None, "")
    assert mail.blocks.get().picture is None
    assert not CompiledMail.objects.exists()


def test_public_posts_are_listed_until_somebody_has_deleted_them(
    campaign: Campaign, shot: Picture, anna: User, bo: User, sven: User, elsewhere: Organisation
) -> None:
    organisation = campaign.organisation
    approval.approve(campaign, bo, scheduled_at=soon())
    publish(post_of(campaign))
    assert not posts_to_delete(organisation).exists()
    withdraw_consent(shot, anna)
    (post,) = posts_to_delete(organisation)
    assert (post.message, post.picture) == (post_of(campaign), shot)
    assert (worklist(organisation).to_delete, len(worklist(organisation))) == (1, 1)
    assert not posts_to_delete(elsewhere).exists()
    with pytest.raises(PermissionDenied):
        deleted_by_hand(post, sven)
    deleted_by_hand(post, anna)
    deleted_by_hand(post, anna)
    assert not posts_to_delete(organisation).exists()
    assert [entry.action for entry in timeline(campaign)].count("picture_deleted") == 1


def test_a_public_post_is_taken_down_where_its_channel_can(
    campaign: Campaign, shot: Picture, anna: User, bo: User
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    part = publish(post_of(campaign))
    PostPart.objects.filter(pk=part.pk).update(remote_id="1")
    withdraw_consent(shot, anna)
    operation = Operation.objects.get()
    assert (operation.part, operation.kind, operation.status) == (part, OperationKind.DELETE, OperationStatus.PENDING)
    assert operation.due_at <= timezone.now()
    assert not posts_to_delete(campaign.organisation).exists()
    # What could not be taken down is a person's again.
    Operation.objects.update(status=OperationStatus.FAILED)
    assert [post.message_id for post in posts_to_delete(campaign.organisation)] == [part.delivery.message_id]


def test_of_several_pictures_only_the_withdrawn_one_leaves(
    campaign: Campaign, shot: Picture, bo: User, anna: User, olga: User
) -> None:
    others = [store_picture(shot.organisation, drawing(700 + n), alt=f"Billede {n}") for n in range(5)]
    add_pictures([post_of(campaign)], others)
    campaign.refresh_from_db()
    approval.approve(campaign, bo, scheduled_at=soon())
    begin(mail_of(campaign))
    withdraw_consent(others[4], anna)
    assert post_of(campaign).status == MessageStatus.SCHEDULED, "the fifth was not to be shown"
    withdraw_consent(others[0], anna)
    post = post_of(campaign)
    assert post.status == MessageStatus.PAUSED
    assert [each.alt for each in published(post).pictures] == ["To i samtale", "Billede 1", "Billede 2"]


def test_each_withdrawn_picture_of_a_public_post_is_deleted_by_hand(
    campaign: Campaign, shot: Picture, anna: User, bo: User
) -> None:
    others = [store_picture(shot.organisation, drawing(700 + n), alt=f"Billede {n}") for n in range(5)]
    add_pictures([post_of(campaign)], others)
    campaign.refresh_from_db()
    organisation = campaign.organisation
    approval.approve(campaign, bo, scheduled_at=soon())
    publish(post_of(campaign))
    for picture in (others[0], others[1], others[4]):
        withdraw_consent(picture, anna)
    rows = list(posts_to_delete(organisation))
    assert [each.picture for each in rows] == others[:2] and worklist(organisation).to_delete == 1
    deleted_by_hand(rows[0], anna)
    assert [each.picture for each in posts_to_delete(organisation)] == others[1:2]


def test_it_is_withdrawn_once_and_only_by_those_who_may(shot: Picture, anna: User, sven: User) -> None:
    with pytest.raises(PermissionDenied):
        withdraw_consent(shot, sven)
    other_page = Picture.objects.get(pk=shot.pk)
    withdraw_consent(shot, anna)
    with pytest.raises(InputError):
        withdraw_consent(other_page, anna)


def test_who_dies_before_the_files_are_gone_leaves_them_to_the_next_look(shot: Picture) -> None:
    Picture.objects.update(withdrawn_at=timezone.now())
    assert list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))
    tell_of_ending(timezone.now())
    assert not list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))


def test_administrators_are_told_once_for_each_day(shot: Picture, anna: User, bo: User, olga: User, sven: User) -> None:
    now, today = timezone.now(), timezone.localdate()
    Picture.objects.update(consent_until=today + timedelta(days=31), consent_by="Åse")
    assert tell_of_ending(now) == 0
    assert [tell_of_ending(now + timedelta(days=2)) for _ in range(3)] == [1, 0, 0]
    (notice,) = Notice.objects.all()
    assert (notice.user, notice.subject_kind, notice.subject_id) == (olga, "picture", shot.pk)
    assert notice.explanation["params"] == {"who": "Åse", "day": f"{today + timedelta(days=31):%d.%m.%Y}"}
    # Renewed, and ending again.
    Picture.objects.update(consent_until=today + timedelta(days=400))
    assert [tell_of_ending(now), tell_of_ending(now + timedelta(days=390))] == [0, 1]


def test_several_are_told_of_together(shot: Picture, olga: User) -> None:
    store_picture(shot.organisation, drawing(650))
    Picture.objects.update(consent_until=timezone.localdate())
    assert tell_of_ending(timezone.now()) == 2
    assert Notice.objects.get().explanation["params"]["number"] == "2"


def test_a_draft_takes_another_picture_everywhere(campaign: Campaign, shot: Picture) -> None:
    other = store_picture(shot.organisation, drawing(700), alt="En bro", credit="Bo")
    change_picture(campaign, shot, other)
    block, post = Block.objects.get(), post_of(campaign)
    assert (block.picture, block.content["alt"], block.content["caption"]) == (other, "En bro", "")
    assert [(each.picture, each.alt) for each in post.pictures.all()] == [(other, "En bro")]
    change_picture(campaign, other, None)
    assert shown() == 0
    change_picture(campaign, None, shot)
    assert shown() == 2
    Picture.objects.update(withdrawn_at=timezone.now())
    other.refresh_from_db()
    with pytest.raises(InputError) as withdrawn:
        change_picture(campaign, shot, other)
    assert withdrawn.value.reason == "picture_withdrawn"
    Campaign.objects.update(status=CampaignStatus.APPROVED)
    with pytest.raises(InputError) as too_late:
        change_picture(campaign, shot, None)
    assert too_late.value.explanation.msgid.startswith("Only a draft")
    assert shown() == 2
