"""Later changes of published posts: made once it is their time, again after a lost answer, never by two at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from publisher.deliver import operations
from publisher.deliver.post_claim import MARGIN
from publisher.errors import InputError
from publisher.models import Account, Notice, Operation, PostPart, StopStamp, User
from publisher.review import afterwards
from publisher.review.afterwards import Wish, carry_through
from publisher.review.outs import outs
from publisher.review.worklist import worklist
from publisher.vocabulary import OperationStatus
from tests.contract.mastodon import MastodonServer
from tests.deliver.changing import DELETE, EDIT, campaign_of, corrected, published, withdraw, withdrawn
from tests.deliver.posting import connected
from tests.elsewhere import Elsewhere

pytestmark = pytest.mark.database
__all__ = ["published"]


def test_a_correction_changes_the_public_text_and_keeps_picture_and_link(
    published: PostPart, server: MastodonServer
) -> None:
    operation = corrected(published)
    assert operations.to_carry_out(timezone.now()) == [operation.pk]
    assert operations.carry_out(operation.pk) == OperationStatus.DONE
    (public,) = server.posts()
    assert public.text.startswith("Øvelsen er på Møn") and "/nyheder/oevelse" in public.text
    assert [media.alt for media in public.media] == ["Et orkester øver"]
    published.refresh_from_db()
    assert published.text == "Øvelsen er på Møn"
    assert operations.carry_out(operation.pk) is None and operations.to_carry_out(timezone.now()) == []


def test_the_old_text_may_be_asked_for_again_before_the_new_one_is_out(published: PostPart) -> None:
    corrected(published, "Ny")
    assert corrected(published, published.text).text == published.text
    assert list(Operation.objects.values_list("status", flat=True)) == ["cancelled", "pending"]
    corrected(published, published.text)
    assert Operation.objects.count() == 2, "it is asked for already"


def test_a_withdrawal_takes_the_post_down(published: PostPart, server: MastodonServer) -> None:
    assert operations.carry_out(withdrawn(published).pk) == OperationStatus.DONE
    assert server.posts() == []
    assert outs(campaign_of(published))[0].parts == []


@pytest.mark.parametrize("fault", ["drop_before_read", "500", "429"])
def test_a_lost_answer_is_tried_again_later(published: PostPart, server: MastodonServer, fault: str) -> None:
    operation = withdrawn(published)
    server.faults.set(fault, on=DELETE)
    assert operations.carry_out(operation.pk) == OperationStatus.PENDING
    operation.refresh_from_db()
    assert operation.due_at > timezone.now() and operation.last_error
    Operation.objects.update(due_at=timezone.now())
    Account.objects.update(blocked_until=None)
    assert operations.carry_out(operation.pk) == OperationStatus.DONE
    assert server.posts() == []


def test_after_the_last_try_a_person_looks(published: PostPart, server: MastodonServer, bo: User) -> None:
    operation = withdrawn(published)
    Operation.objects.update(attempts=99)
    server.faults.set("drop_before_read", on=DELETE)
    assert operations.carry_out(operation.pk) in {OperationStatus.FAILED, OperationStatus.UNCERTAIN}
    operation.refresh_from_db()
    afterwards.try_again(operation, None)
    assert operations.carry_out(operation.pk) == OperationStatus.DONE
    with pytest.raises(InputError):
        afterwards.try_again(operation, None)


def test_one_that_is_gone_already_is_withdrawn(published: PostPart, server: MastodonServer) -> None:
    server.posts()[0].deleted = True
    assert operations.carry_out(withdrawn(published).pk) == OperationStatus.DONE


def test_a_refused_channel_lets_it_wait_for_the_reconnect(
    published: PostPart, server: MastodonServer, account: Account
) -> None:
    operation = withdrawn(published)
    server.revoke(server.token)
    assert operations.carry_out(operation.pk) == OperationStatus.PENDING
    operation.refresh_from_db()
    account.refresh_from_db()
    assert operation.last_error and operation.attempts == 0 and account.status == "needs_reconnect"
    tomorrow = timezone.now() + timedelta(days=1)
    assert operations.to_carry_out(tomorrow) == [] and operations.carry_out(operation.pk) is None
    server.token = server.new_token(server.tokens[server.token].scopes)
    connected(account.organisation, server)
    assert operations.to_carry_out(timezone.now()) == [operation.pk]
    assert operations.carry_out(operation.pk) == OperationStatus.DONE and server.posts() == []


def test_one_that_stops_its_worker_three_times_is_left_to_a_person(
    published: PostPart, server: MastodonServer, bo: User
) -> None:
    operation = withdrawn(published)
    for _worker in range(3):
        assert operations._claim(operation.pk, timezone.now())
        Operation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert operations.carry_out(operation.pk) == OperationStatus.UNCERTAIN
    assert len(server.posts()) == 1 and operations.to_carry_out(timezone.now() + timedelta(days=1)) == []
    operation.refresh_from_db()
    assert "three times" in operation.last_error["msgid"]
    afterwards.try_again(operation, None)
    assert operations.carry_out(operation.pk) == OperationStatus.DONE


def test_an_outcome_forgives_the_strikes(published: PostPart, server: MastodonServer) -> None:
    operation = withdrawn(published)
    for _try in range(4):
        server.faults.set("500", on=DELETE)
        assert operations.carry_out(operation.pk) == OperationStatus.PENDING
        Operation.objects.update(due_at=timezone.now())
    assert operations.carry_out(operation.pk) == OperationStatus.DONE


def test_of_one_post_that_cannot_be_changed_those_who_approve_are_told_once(
    published: PostPart, server: MastodonServer, bo: User
) -> None:
    other = PostPart.objects.get(pk=published.pk)
    other.pk, other.position, other.remote_id = None, 1, "999"
    other.save()
    withdraw(published)
    Operation.objects.update(attempts=99)
    for operation in Operation.objects.all():
        server.faults.set("500", on=DELETE)
        assert operations.carry_out(operation.pk) in operations.NEEDS_PERSON
    (notice,) = Notice.objects.filter(kind="alert")
    assert notice.user == bo and "is still public" in notice.explanation["msgid"]
    (row,) = worklist(campaign_of(published).organisation).changes
    assert row == published.delivery.message


def test_a_worker_that_died_is_followed_by_another(published: PostPart, server: MastodonServer) -> None:
    operation = withdrawn(published)
    now = timezone.now()
    Operation.objects.update(status=OperationStatus.WORKING, lease_until=now + timedelta(minutes=1))
    assert operations.carry_out(operation.pk) is None, "it is being made"
    Operation.objects.update(lease_until=now - timedelta(seconds=1))
    assert operations.carry_out(operation.pk) == OperationStatus.DONE


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_in_the_same_moment_one_makes_the_change(published: PostPart, server: MastodonServer) -> None:
    operation = withdrawn(published)
    with transaction.atomic():
        assert operations.carry_out(operation.pk) == OperationStatus.DONE
        Operation.objects.update(status=OperationStatus.WORKING, lease_until=timezone.now() + timedelta(minutes=1))
        other = Elsewhere(lambda: operations.carry_out(operation.pk))
        other.is_over(0.5)
    assert other.answer() is None
    assert [call.split()[0] for call in server.calls].count("DELETE") == 1


def test_one_that_stood_still_with_an_old_text_does_not_undo_the_new_one(
    published: PostPart, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its claim and its call, for longer than the claim."""
    operation = corrected(published, "Øvelsen er på Møn")
    monkeypatch.setattr(operations, "LEASE", MARGIN + timedelta(seconds=operations.CALL_S + 0.2))
    meanwhile: list[object] = []
    stands_still = iter([True])

    def stands(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = run(sql, *rest)
        if sql.startswith('UPDATE "publisher_operation"') and '"attempts"' in sql and next(stands_still, False):
            time.sleep(0.3)
            Operation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            meanwhile.append(operations.carry_out(operation.pk))
            meanwhile.append(operations.carry_out(corrected(published, "Øvelsen er på Fyn").pk))
        return result

    with connection.execute_wrapper(stands):
        assert operations.carry_out(operation.pk) is None
    assert meanwhile == [OperationStatus.DONE, OperationStatus.DONE]
    (public,) = server.posts()
    assert public.text.startswith("Øvelsen er på Fyn")


def test_to_be_asked_to_wait_is_no_try_that_failed(published: PostPart, server: MastodonServer, bo: User) -> None:
    """A server may take so many withdrawals in half an hour, and a colleague may have withdrawn more."""
    operation = withdrawn(published)
    server.faults.set("429", times=None, on=DELETE)
    for _ in range(9):
        Operation.objects.update(due_at=timezone.now())
        Account.objects.update(blocked_until=None)
        assert operations.carry_out(operation.pk) == OperationStatus.PENDING
    assert not Notice.objects.exists()
    Operation.objects.update(due_at=timezone.now(), attempts=99, created_at=timezone.now() - timedelta(hours=25))
    Account.objects.update(blocked_until=None)
    assert operations.carry_out(operation.pk) == OperationStatus.FAILED
    assert Notice.objects.get().user == bo


@pytest.mark.django_db(transaction=True)
def test_a_change_that_ends_while_a_newer_one_is_asked_for_waits_for_it(published: PostPart) -> None:
    operation = corrected(published)
    claimed = operations._claim(operation.pk, timezone.now())
    assert claimed is not None
    with transaction.atomic():
        PostPart.objects.select_for_update().get(pk=published.pk)
        other = Elsewhere(
            lambda: operations._end(claimed, OperationStatus.DONE, part_changes={"text": "Nyt"}, done_at=timezone.now())
        )
        other.is_over(0.5)
        with pytest.raises(InputError):
            corrected(published, "Endnu et")
    assert other.answer() == OperationStatus.DONE


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all that is written")
@pytest.mark.django_db(transaction=True)
def test_who_stands_still_while_taking_a_change_keeps_nobody_waiting(
    published: PostPart, server: MastodonServer
) -> None:
    operation = withdrawn(published)
    stands, may_go_on = threading.Event(), threading.Event()

    def standing(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = run(sql, *rest)
        if sql.startswith('UPDATE "publisher_operation"') and not stands.is_set():
            stands.set()
            assert may_go_on.wait(10), "somebody waited for it"
        return result

    def work() -> object:
        with connection.execute_wrapper(standing):
            return operations.carry_out(operation.pk)

    worker = Elsewhere(work)
    try:
        assert stands.wait(10)
        assert operations.carry_out(operation.pk) == OperationStatus.DONE
    finally:
        may_go_on.set()
    with pytest.raises(DatabaseError):
        worker.answer()
    assert server.posts() == []


def test_of_one_post_one_change_at_a_time(published: PostPart) -> None:
    first = corrected(published)
    second = withdrawn(published)
    first.refresh_from_db()
    assert (first.status, second.status) == (OperationStatus.CANCELLED, OperationStatus.PENDING), "it had not begun"


@pytest.mark.parametrize(("note", "text"), [("", "Nyt"), (" ", "Nyt"), ("x" * 1001, "Nyt"), ("Fejl", "ø" * 600)])
def test_what_does_not_fit_is_refused_and_changes_nothing(published: PostPart, note: str, text: str) -> None:
    with pytest.raises(InputError):
        carry_through(campaign_of(published), Wish(note, texts={published.pk: text}), None)
    assert not Operation.objects.exists()
    assert campaign_of(published).messages.get().corrected_at is None


@pytest.mark.parametrize("why", ["this installation sends nothing", "everything is stopped", "we are stopped"])
def test_nothing_is_changed_while_nothing_may_leave(
    published: PostPart, server: MastodonServer, settings: Any, why: str
) -> None:
    """A restored copy would take down what the original has published."""
    operation = withdrawn(published)
    organisation = campaign_of(published).organisation
    settings.OPSLAG_NEVER_SEND = why == "this installation sends nothing"
    if why != "this installation sends nothing":
        StopStamp.objects.create(organisation=organisation if why == "we are stopped" else None)
    assert operations.to_carry_out(timezone.now()) == [] and operations.carry_out(operation.pk) is None
    assert len(server.posts()) == 1
    StopStamp.objects.all().delete()
    settings.OPSLAG_NEVER_SEND = False
    assert operations.carry_out(operation.pk) == OperationStatus.DONE


def test_connecting_anew_lets_a_change_go_that_was_put_off(published: PostPart, server: MastodonServer) -> None:
    operation = corrected(published)
    server.faults.set("500", on=EDIT)
    operations.carry_out(operation.pk)
    Operation.objects.update(due_at=timezone.now() + timedelta(hours=6))
    account = published.delivery.account
    assert account is not None
    connected(account.organisation, server)
    assert operations.to_carry_out(timezone.now()) == [operation.pk]
