"""Two people press two buttons in the same moment, each on a connection of their own: neither gets an error page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from publisher.errors import InputError
from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter
from publisher.models.agreement import check_counts
from publisher.review import approval, control
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus
from tests.elsewhere import Elsewhere
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, send_out, soon

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def failed(item: Item, newsletter: Newsletter) -> Delivery:
    """One of three could not be sent; the rest was, and the message has finished."""
    campaign = send_out(item, newsletter)
    approval.approve(campaign, None, scheduled_at=soon())
    message = mail_of(campaign)
    freeze(message, waiting=3)
    begin(message)
    hand_over(message, DeliveryStatus.FAILED)
    hand_over(message, DeliveryStatus.SENT, 2)
    finish(message)
    return Delivery.objects.get(status=DeliveryStatus.FAILED)


def agrees() -> bool:
    return check_counts(Message.objects.get()) == []


def test_sending_again_while_it_is_cancelled_does_not_deadlock(failed: Delivery) -> None:
    """Cancelling takes the campaign, then its messages: whoever decides must not take them the other way round."""
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time cannot deadlock")
    Message.objects.update(status=MessageStatus.SENDING)
    campaign = Campaign.objects.get()
    with transaction.atomic():
        Campaign.objects.select_for_update().get()
        deciding = Elsewhere(lambda: control.decide(failed, None, "resend"))
        assert deciding.is_over(10), "it needs the message only"
        deciding.answer()
        approval.cancel(campaign, None)
    assert Message.objects.get().status == MessageStatus.CANCELLED
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.SENT, DeliveryStatus.CANCELLED}
    assert agrees()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows")
@pytest.mark.parametrize("decide", [approval.cancel, approval.undo])
def test_who_decides_on_a_campaign_locks_its_messages_in_the_order_of_everybody(
    item: Item, newsletter: Newsletter, decide: Callable[[Campaign, None], None]
) -> None:
    campaign = send_out(item, newsletter)
    approval.approve(campaign, None, scheduled_at=soon())
    with CaptureQueriesContext(connection) as queries:
        decide(campaign, None)
    [locking] = [each["sql"] for each in queries if each["sql"].endswith(" FOR NO KEY UPDATE")]
    assert 'ORDER BY "publisher_message"."id" ASC' in locking


def test_what_was_cancelled_in_that_moment_is_not_sent_again(failed: Delivery) -> None:
    with transaction.atomic():
        Message.objects.select_for_update().get()
        Campaign.objects.update(status=CampaignStatus.CANCELLED)
        deciding = Elsewhere(lambda: control.decide(failed, None, "resend"))
        deciding.is_over(0.5)
    with pytest.raises(InputError):
        deciding.answer()
    assert Message.objects.get().status == MessageStatus.FINISHED
    assert Delivery.objects.get(pk=failed.pk).status == DeliveryStatus.FAILED and agrees()


def test_a_release_and_a_cancelling_in_the_same_moment_find_one_of_the_two(failed: Delivery) -> None:
    Message.objects.update(status=MessageStatus.HELD)
    held = Message.objects.get()
    with transaction.atomic():
        control.release(held, None)
        cancelling = Elsewhere(lambda: control.cancel_message(Message.objects.get(), None))
        cancelling.is_over(0.5)
    cancelling.answer()
    assert Message.objects.get().status == MessageStatus.CANCELLED and agrees()


@pytest.mark.parametrize("outlet", ["newsletter", "account"])
def test_two_send_outs_of_one_item_approved_in_the_same_moment_are_one(
    item: Item, newsletter: Newsletter, practice_account: Account, outlet: str
) -> None:
    """The second is asked about like one that came a minute later."""
    where = (newsletter,) if outlet == "newsletter" else (None, practice_account)
    first, second = send_out(item, *where), send_out(item, *where)
    with transaction.atomic():
        approval.approve(first, None, scheduled_at=soon())
        approving = Elsewhere(lambda: approval.approve(second, None, scheduled_at=soon()))
        assert not approving.is_over(0.5)
    with pytest.raises(InputError, match=item.title[:12]):
        approving.answer()
    assert list(Campaign.objects.filter(status=CampaignStatus.APPROVED)) == [first]
    assert set(Message.objects.values_list("campaign", "status")) == {
        (first.pk, MessageStatus.SCHEDULED), (second.pk, MessageStatus.DRAFT),
    }  # fmt: skip
