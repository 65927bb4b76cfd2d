"""Wrong posts at any point of their way: planned, in a worker's hands, unconfirmed, being changed, withdrawn."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.deliver import operations, post, reconcile
from publisher.deliver.claim import may_go_on
from publisher.errors import InputError
from publisher.models import Account, Campaign, Delivery, Message, Operation, PostPart
from publisher.review import afterwards, asking
from publisher.review.afterwards import Wish, carry_through
from publisher.review.approval import approve
from publisher.review.control import decide
from publisher.review.outs import outs
from publisher.schedule import dispatch
from publisher.vocabulary import DeliveryStatus, MessageStatus, OperationStatus, Outlet
from tests.contract.mastodon import MastodonServer
from tests.deliver.changing import EDIT, campaign_of, corrected, published, withdraw, withdrawn
from tests.deliver.posting import CREATE, begun, during, scheduled

pytestmark = pytest.mark.database
__all__ = ["published"]


def test_what_a_worker_had_in_hand_at_the_withdrawal_is_taken_down_once_it_is_public(
    account: Account, server: MastodonServer
) -> None:
    delivery = begun(scheduled(account))
    with during(server, CREATE, lambda: withdraw(delivery.parts.get())):
        post.publish(delivery.pk)
    assert len(server.posts()) == 1
    assert asking.take_down_late(timezone.now()) == 0, "the withdrawal itself has asked for it"
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert server.posts() == []


def test_an_unconfirmed_post_of_a_withdrawn_send_out_is_taken_down_once_it_is_found(
    account: Account, server: MastodonServer
) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("commit_then_drop", on=CREATE)
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    withdraw(delivery.parts.get())
    assert operations.to_carry_out(timezone.now()) == []
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert server.posts() == [] and asking.take_down_late(timezone.now()) == 0


def test_a_part_that_the_withdrawal_did_not_know_of_is_taken_down(published: PostPart, server: MastodonServer) -> None:
    withdraw(published)
    Operation.objects.all().delete()
    assert asking.take_down_late(timezone.now()) == 1
    assert asking.take_down_late(timezone.now()) == 0


@pytest.mark.parametrize("down", [False, True])
def test_a_correction_reaches_an_unconfirmed_post_once_it_is_found(
    account: Account, server: MastodonServer, down: bool
) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("commit_then_drop", on=CREATE)
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    message = delivery.message
    wish = (
        Wish("Forkert.", down=frozenset({message.pk}))
        if down
        else Wish("Forkert.", texts={delivery.parts.get().pk: "Rettet"})
    )
    carry_through(message.campaign, wish, None)
    assert operations.carry_out(Operation.objects.get().pk) is None, "nobody knows where it is"
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert [each.text.split()[0] for each in server.posts()] == ([] if down else ["Rettet"])


def test_a_correction_reaches_what_a_worker_had_in_hand(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    wish = Wish("Forkert.", texts={delivery.parts.get().pk: "Rettet"})
    with during(server, CREATE, lambda: carry_through(delivery.message.campaign, wish, None)):
        assert post.publish(delivery.pk) == DeliveryStatus.SENT
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert server.posts()[0].text.startswith("Rettet")


def test_what_never_became_public_has_no_change_to_be_made(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read", on=CREATE)
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    withdraw(delivery.parts.get())
    assert len(afterwards.operations_of(delivery.message.campaign)) == 1
    delivery.refresh_from_db()
    decide(delivery, None, "failed")
    assert afterwards.operations_of(delivery.message.campaign) == []
    assert operations.to_carry_out(timezone.now()) == []


def test_what_was_out_before_is_asked_for_by_the_withdrawal_alone(published: PostPart) -> None:
    withdraw(published)
    Operation.objects.all().delete()
    PostPart.objects.update(published_at=timezone.now() - timedelta(hours=1))
    assert asking.take_down_late(timezone.now()) == 0


@pytest.mark.parametrize("status", [OperationStatus.PENDING, OperationStatus.UNCERTAIN, OperationStatus.FAILED])
def test_a_withdrawal_takes_the_place_of_a_change_that_did_not_go_through(
    published: PostPart, server: MastodonServer, status: OperationStatus
) -> None:
    first = corrected(published)
    Operation.objects.filter(pk=first.pk).update(status=status, begun_at=timezone.now(), attempts=2)
    second = withdrawn(published)
    first.refresh_from_db()
    assert first.status == OperationStatus.CANCELLED and second.kind == "delete"
    with pytest.raises(InputError):
        afterwards.try_again(first, None)
    assert operations.carry_out(second.pk) == OperationStatus.DONE and server.posts() == []


def test_a_withdrawal_follows_a_change_that_a_worker_has_in_hand(published: PostPart, server: MastodonServer) -> None:
    first = corrected(published)
    with during(server, f"{EDIT}/{published.remote_id}", lambda: withdraw(published)):
        assert operations.carry_out(first.pk) == OperationStatus.DONE
    assert campaign_of(published).messages.get().withdrawn_at and Operation.objects.count() == 1
    assert asking.take_down_late(timezone.now()) == 1
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert server.posts() == [] and asking.take_down_late(timezone.now()) == 0


def test_what_is_withdrawn_is_neither_corrected_nor_withdrawn_again(
    published: PostPart, server: MastodonServer
) -> None:
    taken_down = withdrawn(published)
    for again in (corrected, withdraw):
        with pytest.raises(InputError) as found:
            again(published)
        assert "withdrawn already" in found.value.explanation.msgid
    assert operations.carry_out(taken_down.pk) == OperationStatus.DONE and server.posts() == []


def test_a_correction_does_not_stop_a_post_from_coming_down(published: PostPart) -> None:
    assert asking.take_down(published.delivery.message, None, timezone.now())
    carry_through(campaign_of(published), Wish("Forkert.", texts={published.pk: "Nyt"}), None)
    assert list(Operation.objects.values_list("kind", "status")) == [("delete", "pending")]


def test_an_old_change_is_not_tried_again_over_a_newer_one(published: PostPart, server: MastodonServer) -> None:
    old = corrected(published, "Gammel")
    Operation.objects.filter(pk=old.pk).update(status=OperationStatus.DONE)
    new = corrected(published, "Ny")
    Operation.objects.filter(pk=old.pk).update(status=OperationStatus.FAILED)
    for _state in ("waiting", "made"):
        old.refresh_from_db()
        with pytest.raises(InputError) as found:
            afterwards.try_again(old, None)
        assert "newer change" in found.value.explanation.msgid
        operations.carry_out(new.pk)
    assert server.posts()[0].text.startswith("Ny")


def test_what_waits_is_stopped(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    carry_through(delivery.message.campaign, Wish("Forkert.", withdraw=True), None)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.CANCELLED and post.publish(delivery.pk) is None
    assert Delivery.objects.count() == 1 and not Operation.objects.exists() and server.posts() == []


def two_channels(account: Account) -> tuple[Message, Message]:
    """A post that is out, and one on another channel that is planned for tomorrow."""
    other = Account.objects.create(organisation=account.organisation, kind="practice", name="Senere", handle="@senere")
    campaign = Campaign.objects.create(organisation=account.organisation, title="To kanaler")
    first = Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text="Nu")
    tomorrow = timezone.now() + timedelta(hours=20)
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=other, text="I morgen", scheduled_at=tomorrow)
    approve(campaign, None, scheduled_at=timezone.now())
    begun(Delivery.objects.get(message=first))
    post.publish(Delivery.objects.get(message=first).pk)
    return first, Message.objects.get(account=other)


@pytest.mark.parametrize("withdraws", [True, False])
@pytest.mark.parametrize("status", [MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD])
def test_what_was_planned_for_later_or_held_does_not_go_out(account: Account, withdraws: bool, status: str) -> None:
    first, later = two_channels(account)
    Message.objects.filter(pk=later.pk).update(status=status)
    assert [out.is_planned for out in outs(first.campaign)] == [False, True]
    carry_through(first.campaign, Wish("Forkert.", withdraw=withdraws), None)
    later.refresh_from_db()
    assert later.status == MessageStatus.CANCELLED
    assert later.pk not in dispatch.to_start(timezone.now() + timedelta(hours=21))


def test_a_send_out_of_which_nothing_has_begun_has_nothing_to_correct(account: Account) -> None:
    planned = scheduled(account, timezone.now() + timedelta(hours=2))
    assert outs(planned.message.campaign) == []


def test_what_was_withdrawn_is_not_sent_again(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read", on=CREATE)
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    Message.objects.update(status=MessageStatus.FINISHED)
    withdraw(delivery.parts.get())
    delivery.refresh_from_db()
    with pytest.raises(InputError) as found:
        decide(delivery, None, "resend")
    assert "It was withdrawn" in found.value.explanation.msgid
    # However it came to wait again, it is not published.
    Message.objects.update(status=MessageStatus.SENDING)
    Delivery.objects.update(status=DeliveryStatus.PENDING, due_at=timezone.now(), claim_id=None, reason="")
    assert post.to_publish(timezone.now()) == [] and post.publish(delivery.pk) is None
    assert not may_go_on(Message.objects.get()) and server.posts() == []


def test_each_part_of_a_thread_gets_its_own_new_text(account: Account, server: MastodonServer) -> None:
    campaign = Campaign.objects.create(organisation=account.organisation, title="Tråd")
    message = Message.objects.create(
        campaign=campaign, outlet=Outlet.POST, account=account, text="Et", follow_ups=["To forkert", "Tre"]
    )
    approve(campaign, None, scheduled_at=timezone.now())
    assert post.publish(begun(Delivery.objects.get(message=message)).pk) == DeliveryStatus.SENT
    wrong = PostPart.objects.get(position=1)
    carry_through(campaign, Wish("Forkert.", texts={wrong.pk: "To rettet"}), None)
    assert [operations.carry_out(pk) for pk in operations.to_carry_out(timezone.now())] == [OperationStatus.DONE]
    assert [each.text for each in server.posts()] == ["Et", "To rettet", "Tre"]
    with pytest.raises(InputError, match="600"):
        carry_through(campaign, Wish("Forkert.", texts={wrong.pk: "ø" * 600}), None)
