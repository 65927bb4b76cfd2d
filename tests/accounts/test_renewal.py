"""Access that ends is renewed by one at a time, stored before it is used; what cannot be renewed asks for a person."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone, translation

from publisher.accounts import renewal
from publisher.accounts.connect import connect_account, disconnect_account
from publisher.accounts.health import check
from publisher.accounts.settings import config_of, platform_of
from publisher.deliver import post
from publisher.errors import AccountError, Explanation, TransientError
from publisher.models import Account, Message, Notice, Organisation, PlatformApp, User
from publisher.schedule.healed import held_for_account, release_held
from publisher.vocabulary import AccountStatus, HoldReason, MessageStatus
from tests.accounts.rotating import RotatingServer, config_of_pair
from tests.deliver.posting import begun, scheduled, state

pytestmark = pytest.mark.database


def make_due(account: Account) -> Account:
    """Its time to be renewed has come."""
    Account.objects.filter(pk=account.pk).update(renew_at=timezone.now() - timedelta(minutes=1))
    return Account.objects.get(pk=account.pk)


def verify(account: Account) -> str:
    """Who the platform says we are."""
    return renewal.with_access(account, platform_of(account).verify).name


def test_a_fresh_connection_is_not_renewed(board: Account, rotating: RotatingServer) -> None:
    assert board.renew_at is not None and board.renew_at > timezone.now()
    assert verify(board) == "Rådhuset" and rotating.renewals == 0
    assert renewal.to_renew(timezone.now()) == []


def test_it_is_renewed_when_its_time_has_come(board: Account, rotating: RotatingServer) -> None:
    old = config_of(board)
    due = make_due(board)
    assert renewal.to_renew(timezone.now()) == [board.pk]
    fresh = renewal.fresh_config(due)
    stored = Account.objects.get(pk=board.pk)
    assert rotating.renewals == 1
    assert fresh == config_of(stored) == config_of(due) and fresh.refresh_token != old.refresh_token
    assert stored.renew_at > timezone.now() and (stored.claim_id, stored.lease_until) == (None, None)
    assert stored.config["signed_in_with"], "the app that it was connected with stays known"
    assert verify(board) == "Rådhuset" and rotating.renewals == 1


def test_ahead_it_is_renewed_without_anybody_calling(board: Account, rotating: RotatingServer) -> None:
    make_due(board)
    assert renewal.renew_ahead(board.pk) is True
    assert renewal.renew_ahead(board.pk) is False, "nothing is due any more"
    assert rotating.renewals == 1


def test_expired_access_is_renewed_once_and_the_call_made_again(board: Account, rotating: RotatingServer) -> None:
    rotating.expire()
    assert verify(board) == "Rådhuset" and rotating.renewals == 1


def test_what_is_expired_again_asks_for_a_person(board: Account, rotating: RotatingServer) -> None:
    rotating.expire()
    rotating.while_renewing = rotating.expire
    assert check(board) is False
    assert rotating.renewals == 1
    board.refresh_from_db()
    assert board.status == AccountStatus.NEEDS_RECONNECT


def test_a_server_that_is_down_leaves_the_old_access_for_another_try(board: Account, rotating: RotatingServer) -> None:
    rotating.broken = True
    due = make_due(board)
    assert renewal.fresh_config(due) == config_of(board)
    stored = Account.objects.get(pk=board.pk)
    assert stored.status == AccountStatus.CONNECTED and stored.renew_at > timezone.now() + timedelta(minutes=4)
    assert stored.lease_until is None
    rotating.expire()
    with pytest.raises(TransientError):
        verify(stored)
    rotating.broken = False
    assert verify(Account.objects.get(pk=board.pk)) == "Rådhuset"


def test_it_is_tried_again_when_the_platform_says(board: Account, rotating: RotatingServer) -> None:
    rotating.broken, rotating.away_s = True, 7200
    renewal.fresh_config(make_due(board))
    stored = Account.objects.get(pk=board.pk)
    assert stored.renew_at is not None and stored.renew_at > timezone.now() + timedelta(minutes=119)


def test_a_refused_renewal_is_said_and_told_once(board: Account, rotating: RotatingServer, olga: User) -> None:
    rotating.used |= set(rotating.pairs)
    rotating.expire()
    for _try in range(2):
        with pytest.raises(AccountError):
            verify(Account.objects.get(pk=board.pk))
    stored = Account.objects.get(pk=board.pk)
    assert stored.status == AccountStatus.NEEDS_RECONNECT and "invalid_grant" in stored.last_error["params"]["message"]
    notice = Notice.objects.get()
    assert (notice.user, notice.subject_kind, notice.subject_id) == (olga, "account", board.pk)
    with translation.override("en"):
        words = str(Explanation.from_json(notice.explanation))
    assert "Rådhuset" in words and "invalid_grant" in words
    assert not renewal.due(timezone.now() + timedelta(days=9)).exists(), "it is not tried for ever"


def test_without_the_app_it_must_be_connected_again(board: Account, app: PlatformApp, rotating: RotatingServer) -> None:
    app.delete()
    rotating.expire()
    assert check(board) is False
    stored = Account.objects.get(pk=board.pk)
    assert stored.status == AccountStatus.NEEDS_RECONNECT
    assert stored.last_error["msgid"] == "The access has run out.", "what the platform said, not our own words for it"
    with pytest.raises(AccountError) as found:
        verify(stored)
    assert found.value.explanation.msgid == "The access has run out."


@pytest.mark.django_db(transaction=True)
def test_two_at_once_renew_once(board: Account, rotating: RotatingServer) -> None:
    rotating.expire()
    rotating.while_renewing = lambda: time.sleep(0.5)

    def work() -> str:
        try:
            return verify(Account.objects.select_related("organisation").get(pk=board.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = [worker.result() for worker in [pool.submit(work) for _ in range(4)]]
    assert answers == ["Rådhuset"] * 4
    assert rotating.renewals == 1, "a second one would have taken the access away"


def test_whoever_does_not_get_it_in_time_tries_again_later(
    board: Account, rotating: RotatingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "PATIENCE_S", 0.3)
    Account.objects.filter(pk=board.pk).update(lease_until=timezone.now() + timedelta(minutes=1), claim_id=None)
    rotating.expire()
    with pytest.raises(TransientError):
        verify(board)
    assert rotating.renewals == 0
    assert renewal.to_renew(timezone.now()) == []


def test_a_crash_between_the_call_and_the_commit_is_said_in_words(board: Account, rotating: RotatingServer) -> None:
    """The new pair is lost with the worker, and the platform takes the old one no more: only a person can help."""

    def killed() -> None:
        raise SystemExit

    rotating.while_renewing = killed
    rotating.expire()
    with pytest.raises(SystemExit):
        verify(board)
    stored = Account.objects.get(pk=board.pk)
    assert stored.lease_until is not None and stored.status == AccountStatus.CONNECTED
    Account.objects.filter(pk=board.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    rotating.while_renewing = lambda: None
    assert check(Account.objects.get(pk=board.pk)) is False
    stored = Account.objects.get(pk=board.pk)
    assert stored.status == AccountStatus.NEEDS_RECONNECT and stored.last_error["msgid"] == renewal.INTERRUPTED
    again = connect_account(board.organisation, "rotating", config_of_pair(rotating.new_pair()))
    assert again.pk == board.pk and check(again) is True


def test_who_connects_it_meanwhile_is_not_overwritten(
    board: Account, app: PlatformApp, rotating: RotatingServer
) -> None:
    fresh = config_of_pair(rotating.new_pair())
    rotating.while_renewing = lambda: connect_account(board.organisation, "rotating", fresh, app=app)
    due = make_due(board)
    config = renewal.renewed(due)
    assert config.refresh_token == fresh["refresh_token"]
    assert config_of(Account.objects.get(pk=board.pk)).refresh_token == fresh["refresh_token"]


def test_who_disconnects_it_meanwhile_keeps_it_so(board: Account, rotating: RotatingServer) -> None:
    rotating.while_renewing = lambda: disconnect_account(Account.objects.get(pk=board.pk))
    with pytest.raises(AccountError):
        renewal.renewed(make_due(board))
    stored = Account.objects.get(pk=board.pk)
    assert (stored.status, stored.credentials, stored.renew_at) == (AccountStatus.DISCONNECTED, {}, None)


def test_a_post_whose_access_ran_out_is_public_once(board: Account, rotating: RotatingServer) -> None:
    delivery = begun(scheduled(board))
    rotating.expire()
    assert post.publish(delivery.pk) == "sent"
    assert len(rotating.posts) == 1 and rotating.renewals == 1
    assert state(delivery) == ("sent", "", "committed")


def test_a_post_that_is_refused_is_held_and_goes_on_once_the_channel_is_connected(
    board: Account, rotating: RotatingServer, app: PlatformApp
) -> None:
    delivery = begun(scheduled(board))
    rotating.used |= set(rotating.pairs)
    rotating.expire()
    assert post.publish(delivery.pk) == "pending"
    message = Message.objects.get(pk=delivery.message_id)
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.ACCOUNT_BROKEN)
    assert not held_for_account(timezone.now()).exists(), "not while the channel is refused"
    connect_account(board.organisation, "rotating", config_of_pair(rotating.new_pair()), app=app)
    assert release_held(timezone.now()) == 1
    assert release_held(timezone.now()) == 0
    message.refresh_from_db()
    assert (message.status, message.hold_reason, message.last_error) == (MessageStatus.SENDING, "", {})
    assert post.publish(delivery.pk) == "sent" and len(rotating.posts) == 1


def test_what_is_too_late_by_then_waits_for_a_person(board: Account, rotating: RotatingServer) -> None:
    delivery = scheduled(board)
    late = timezone.now() - timedelta(hours=3)
    Message.objects.filter(pk=delivery.message_id).update(
        status=MessageStatus.HELD, hold_reason=HoldReason.ACCOUNT_BROKEN, scheduled_at=late
    )
    assert release_held(timezone.now()) == 0
    soon = timezone.now() + timedelta(hours=1)
    Message.objects.filter(pk=delivery.message_id).update(scheduled_at=soon)
    assert release_held(timezone.now()) == 1
    message = Message.objects.get(pk=delivery.message_id)
    assert (message.status, message.scheduled_at) == (MessageStatus.SCHEDULED, soon)


def test_a_copy_that_never_sends_takes_nobodys_access_away(
    board: Account, rotating: RotatingServer, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_NEVER_SEND = True
    due = make_due(board)
    assert renewal.to_renew(timezone.now()) == [] and renewal.fresh_config(due) == config_of(board)
    rotating.expire()
    assert check(due) is False and rotating.renewals == 0
    assert Account.objects.get(pk=board.pk).status == AccountStatus.CONNECTED


def test_other_organisations_apps_are_not_used(elsewhere: Organisation, app: PlatformApp, board: Account) -> None:
    stranger = Account.objects.create(organisation=elsewhere, kind="rotating", name="x", config={}, credentials={})
    assert renewal.app_of(stranger) is None and renewal.app_of(board) is not None
