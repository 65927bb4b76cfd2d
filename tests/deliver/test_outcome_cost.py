"""What an outcome leaves alone, and what the indexes of deliveries keep apart: rows in nobody's hands."""

from __future__ import annotations

import time
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from publisher.deliver import claim, finish, outcome
from publisher.deliver.turns import anything_due
from publisher.errors import TransientError
from publisher.models import UNSETTLED, Delivery, Message, Newsletter
from publisher.review.withdraw import cancel_leftovers
from publisher.vocabulary import DeliveryStatus, MessageStatus, Reason
from tests.audience_factory import ready_mail, residents

pytestmark = pytest.mark.database

_UPDATED = """
SELECT pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_hot_updated(c.oid)
FROM pg_class c WHERE c.oid = 'publisher_delivery'::regclass
"""


def taken(message: Message, limit: int = 500) -> tuple[uuid.UUID, list[int]]:
    claim_id = uuid.uuid4()
    found = claim.take(message, claim_id, claim.Taker(uuid.uuid4(), 1, "x.journal"), limit, timezone.now())
    return claim_id, [each.delivery_id for each in found.in_hand]


def updated() -> tuple[int, int]:
    """How many rows of deliveries were ever changed, and how many of them beside the row, no index touched."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_UPDATED)
        changed, beside = cursor.fetchone()
    return changed, beside


def sent(message: Message, claim_id: uuid.UUID, rows: list[int]) -> int:
    accepted = [outcome.Sent(pk, 250, time.time_ns()) for pk in rows]
    return outcome.store(claim_id, message.pk, 1, accepted, was=DeliveryStatus.SENDING)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite changes a row where it stands")
@pytest.mark.django_db(transaction=True)
def test_accepted_mails_are_noted_beside_the_row_and_no_index_is_touched(newsletter: Newsletter) -> None:
    residents(newsletter, 1200)
    message = ready_mail(newsletter)
    noted = beside = 0
    while (claimed := taken(message))[1]:
        before = updated()
        noted += sent(message, *claimed)
        beside += updated()[1] - before[1]
    assert noted == 1200 and beside > 900, "here and there a page is full"


def test_the_instant_of_an_outcome_is_right_to_the_microsecond(newsletter: Newsletter) -> None:
    residents(newsletter, 1)
    message = ready_mail(newsletter)
    claim_id, [pk] = taken(message)
    accepted = [outcome.Sent(pk, 250, 1_790_000_000_123_457_000)]
    assert outcome.store(claim_id, message.pk, 1, accepted, was=DeliveryStatus.SENDING) == 1
    row = Delivery.objects.get(pk=pk)
    assert row.sent_at == row.first_started_at and row.sent_at is not None
    assert row.sent_at.microsecond in (123_456, 123_457) and int(row.sent_at.timestamp()) == 1_790_000_000


def test_what_waits_again_is_in_nobodys_hands_and_is_found(newsletter: Newsletter) -> None:
    residents(newsletter, 2)
    message = ready_mail(newsletter)
    claim_id, [first, second] = taken(message)
    now = timezone.now()
    back = [outcome.handed_back(first, now), outcome.of_error(second, TransientError("wait"), 0, now)]
    assert outcome.store(claim_id, message.pk, 1, back, was=DeliveryStatus.SENDING) == 2
    assert message.deliveries.filter(UNSETTLED, claim_id=None).count() == 2
    assert anything_due(now) and taken(message)[1] == [first]


def test_the_words_about_somebody_who_was_erased_are_forgotten_also_when_it_is_tried_again(
    newsletter: Newsletter,
) -> None:
    residents(newsletter, 1)
    message = ready_mail(newsletter)
    claim_id, [pk] = taken(message)
    Delivery.objects.filter(pk=pk).update(subscriber=None, subscription=None)
    again = outcome.of_error(pk, TransientError("<beboer1@example.org> is busy"), 0, timezone.now())
    assert outcome.store(claim_id, message.pk, 1, [again], was=DeliveryStatus.SENDING) == 1
    row = Delivery.objects.get(pk=pk)
    assert (row.status, row.last_error, row.domain, row.claim_id) == ("pending", {}, "", None)


@pytest.mark.parametrize("fault", [{"claim_id": uuid.UUID(int=1)}, {"reason": Reason.BUSY}])
def test_the_database_refuses_to_let_a_row_wait_where_no_claim_would_look(
    newsletter: Newsletter, fault: dict[str, object]
) -> None:
    residents(newsletter, 1)
    message = ready_mail(newsletter)
    with pytest.raises(IntegrityError), transaction.atomic():
        message.deliveries.update(**fault)


def test_a_mail_in_hand_keeps_its_message_open_and_one_with_its_outcome_does_not(newsletter: Newsletter) -> None:
    residents(newsletter, 2)
    message = ready_mail(newsletter)
    first, second = taken(message, 1), taken(message, 1)
    assert finish.to_finish() == []
    assert sent(message, *first) == 1 and finish.to_finish() == []
    assert not finish.finish(message.pk, timezone.now())
    assert sent(message, *second) == 1 and finish.to_finish() == [message.pk]
    assert finish.finish(message.pk, timezone.now())


def test_what_is_called_off_says_so_and_leaves_the_index_of_what_waits(newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.CANCELLED, started_at=timezone.now())
    assert cancel_leftovers(timezone.now()) == 3
    found = list(message.deliveries.values_list("status", "reason", "claim_id"))
    assert found == [(DeliveryStatus.CANCELLED, Reason.CALLED_OFF, None)] * 3
