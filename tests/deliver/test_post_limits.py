"""A platform that wants no more calls is left alone by the whole account, or by its app's, and nobody else waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.accounts import health, waiting
from publisher.accounts.connect import connect_account
from publisher.deliver import operations, post, post_trouble, reconcile
from publisher.errors import ThrottledError
from publisher.models import Account, Campaign, Delivery, Message, Notice, Operation, Organisation, PostPart
from publisher.review import control
from publisher.review.approval import approve
from publisher.track import figures
from publisher.vocabulary import Calls, DeliveryStatus, HoldReason, Outlet
from tests.contract.mastodon import MastodonServer
from tests.deliver.changing import DELETE, corrected, published, withdrawn
from tests.deliver.posting import UPLOAD, begun, connected, scheduled

__all__ = ["published"]
pytestmark = pytest.mark.database

FULL = ThrottledError("Enough for today.", reason="busy", retry_after=3600)


@pytest.fixture
def other(account: Account) -> Account:
    """Another profile of the organisation on the same server."""
    account.refresh_from_db()
    twin = Account.objects.get(pk=account.pk)
    twin.pk, twin.remote_id = None, "77"
    twin.save()
    return twin


def words_only(account: Account, at: datetime | None = None) -> Delivery:
    """A post without a picture, begun."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Kun ord")
    Message.objects.create(campaign=campaign, outlet=Outlet.POST, account=account, text=f"Nr. {campaign.pk}")
    approve(campaign, None, scheduled_at=at or timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))


def calls(server: MastodonServer, of: str = "POST /api/v1/statuses") -> int:
    return sum(call.startswith(of) for call in server.calls)


def test_a_second_post_waits_and_keeps_its_place(account: Account, other: Account, server: MastodonServer) -> None:
    first, second, elsewhere = words_only(account), words_only(account), words_only(other)
    server.faults.set("429")
    assert post.publish(first.pk) == DeliveryStatus.PENDING
    account.refresh_from_db()
    until = account.blocked_until
    assert until is not None and until > timezone.now() and account.blocked_calls == Calls.ALL
    assert post.to_publish(timezone.now()) == [elsewhere.pk] and not post.due(timezone.now()).filter(pk=second.pk)
    assert post.publish(elsewhere.pk) == DeliveryStatus.SENT
    with time_machine.travel(until + timedelta(seconds=1), tick=True):
        assert set(post.to_publish(timezone.now())) == {first.pk, second.pk}
        assert post.publish(second.pk) == post.publish(first.pk) == DeliveryStatus.SENT


def test_one_that_was_found_before_makes_no_call(account: Account, server: MastodonServer) -> None:
    second = words_only(account)
    waiting.heed(account, FULL)
    before = len(server.calls)
    assert post.publish(second.pk) in {DeliveryStatus.PENDING, None} and len(server.calls) == before
    second.refresh_from_db()
    assert (second.status, second.attempts, second.due_at <= timezone.now()) == ("pending", 0, True)


def test_changes_uploads_and_looks_wait_too(published: PostPart, account: Account, server: MastodonServer) -> None:
    change, ahead = corrected(published), scheduled(account, timezone.now() + timedelta(minutes=5))
    doubtful = words_only(account)
    server.faults.set("drop_before_read")
    assert post.publish(doubtful.pk) == DeliveryStatus.UNCERTAIN
    soon = timezone.now() + timedelta(seconds=30)
    assert (post.to_prepare(soon), reconcile.to_reconcile(soon)) == ([ahead.pk], [doubtful.pk])
    assert reconcile.to_confirm(soon) == [published.pk] and operations.to_carry_out(soon) == [change.pk]
    waiting.heed(account, FULL)
    assert post.to_prepare(soon) == reconcile.to_reconcile(soon) == reconcile.to_confirm(soon) == []
    assert operations.to_carry_out(soon) == [] and operations.carry_out(change.pk) is None
    later = soon + timedelta(days=2)
    figures.begin(timezone.now())
    assert not figures.due(timezone.now() + timedelta(minutes=59)) and account.pk in health.to_check(later)
    assert account.pk not in health.to_check(timezone.now() + timedelta(minutes=59))


