"""What an organisation wants with mails that may or may not have left: left alone, or sent again once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.models import AuditEntry, Delivery, Message, Newsletter, Organisation
from publisher.models.agreement import check_counts
from publisher.models.counting import move_counts
from publisher.review import settling
from publisher.review.settling import SILENT_FOR, resend_by_policy
from publisher.vocabulary import MessageStatus, UncertainPolicy
from tests.audience_factory import own_newsletter, ready_mail, residents

pytestmark = pytest.mark.database


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return own_newsletter("Kulturnyt")


@pytest.fixture
def message(newsletter: Newsletter) -> Message:
    """A finished mail of whose three deliveries one was unclear an hour ago, one just now, one twice before."""
    residents(newsletter, 3)
    found = ready_mail(newsletter)
    now = timezone.now()
    for delivery, (minutes, attempts) in zip(found.deliveries.order_by("pk"), [(60, 1), (1, 1), (60, 2)], strict=True):
        Delivery.objects.filter(pk=delivery.pk).update(
            status="uncertain", first_started_at=now - timedelta(minutes=minutes), attempts=attempts
        )
    move_counts(found.pk, 1, {"pending": -3, "uncertain": 3})
    Message.objects.filter(pk=found.pk).update(status="finished", started_at=now, finished_at=now)
    return found


def wants(policy: UncertainPolicy) -> None:
    Organisation.objects.update(uncertain_policy=policy)


def test_by_default_nothing_is_sent_twice(message: Message) -> None:
    assert resend_by_policy(timezone.now()) == 0
    assert set(message.deliveries.values_list("status", flat=True)) == {"uncertain"}


def test_where_wanted_it_is_sent_again_once_and_the_timeline_says_so(message: Message) -> None:
    wants(UncertainPolicy.RESEND)
    now = timezone.now()
    assert resend_by_policy(now) == 1
    assert list(message.deliveries.order_by("pk").values_list("status", flat=True)) == [
        "pending",
        "uncertain",
        "uncertain",
    ]
    message.refresh_from_db()
    assert message.status == MessageStatus.SENDING and check_counts(message) == []
    assert AuditEntry.objects.get().explanation["params"]["number"] == "1"
    assert resend_by_policy(now) == 0
    Delivery.objects.filter(status="pending").update(status="uncertain", attempts=2)
    assert resend_by_policy(now + SILENT_FOR) == 1, "the one of which nothing was heard for half an hour"


def test_what_is_old_or_cancelled_is_left_alone(message: Message) -> None:
    wants(UncertainPolicy.RESEND)
    Message.objects.update(status=MessageStatus.CANCELLED)
    assert resend_by_policy(timezone.now()) == 0
    assert settling._resend(message.pk, timezone.now()) == 0, "cancelled since the look"
    Message.objects.update(status=MessageStatus.FINISHED, started_at=timezone.now() - timedelta(days=2))
    assert resend_by_policy(timezone.now()) == 0


@pytest.mark.parametrize("word", ["withdrawn_at", "corrected_at"])
def test_what_was_withdrawn_or_corrected_is_not_sent_again_by_itself(message: Message, word: str) -> None:
    wants(UncertainPolicy.RESEND)
    Message.objects.filter(pk=message.pk).update(**{word: timezone.now()})
    assert not settling.by_policy(timezone.now()).exists()
    assert settling._resend(message.pk, timezone.now()) == 0
