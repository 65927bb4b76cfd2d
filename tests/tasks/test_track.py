"""The track tick: a step that fails keeps no other from its work, and what takes long is another worker's."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.utils import timezone

from publisher.models import Account, Claim, Delivery, Event, Message, Newsletter, Notice, User
from publisher.models.counting import move_counts
from publisher.track import events
from publisher.vocabulary import BounceClass, EventKind, Queue
from tasks import track
from tasks.celery import app
from tasks.steps import Look
from tests.audience_factory import mail, own_newsletter, ready_mail, residents
from tests.meanwhile import failure, just_before
from tests.track.returns import comes_back, sent

pytestmark = pytest.mark.database

look = Look(*track.STEPS)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Queue]]]:
    """What the tasks ask for: each task's name and queue."""
    found: list[tuple[str, Queue]] = []

    def wake(task: SimpleNamespace, *_ids: int, queue: Queue, **_options: float) -> None:
        found.append((task.name, queue))

    monkeypatch.setattr(track, "wake", wake)
    yield found


def reported(newsletter: Newsletter, number: int) -> list[Delivery]:
    """So many reports on mails that were sent wait."""
    residents(newsletter, number)
    message = ready_mail(newsletter)
    Delivery.objects.filter(message=message).update(status="sent")
    deliveries = list(Delivery.objects.filter(message=message))
    at = timezone.now()
    events.keep(events.Fact("esp", str(each.pk), EventKind.DELIVERED, at, delivery_id=each.pk) for each in deliveries)
    return deliveries


APPLY = ("tasks.track.apply_reports", Queue.TRACK)


def test_reports_are_applied_by_a_worker_of_their_queue(newsletter: Newsletter, woken: list[object]) -> None:
    look(timezone.now())
    assert APPLY not in woken
    reported(newsletter, 2)
    look(timezone.now())
    assert woken == [APPLY] and Event.objects.filter(applied_at=None).count() == 2
    assert APPLY[0] in app.tasks
    track.apply_reports()
    assert woken == [APPLY] and not Event.objects.filter(applied_at=None).exists()


def test_more_than_a_moment_s_work_is_for_the_next(
    newsletter: Newsletter, woken: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 2)
    monkeypatch.setattr(events, "LONGEST_S", -1.0)
    deliveries = reported(newsletter, 3)
    Delivery.objects.filter(pk=deliveries[2].pk).update(status="pending")
    Message.objects.update(claimed_due_at=deliveries[2].due_at, claimed_id=deliveries[2].pk)
    track.apply_reports()
    assert woken == [APPLY]
    track.apply_reports()
    assert woken == [APPLY], "the last waits for its mail to be handed over, which nobody hurries"


def test_a_step_that_fails_keeps_no_later_one(
    newsletter: Newsletter, practice_account: Account, woken: list[object]
) -> None:
    (delivery,) = reported(newsletter, 1)
    Message.objects.update(status="sending")
    posted = Message.objects.create(campaign=delivery.message.campaign, outlet="post", account=practice_account)
    Claim.objects.create(run_id=uuid4(), message=posted, lease_until=timezone.now())
    trouble = failure(RuntimeError("one post that nobody foresaw"))
    # The look for the delivery of a post whose worker died.
    with pytest.raises(ExceptionGroup) as raised, just_before('"publisher_delivery"."claim_id" = ', do=trouble):
        look(timezone.now())
    assert [str(error) for error in raised.value.exceptions] == ["one post that nobody foresaw"]
    assert woken == [APPLY] and Message.objects.get(outlet="email").status != "sending"


def test_a_message_that_cannot_be_finished_keeps_no_other(newsletter: Newsletter, woken: list[object]) -> None:
    messages = mail(newsletter), mail(own_newsletter("Børnenyt"))
    Message.objects.update(status="sending", frozen_count=0)
    trouble = failure(RuntimeError("one message that nobody foresaw"))
    with pytest.raises(ExceptionGroup), just_before('UPDATE "publisher_message"', "finished", do=trouble):
        look(timezone.now())
    assert sorted(each.status for each in Message.objects.filter(pk__in=[each.pk for each in messages])) == [
        "finished",
        "sending",
    ]


def too_many_back(newsletter: Newsletter) -> Message:
    """Of 220 mails 40 came back while fewer than 200 had gone; then the others went, too."""
    residents(newsletter, 220)
    message, deliveries = sent(newsletter, timezone.now())
    move_counts(message.pk, 1, {"sent": -100})
    for delivery in deliveries[:40]:
        comes_back(delivery, BounceClass.HARD, timezone.now())
    move_counts(message.pk, 2, {"sent": 100})
    message.refresh_from_db()
    assert message.status == "sending"
    return message


def test_a_mail_is_held_when_enough_have_gone_and_nothing_more_comes_back(
    newsletter: Newsletter, woken: list[object]
) -> None:
    message = too_many_back(newsletter)
    last = Delivery.objects.order_by("-pk")[:1].get()
    Delivery.objects.filter(pk=last.pk).update(status="pending")
    look(timezone.now())
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", "bounces")


def test_a_mail_that_ends_at_once_is_told_of(newsletter: Newsletter, woken: list[object], bo: User) -> None:
    message = too_many_back(newsletter)
    look(timezone.now())
    message.refresh_from_db()
    assert (message.status, message.bounces_told_at is not None) == ("finished", True)
    assert Notice.objects.get().user == bo


@pytest.mark.parametrize("dies_at", ["is_certain", 'INSERT INTO "publisher_notice"'], ids=["judging", "telling"])
def test_who_dies_while_a_mail_ends_leaves_it_to_be_judged(
    newsletter: Newsletter, woken: list[object], bo: User, dies_at: str
) -> None:
    message = too_many_back(newsletter)
    with pytest.raises(SystemExit), just_before(dies_at, do=failure(SystemExit("killed"))):
        look(timezone.now())
    look(timezone.now())
    message.refresh_from_db()
    assert (message.status, message.bounces_told_at is not None) == ("finished", True)
    assert Notice.objects.get().user == bo
