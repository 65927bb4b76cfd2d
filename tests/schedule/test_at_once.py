"""Freezing and starting while people take back, cancel and pause: each on a database connection of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from publisher.audience.leave import erase, suppress_key, unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.models import (
    Account,
    AuditEntry,
    Campaign,
    CompiledMail,
    Delivery,
    DeliveryCount,
    Item,
    Message,
    Newsletter,
    Subscriber,
    Subscription,
)
from publisher.models.agreement import check_counts
from publisher.review import approval, control
from publisher.schedule import dispatch, freeze
from publisher.schedule.keeping import LEASE
from publisher.vocabulary import HoldReason, MessageStatus, SuppressionReason
from tests.audience_factory import mail, residents
from tests.elsewhere import Elsewhere
from tests.review.send_outs import mail_of, post_of, send_out, soon

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


def read(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def freezing(message: Message) -> Elsewhere[bool]:
    """A freeze that has begun on another connection; on SQLite it is in the middle of its chunks."""
    work = Elsewhere(lambda: dispatch.prepare(message.pk, timezone.now()))
    deadline = time.monotonic() + 20
    while not work.is_over(0.001) and not Delivery.objects.filter(message=message).exists():
        assert time.monotonic() < deadline
    return work


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a freeze of a few hundred takes a while."""
    monkeypatch.setattr(freeze, "SQLITE_CHUNK", 1)


@pytest.mark.parametrize("cancel", ["message", "campaign", "paused_first"])
def test_cancelling_while_freezing_leaves_figures_that_fit(
    newsletter: Newsletter, small_chunks: None, cancel: str
) -> None:
    residents(newsletter, 300)
    message = mail(newsletter)
    work = freezing(message)
    if cancel == "campaign":
        approval.cancel(Campaign.objects.get(), None)
    elif cancel == "message":
        control.cancel_message(read(message), None)
    else:
        control.pause(read(message), None)
        work.is_over(20)
        control.cancel_message(read(message), None)
    work.answer()
    assert read(message).status == MessageStatus.CANCELLED
    assert check_counts(message) == []
    assert not DeliveryCount.objects.filter(count__lt=0).exists()
    assert not Delivery.objects.filter(status="pending").exists()


def test_who_leaves_and_comes_back_between_two_chunks_holds_nothing(newsletter: Newsletter, small_chunks: None) -> None:
    since = timezone.now() - timedelta(hours=1)
    person = subscribe(newsletter, "else@example.org", source="form", confirmed_at=since)
    people = residents(newsletter, 300)
    message = mail(newsletter)
    work = freezing(message)
    unsubscribe(person.token, source="link")
    subscribe(newsletter, "else@example.org", source="form", confirmed_at=timezone.now())
    unsubscribe(people[1].token, source="link")
    people[2].subscriber.delete()
    work.answer()
    message = read(message)
    assert (message.status, message.hold_reason) == (MessageStatus.SCHEDULED, "")
    assert check_counts(message) == []


@dataclass
class Gate:
    """Where the work stands still until `open` is set; `reached` says that it has come there."""

    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)

    def after(self, step: Callable[..., None]) -> Callable[..., None]:
        """`step`, and this gate behind it; the second time it stands open."""

        def go(*values: object) -> None:
            step(*values)
            self.reached.set()
            assert self.open.wait(20), "nobody opened the gate"

        return go


FAMILY = "familien-hansen.example"


def a_blocked_one(newsletter: Newsletter) -> Subscriber:
    """Somebody with a domain of their own, whose delivery nobody will ever claim."""
    person = residents(newsletter, 1, prefix="hansen")[0].subscriber
    Subscriber.objects.filter(pk=person.pk).update(domain=FAMILY)
    suppress_key(newsletter.organisation_id, person.address_key, SuppressionReason.BLOCKED)
    return person


