"""Live figures: whatever moves in whatever order, they say what the rows say; and where they do not, it is seen."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.life_cycles import DELIVERY_TRANSITIONS
from publisher.models import Delivery, DeliveryCount, Item, Message, Newsletter, Notice, User
from publisher.models.agreement import check_counts
from publisher.models.counting import move_counts
from publisher.review import control
from publisher.track.counters import check_recent, figures
from publisher.vocabulary import DeliveryStatus
from tests.claiming import statuses
from tests.review.send_outs import freeze, mail_of, outcome, send_out

pytestmark = pytest.mark.database

MOVES = sorted((old, new) for old, news in DELIVERY_TRANSITIONS.items() for new in news)


@pytest.fixture
def mail(item: Item, newsletter: Newsletter) -> Message:
    """A mail, not frozen yet."""
    return mail_of(send_out(item, newsletter))


def test_before_the_freeze_all_is_nought(mail: Message) -> None:
    assert set(figures(mail).values()) == {0}
    assert list(figures(mail)) == DeliveryStatus.values
    assert check_counts(mail) == []


def test_additions_from_several_lanes_sum_up(mail: Message) -> None:
    move_counts(mail.pk, 0, {"pending": 10})
    move_counts(mail.pk, 1, {"pending": -4, "sent": 4})
    move_counts(mail.pk, 2, {"pending": -3, "sent": 2, "failed": 1})
    move_counts(mail.pk, 1, {"sent": 1, "pending": -1})
    shown = {status: number for status, number in figures(mail).items() if number}
    assert shown == {"pending": 2, "sent": 7, "failed": 1}
    assert DeliveryCount.objects.get(message=mail, lane=1, status="sent").count == 5


def test_nothing_moved_writes_nothing(mail: Message) -> None:
    move_counts(mail.pk, 1, {})
    move_counts(mail.pk, 1, {"sent": 0})
    assert not DeliveryCount.objects.exists()


def test_figures_are_the_messages_own(mail: Message, item: Item, newsletter: Newsletter) -> None:
    other = mail_of(send_out(item, newsletter))
    freeze(mail, waiting=2)
    freeze(other, waiting=5)
    assert (figures(mail)["pending"], figures(other)["pending"]) == (2, 5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    waiting=st.integers(0, 8),
    skipped=st.integers(0, 3),
    moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 4)), max_size=15),
)
def test_after_any_moves_figures_and_rows_agree(
    mail: Message, waiting: int, skipped: int, moves: list[tuple[tuple[str, str], int]]
) -> None:
    with transaction.atomic():
        freeze(mail, waiting, skipped)
        for (old, new), number in moves:
            outcome(mail, DeliveryStatus(old), DeliveryStatus(new), number)
        assert check_counts(mail) == []
        assert {status: number for status, number in figures(mail).items() if number} == statuses(mail)
        transaction.set_rollback(True)


def test_a_figure_that_is_wrong_is_named(mail: Message) -> None:
    freeze(mail, waiting=3)
    Delivery.objects.filter(pk=Delivery.objects.all()[0].pk).update(status="sent")
    found = {(each.status, each.counted, each.rows) for each in check_counts(mail)}
    assert found == {("pending", 3, 2), ("sent", 0, 1)}
    assert "pending" in str(check_counts(mail)[0].explanation())


def test_a_missing_recipient_is_named(mail: Message) -> None:
    freeze(mail, waiting=3)
    Delivery.objects.filter(pk=Delivery.objects.all()[0].pk).delete()
    move_counts(mail.pk, 0, {"pending": -1})
    (found,) = check_counts(mail)
    assert (found.status, found.counted, found.rows) == ("frozen", 3, 2)
    assert "3" in str(found.explanation()) and "2" in str(found.explanation())


def test_a_recipient_too_many_is_named(mail: Message) -> None:
    freeze(mail, waiting=1)
    Message.objects.filter(pk=mail.pk).update(frozen_count=None)
    assert [each.status for each in check_counts(mail)] == ["frozen"]


@pytest.mark.django_db(transaction=True)
def test_writers_on_one_lane_neither_lose_an_addition_nor_deadlock(mail: Message) -> None:
    """Each names the statuses in another order."""
    failed: list[BaseException] = []

    def write(statuses: list[str]) -> None:
        try:
            for _ in range(60):
                with transaction.atomic():
                    move_counts(mail.pk, 1, dict.fromkeys(statuses, 1))
        except BaseException as error:  # noqa: BLE001 the test's own thread asserts on it
            failed.append(error)
        finally:
            connection.close()

    orders = [["pending", "sending", "sent"], ["sent", "sending", "pending"], ["sending", "sent", "pending"]]
    threads = [threading.Thread(target=write, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert {figures(mail)[status] for status in orders[0]} == {180}


def test_the_hourly_check_tells_those_who_may_approve(mail: Message, bo: User) -> None:
    freeze(mail, waiting=2)
    Message.objects.filter(pk=mail.pk).update(status="sending")
    assert check_recent(timezone.now()) == 0 and not Notice.objects.exists()
    DeliveryCount.objects.filter(message=mail, status="pending").update(count=0)
    assert check_recent(timezone.now()) == 1
    notice = Notice.objects.get()
    assert notice.user == bo and notice.kind == "alert"


def test_what_was_cancelled_lately_is_checked_too(mail: Message, bo: User) -> None:
    freeze(mail, waiting=2)
    Message.objects.filter(pk=mail.pk).update(status="scheduled")
    control.cancel_message(Message.objects.get(pk=mail.pk), bo)
    assert check_recent(timezone.now()) == 0
    DeliveryCount.objects.filter(message=mail, status="pending").update(count=-5)
    assert check_recent(timezone.now()) == 1
    assert check_recent(timezone.now() + timedelta(hours=3)) == 0, "once is enough"
