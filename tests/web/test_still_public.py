"""A post that no program can delete is not said to be withdrawn before a person has deleted it; no dead ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.deliver import operations
from publisher.deliver.notice import compose
from publisher.models import Account, AuditEntry, Campaign, Delivery, Message, Notice, Operation, PostPart, User
from publisher.models.counting import move_counts
from publisher.review import approval
from publisher.review.worklist import worklist
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, OperationStatus, PartStep
from tests.review.send_outs import begin, mail_of, post_of
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database
ADDRESS = "https://www.instagram.com/p/Cx1/"


@pytest.fixture
def out(campaign: Campaign, bo: User) -> Campaign:
    """The mail is under way; the post on Instagram is public with a first comment."""
    approval.send_now(campaign, bo)
    begin(mail_of(campaign))
    begin(post_of(campaign))
    Account.objects.update(kind="instagram", name="Kulturen")
    delivery = Delivery.objects.get(message=post_of(campaign))
    Delivery.objects.filter(pk=delivery.pk).update(status=DeliveryStatus.SENT)
    PostPart.objects.update(step=PartStep.CONFIRMED, remote_id="7", permalink=ADDRESS)
    PostPart.objects.create(delivery=delivery, position=1, key="8", text="Link", step="confirmed", remote_id="8")
    Message.objects.filter(pk=post_of(campaign).pk).update(status="finished", finished_at=timezone.now())
    return Campaign.objects.get(pk=campaign.pk)


@pytest.fixture
def withdrawn(out: Campaign, path: str, bos: Client) -> Campaign:
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    return out


def test_what_stays_public_says_so_everywhere_until_a_person_has_deleted_it(
    withdrawn: Campaign, path: str, bo: User, bos: Client
) -> None:
    assert set(Operation.objects.values_list("part__position", "status")) == {(0, "failed"), (1, "failed")}
    page = bos.get(path)
    assert "Withdrawn, except Kulturen (Instagram): delete it yourself" in words(page)
    assert "Kulturen (Instagram) Instagram lets no program delete the post." in words(page)
    assert "The first comment is to go as well." in words(page) and f'href="{ADDRESS}"' in page.content.decode()
    assert "Still public" in words(page) and "It is deleted" in words(page) and "Try again" not in words(page)
    assert "Withdrawn in part" in words(bos.get("/sendouts"))
    today = bos.get("/")
    assert "Still public Åben øvelse" in words(today) and f'href="{ADDRESS}"' in today.content.decode()
    address = f"{path}/messages/{post_of(withdrawn).pk}"
    assert bos.post(address, {"do": "deleted", "next": "/"})["Location"] == "/"
    assert set(Operation.objects.values_list("status", flat=True)) == {OperationStatus.DONE}
    page = bos.get(path)
    assert "Withdrawn, except" not in words(page) and "Still public" not in words(page)
    assert "Kulturen (Instagram): said that the post is deleted" in words(page)
    said = AuditEntry.objects.filter(action="operation").latest("pk")
    assert said.user == bo and said.at is not None
    assert "Still public" not in words(bos.get("/")) and "Withdrawn in part" not in words(bos.get("/sendouts"))
    bos.post(address, {"do": "deleted"})
    assert AuditEntry.objects.filter(action="operation").count() == 1, "it is said once"


def test_those_who_approve_get_one_mail_with_the_address(withdrawn: Campaign, bo: User) -> None:
    (notice,) = Notice.objects.filter(kind="alert", user=bo)
    text = compose(notice).get_content()
    assert "” is still public on Kulturen (Instagram): Instagram lets no program delete" in text
    assert ADDRESS in text and f"/sendouts/{withdrawn.pk}" in text


def test_only_those_who_may_send_say_it(withdrawn: Campaign, path: str) -> None:
    reader = signed_in(reader_in(withdrawn.organisation))
    address = f"{path}/messages/{post_of(withdrawn).pk}"
    assert reader.post(address, {"do": "deleted"}).status_code == 403
    assert "It is deleted" not in words(reader.get(path)) and "It is deleted" not in words(reader.get("/"))


def test_what_became_public_after_the_withdrawal_is_a_persons_too(out: Campaign, path: str, bos: Client) -> None:
    PostPart.objects.update(step=PartStep.COMMITTING, remote_id="")
    Delivery.objects.filter(message=post_of(out)).update(status=DeliveryStatus.UNCERTAIN)
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    assert not Notice.objects.filter(kind="alert").exists(), "nobody knows yet whether it is public"
    PostPart.objects.update(step=PartStep.CONFIRMED, remote_id="7")
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == ["failed", "failed"]
    assert "delete it yourself" in words(bos.get(path))


def test_a_post_whose_place_nobody_knows_is_a_persons(out: Campaign, path: str, bos: Client) -> None:
    Account.objects.update(kind="practice")
    PostPart.objects.filter(position=1).delete()
    PostPart.objects.update(remote_id="", permalink="")
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    assert "Find it on the channel, and delete it there." in words(bos.get(path))


def test_what_could_not_be_taken_down_is_tried_again_or_said_to_be_deleted(
    out: Campaign, path: str, bos: Client
) -> None:
    Account.objects.update(kind="practice")
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    assert "Withdrawn; not down yet: Kulturen" in words(bos.get(path)) and "Being taken down" in words(bos.get(path))
    Operation.objects.update(status=OperationStatus.FAILED, last_error={"msgid": "Nej.", "params": {}})
    assert "Kulturen (Practice channel) Nej." in words(bos.get(path)) and "Try again" in words(bos.get(path))
    bos.post(f"{path}/messages/{post_of(out).pk}", {"do": "delete"})
    assert set(Operation.objects.values_list("status", flat=True)) == {"pending"}


def test_a_failed_post_of_a_withdrawn_send_out_needs_nobody(out: Campaign, path: str, bos: Client) -> None:
    PostPart.objects.update(step=PartStep.PREPARED, remote_id="", permalink="")
    Delivery.objects.filter(message=post_of(out)).update(status=DeliveryStatus.FAILED)
    move_counts(post_of(out).pk, 1, {DeliveryStatus.PENDING: -1, DeliveryStatus.FAILED: 1})
    assert "The post was not published." in words(bos.get(path)) and worklist(out.organisation).failed_posts
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    assert "Needs a person" not in words(bos.get(path)) and not worklist(out.organisation).failed_posts
    assert "Withdrawn" in words(bos.get(path)) and "except" not in words(bos.get(path))


def test_what_is_held_for_its_channel_is_not_promised_to_go_before_that_is_connected(
    out: Campaign, path: str, bos: Client
) -> None:
    post, later = post_of(out), timezone.now() + timedelta(minutes=5)
    held = {"status": MessageStatus.HELD, "hold_reason": HoldReason.ACCOUNT_BROKEN, "finished_at": None}
    Message.objects.filter(pk=post.pk).update(**held, scheduled_at=timezone.now())
    Delivery.objects.filter(message=post).update(status=DeliveryStatus.PENDING, due_at=later)
    Account.objects.update(status="needs_reconnect")
    page = words(bos.get(path))
    assert "Connect again" in page and "it goes out at once by itself" in page and "Send it after all" not in page
    address = f"{path}/messages/{post.pk}"
    answer = words(bos.post(address, {"do": "release"}, follow=True))
    assert "Connect the channel again first" in answer and "goes out now" not in answer
    assert post_of(out).status == MessageStatus.HELD
    Message.objects.filter(pk=post.pk).update(scheduled_at=timezone.now() - timedelta(hours=5))
    assert "Its time has passed. Once the channel is connected again, decide here" in words(bos.get(path))
    Account.objects.update(status="connected")
    assert "Send it after all" in words(bos.get(path))
    assert "goes out now" in words(bos.post(address, {"do": "release"}, follow=True))
    assert Delivery.objects.get(message=post).due_at < later, "the pause after its last try does not hold it up"
    assert post_of(out).status == MessageStatus.SENDING