@pytest.mark.parametrize(("limit", "posts_wait"), [(300, True), (30, False)])
def test_deletions_that_are_counted_apart_wait_alone(
    published: PostPart, account: Account, server: MastodonServer, limit: int, posts_wait: bool
) -> None:
    operation = withdrawn(published)
    server.control({"rate_limit": limit})
    server.faults.set("429", on=DELETE)
    assert operations.carry_out(operation.pk) == "pending"
    Operation.objects.update(due_at=timezone.now())
    assert operations.to_carry_out(timezone.now()) == []
    server.control({"rate_limit": 300})
    going = words_only(account)
    assert post.to_publish(timezone.now()) == ([] if posts_wait else [going.pk])


def test_pictures_that_are_counted_apart_wait_alone(account: Account, server: MastodonServer) -> None:
    first, second = begun(scheduled(account)), begun(scheduled(account))
    server.control({"rate_limit": 30})
    server.faults.set("429", on=UPLOAD)
    assert post.publish(first.pk) == DeliveryStatus.PENDING
    before = calls(server, UPLOAD)
    assert post.publish(second.pk) == DeliveryStatus.PENDING and calls(server, UPLOAD) == before
    second.refresh_from_db()
    assert second.due_at > timezone.now() and second.attempts == 0 and second.last_error == first_error(first)
    server.control({"rate_limit": 300})
    assert post.publish(words_only(account).pk) == DeliveryStatus.SENT


def first_error(delivery: Delivery) -> object:
    delivery.refresh_from_db()
    return delivery.last_error


def test_looks_that_are_counted_apart_hold_nothing_up(account: Account) -> None:
    going = words_only(account)
    waiting.heed(account, ThrottledError("Enough read.", retry_after=900, calls=Calls.LOOKS))
    assert post.to_publish(timezone.now()) == [going.pk]


def test_what_the_app_may_not_all_its_accounts_wait_for(
    account: Account, other: Account, elsewhere: Organisation, server: MastodonServer
) -> None:
    stranger = connected(elsewhere, server)
    Account.objects.filter(pk__in=[account.pk, stranger.pk]).update(config=account.config | {"signed_in_with": 5})
    account.refresh_from_db()
    waiting.heed(account, ThrottledError("The app is full.", retry_after=900, of_app=True))
    blocked = Account.objects.filter(blocked_until__gt=timezone.now())
    assert {each.pk for each in blocked} == {account.pk, stranger.pk} and other.pk not in {each.pk for each in blocked}


def test_connecting_anew_ends_the_wait(account: Account, server: MastodonServer) -> None:
    first, second = words_only(account), words_only(account)
    server.faults.set("429")
    post.publish(first.pk)
    assert post.to_publish(timezone.now()) == []
    values = {"server": "https://mastodon.example.org", "access_token": server.token}
    assert connect_account(account.organisation, "mastodon", values).pk == account.pk
    assert set(post.to_publish(timezone.now())) == {first.pk, second.pk}


def test_a_person_who_releases_what_waited_for_a_day_has_it_tried(account: Account) -> None:
    held = words_only(account)
    Message.objects.update(status="held", hold_reason=HoldReason.THROTTLED)
    waiting.heed(account, FULL)
    control.release(held.message, None)
    assert post.to_publish(timezone.now()) == [held.pk]


@pytest.mark.usefixtures("bo")
def test_one_that_will_be_late_for_it_is_told_once(account: Account, server: MastodonServer) -> None:
    waits = words_only(account)
    waiting.heed(account, ThrottledError("A little.", retry_after=1700))
    assert post_trouble.tell_of_delays(timezone.now()) == 0
    waiting.heed(account, FULL)
    assert [post_trouble.tell_of_delays(timezone.now()) for _ in range(2)] == [1, 0]
    notice = Notice.objects.get()
    assert notice.explanation["msgid"] == post_trouble.LATE and notice.subject_id == waits.message.campaign_id
    server.faults.set("429")
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        assert post.publish(waits.pk) == DeliveryStatus.PENDING
    assert Notice.objects.count() == 1, "its own wait is no other news"