@pytest.mark.parametrize("ends", ["within the freeze", "after it"])
def test_who_is_erased_while_a_freeze_runs_leaves_no_domain(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    residents(newsletter, 5)
    person, message, gate = a_blocked_one(newsletter), mail(newsletter), Gate()
    # Inside of the freeze's one transaction; SQLite, where nobody else writes then, stands still between two of them.
    step = "_insert" if connection.vendor == "postgresql" else "_insert_chunk"
    monkeypatch.setattr(freeze, step, gate.after(getattr(freeze, step)))
    work = Elsewhere(lambda: dispatch.prepare(message.pk, timezone.now()))
    assert gate.reached.wait(20)
    with transaction.atomic():
        erase(person)
        if ends == "after it":
            gate.open.set()
            assert not work.is_over(0.3), "waits for us"
    gate.open.set()
    if not work.answer():
        assert (read(message).strikes, read(message).claim_id) == (0, None), "nobody's fault"
        assert dispatch.prepare(message.pk, timezone.now()), "the next tick does it anew"
    assert read(message).frozen_count == 5 and check_counts(message) == []
    assert not Delivery.objects.filter(domain=FAMILY).exists()


def test_who_is_erased_while_a_mail_starts_leaves_no_domain(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(newsletter, 5)
    message, gate = mail(newsletter), Gate()
    assert dispatch.prepare(message.pk, timezone.now() - timedelta(minutes=1))
    person = a_blocked_one(newsletter)
    Subscription.objects.filter(subscriber=person).update(confirmed_at=timezone.now())
    monkeypatch.setattr(freeze, "_insert", gate.after(freeze._insert))
    start = Elsewhere(lambda: dispatch.start(message.pk, timezone.now()))
    assert gate.reached.wait(20)
    erasing = Elsewhere(lambda: erase(person))
    assert not erasing.is_over(0.3), "who is being added now is seen only when it is done"
    gate.open.set()
    assert start.answer()
    erasing.answer()
    assert read(message).frozen_count == 6 and check_counts(message) == []
    assert not Delivery.objects.filter(domain=FAMILY).exists()


def approved(item: Item, newsletter: Newsletter, *accounts: Account) -> Campaign:
    campaign = send_out(item, newsletter, *accounts)
    approval.approve(campaign, None, scheduled_at=timezone.now())
    return campaign


def anew(campaign: Campaign) -> Message:
    """Taken back, then approved for an hour ahead."""
    approval.undo(campaign, None)
    approval.approve(campaign, None, scheduled_at=soon())
    return mail_of(campaign)


def test_a_worker_that_lost_its_mail_does_not_hold_the_new_approval(item: Item, newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    campaign = approved(item, newsletter)
    slow = dispatch.take(mail_of(campaign).pk, timezone.now(), MessageStatus.SCHEDULED, LEASE)
    assert slow is not None
    anew(campaign)
    slow.subject = "en ældre tekst"
    dispatch.work_on(slow, timezone.now())
    assert (mail_of(campaign).status, mail_of(campaign).claim_id) == (MessageStatus.SCHEDULED, None)
    assert not CompiledMail.objects.exists(), "nor leaves the older text behind"
    assert not AuditEntry.objects.filter(action="held").exists()


def test_a_worker_that_slept_through_its_lease_touches_no_row_of_the_next(item: Item, newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    campaign = approved(item, newsletter)
    slept = dispatch.take(mail_of(campaign).pk, timezone.now() - timedelta(minutes=2), MessageStatus.SCHEDULED, LEASE)
    assert slept is not None
    assert dispatch.prepare(slept.pk, timezone.now()) and dispatch.start(slept.pk, timezone.now())
    rows = list(Delivery.objects.values_list("pk", flat=True))
    dispatch.work_on(slept, timezone.now())
    assert len(rows) == 3 and list(Delivery.objects.values_list("pk", flat=True)) == rows
    assert mail_of(campaign).status == MessageStatus.SENDING


def test_a_start_that_was_taken_back_does_not_start_the_new_approval(
    item: Item, newsletter: Newsletter, practice_account: Account
) -> None:
    residents(newsletter, 3)
    campaign = approved(item, newsletter, practice_account)
    assert dispatch.prepare(mail_of(campaign).pk, timezone.now())
    for late in (mail_of(campaign), post_of(campaign)):
        anew(campaign)
        assert not dispatch.begin(late, timezone.now())
        assert not dispatch.begin(late, timezone.now() + timedelta(hours=3))
        assert (read(late).status, read(late).hold_reason) == (MessageStatus.SCHEDULED, "")


def test_undo_and_start_in_the_same_moment_find_one_of_the_two(item: Item, newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    campaign = approved(item, newsletter)
    message = mail_of(campaign)
    assert dispatch.prepare(message.pk, timezone.now())
    with transaction.atomic():
        approval.undo(campaign, None)
        starting = Elsewhere(lambda: dispatch.start(message.pk, timezone.now()))
        starting.is_over(0.3)
    assert starting.answer() is False
    assert (mail_of(campaign).status, mail_of(campaign).started_at) == (MessageStatus.DRAFT, None)
    assert not Delivery.objects.exists() and not DeliveryCount.objects.exists()


def test_a_database_that_fails_costs_one_tick_and_no_strike(newsletter: Newsletter) -> None:
    """Where the rows should go is locked for longer than one waits, or (SQLite) away for a moment."""
    residents(newsletter, 3)
    message = mail(newsletter)

    def prepare() -> bool:
        if connection.vendor == "postgresql":
            run("SET lock_timeout = '200ms'")
        return dispatch.prepare(message.pk, timezone.now())

    if connection.vendor == "postgresql":
        with transaction.atomic():
            run("LOCK TABLE publisher_delivery IN SHARE MODE")
            assert Elsewhere(prepare).answer() is False
    else:
        run("ALTER TABLE publisher_delivery RENAME TO away")
        try:
            assert Elsewhere(prepare).answer() is False
        finally:
            run("ALTER TABLE away RENAME TO publisher_delivery")
    assert read(message).strikes == 0 and read(message).status == MessageStatus.SCHEDULED
    assert dispatch.to_freeze(timezone.now()) == [message.pk]
    assert dispatch.prepare(message.pk, timezone.now())


@contextlib.contextmanager
def losing_rows_of(subscriber_id: int) -> Iterator[None]:
    """The database forgets this person's deliveries."""
    if connection.vendor == "postgresql":
        body = f"BEGIN IF NEW.subscriber_id = {subscriber_id} THEN RETURN NULL; END IF; RETURN NEW; END"
        run(f"CREATE FUNCTION lose() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql")
        run("CREATE TRIGGER lose BEFORE INSERT ON publisher_delivery FOR EACH ROW EXECUTE FUNCTION lose()")
    else:
        body = f"DELETE FROM publisher_delivery WHERE subscriber_id = {subscriber_id};"
        run(f"CREATE TRIGGER lose AFTER INSERT ON publisher_delivery BEGIN {body} END")
    try:
        yield
    finally:
        run("DROP FUNCTION lose CASCADE" if connection.vendor == "postgresql" else "DROP TRIGGER lose")


def test_only_counts_that_disagree_are_called_so(newsletter: Newsletter) -> None:
    """One row is lost between the insert and the count, as by a fault of the freeze."""
    people = residents(newsletter, 3)
    message = mail(newsletter)
    with losing_rows_of(people[1].subscriber_id):
        assert not dispatch.prepare(message.pk, timezone.now())
    assert read(message).hold_reason == HoldReason.COUNTS_DISAGREE
    control.cancel_message(read(message), None)
    assert check_counts(message) == []
