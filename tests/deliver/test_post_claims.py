"""Two workers and one post: whoever lost the claim makes no further call and changes nothing."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.deliver import post, post_claim, reconcile
from publisher.deliver.clock import boot_clock_s
from publisher.deliver.post_claim import ClaimLostError, PostClaim, take
from publisher.errors import InputError, TransientError
from publisher.models import Account, Claim, Delivery, Message, Organisation, PostPart
from publisher.review import control
from publisher.schedule import dispatch
from publisher.vocabulary import DeliveryStatus, PartStep
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Request, Response, listening
from tests.deliver.posting import CREATE, UPLOAD, begun, counters, during, scheduled, state
from tests.elsewhere import Elsewhere

pytestmark = pytest.mark.database


def given_up() -> int:
    return post.give_up_dead_claims(timezone.now() + timedelta(minutes=7))


def test_a_stalled_worker_does_not_publish_what_another_has_published(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    with during(server, UPLOAD, lambda: (given_up(), post.publish(delivery.pk))) as meanwhile:
        assert post.publish(delivery.pk) is None
    assert meanwhile == [(1, DeliveryStatus.SENT)]
    assert len(server.posts()) == 1
    assert state(delivery) == ("sent", "", "committed") and counters(delivery) == {"sent": 1}
    assert not Claim.objects.exists()


def test_a_stalled_worker_that_was_given_up_leaves_the_post_to_others(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    with during(server, UPLOAD, given_up):
        assert post.publish(delivery.pk) is None
    assert not server.posts() and state(delivery) == ("pending", "", "waiting")
    assert post.publish(delivery.pk) == DeliveryStatus.SENT and len(server.posts()) == 1


def test_an_answer_that_comes_after_the_claim_was_given_up_is_left_to_reconciling(
    keyless: Account, server: MastodonServer
) -> None:
    delivery = begun(scheduled(keyless))
    with during(server, CREATE, given_up):
        assert post.publish(delivery.pk) is None
    assert state(delivery) == ("uncertain", "answer_lost", "committing")
    assert reconcile.reconcile(delivery.pk) and len(server.posts()) == 1
    assert state(delivery)[0] == "sent" and counters(delivery) == {"sent": 1}


@pytest.mark.parametrize(("fault", "status"), [("slow", "uncertain"), ("429", "pending")])
def test_an_upload_that_is_late_does_not_touch_what_publishing_did(
    keyless: Account, server: MastodonServer, fault: str, status: str
) -> None:
    delivery = scheduled(keyless)
    server.faults.set(fault, on=CREATE)
    with during(server, UPLOAD, lambda: post.publish(begun(delivery).pk)) as meanwhile:
        assert not post.prepare(delivery.pk)
    assert meanwhile == [status]
    expected = PartStep.COMMITTING if status == "uncertain" else PartStep.PREPARED
    assert state(delivery)[::2] == (status, expected)
    Delivery.objects.update(due_at=timezone.now())
    Account.objects.update(blocked_until=None)
    assert reconcile.reconcile(delivery.pk) if status == "uncertain" else post.publish(delivery.pk)
    assert state(delivery)[0] == "sent" and len(server.posts()) == 1


def test_a_failed_upload_that_is_late_says_nothing(account: Account, server: MastodonServer) -> None:
    delivery = scheduled(account)
    server.faults.set("media_fails", on="GET /api/v1/media")

    def published_meanwhile() -> object:
        server.faults.clear()
        answer = post.publish(begun(delivery).pk)
        server.control({"revoke": server.token})
        return answer

    with during(server, UPLOAD, published_meanwhile) as meanwhile:
        assert not post.prepare(delivery.pk)
    assert meanwhile == ["sent"] and state(delivery) == ("sent", "", "committed")
    account.refresh_from_db()
    assert account.status == "connected" and not account.last_error
    assert Message.objects.get().claim_id is None


def test_what_may_have_been_committed_is_not_committed_again(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    PostPart.objects.update(step=PartStep.COMMITTING, first_commit_at=timezone.now())
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    assert state(delivery) == ("uncertain", "answer_lost", "committing") and not server.posts()


def standing_still(seconds: float, at_step: PartStep) -> Callable[..., Any]:
    """A process that is stopped just after it stored this step."""

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = run(sql, params, many, context)
        if sql.lstrip().startswith("UPDATE publisher_postpart") and str(at_step) in map(str, params):
            time.sleep(seconds)
        return result

    return execute


def test_a_process_that_stood_still_before_its_call_does_not_make_it(
    keyless: Account, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease has run down meanwhile, whatever the row says."""
    delivery = begun(scheduled(keyless))
    monkeypatch.setattr(post, "COMMIT_LEASE", post_claim.CALL + post_claim.MARGIN + timedelta(seconds=0.5))
    with connection.execute_wrapper(standing_still(0.6, PartStep.COMMITTING)):
        assert post.publish(delivery.pk) is None
    assert not server.posts() and state(delivery) == ("sending", "", "prepared")
    assert given_up() == 1 and post.publish(delivery.pk) == DeliveryStatus.SENT
    assert len(server.posts()) == 1


def test_a_process_that_stood_still_after_the_look_at_the_clock_writes_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_claim, "CALL", timedelta(seconds=0.2))
    far = boot_clock_s() + 300
    mine, server = PostClaim(1, uuid.uuid4(), DeliveryStatus.SENDING, far), MastodonServer()
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        with pytest.raises(TransientError), mine.one_call():
            time.sleep(0.3)
            http.send("POST", f"{address}/api/v1/statuses", commit=True)
    assert server.calls == []


def test_uploads_that_outlast_the_claim_are_cut_off_and_tried_again(
    secretariat: Organisation, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their worker lives, so it is no strike; and the row says in words what is slow."""
    server = MastodonServer(rate_limit=10_000)

    def slow(request: Request) -> Response:
        time.sleep(0.5 if f"{request.method} {request.path}" == UPLOAD else 0)
        return server(request)

    with listening(slow) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        values = {"server": address, "access_token": server.token}
        delivery = begun(scheduled(connect_account(secretariat, "mastodon", values)))
        monkeypatch.setattr(post, "UPLOAD_LEASE", post_claim.MARGIN + timedelta(seconds=0.3))
        assert post.publish(delivery.pk) == "pending"
    assert state(delivery) == ("pending", "", "waiting") and not server.posts()
    assert (delivery.strikes, delivery.attempts) == (0, 1) and "too slowly" in delivery.last_error["msgid"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all that is written")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("after", "fault"),
    [
        ("UPDATE publisher_delivery SET status = 'sending'", ""),
        ("UPDATE publisher_postpart", ""),
        ("UPDATE publisher_delivery SET status = 'sent'", ""),
        ("UPDATE publisher_delivery AS d SET", "429"),
    ],
)
def test_who_stands_still_at_any_statement_keeps_nobody_waiting(
    keyless: Account, server: MastodonServer, after: str, fault: str
) -> None:
    """Neither another worker nor the tick that ends its claim: else all would soon stand behind it."""
    delivery = begun(scheduled(keyless))
    if fault:
        server.faults.set(fault)
    stands, may_go_on = threading.Event(), threading.Event()

    def standing(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = run(sql, *rest)
        if after in sql and not stands.is_set():
            stands.set()
            assert may_go_on.wait(10), "somebody waited for it"
        return result

    def work() -> object:
        with connection.execute_wrapper(standing):
            return post.publish(delivery.pk)

    worker = Elsewhere(work)
    try:
        assert stands.wait(10)
        post.publish(delivery.pk)
        given_up()
    finally:
        may_go_on.set()
        with contextlib.suppress(DatabaseError):
            # Its transaction was ended.
            worker.answer()
    assert len(server.posts()) <= 1


def test_a_step_under_another_claim_is_not_stored(account: Account) -> None:
    delivery = begun(scheduled(account))
    old = take(delivery.pk, Delivery.objects.all(), DeliveryStatus.SENDING, timedelta(minutes=2))
    new = take(delivery.pk, Delivery.objects.all(), DeliveryStatus.SENDING, timedelta(minutes=2))
    part = delivery.parts.get()
    assert old is not None and new is not None
    with pytest.raises(ClaimLostError):
        old.step(part, PartStep.PREPARING)
    assert part.step == delivery.parts.get().step == PartStep.WAITING
    new.step(part, PartStep.PREPARING)
    with pytest.raises(ClaimLostError):
        new.step(PostPart(pk=part.pk, delivery=delivery), PartStep.PREPARING)
    stale = PostClaim(delivery.pk, new.claim_id, DeliveryStatus.UNCERTAIN)
    with pytest.raises(ClaimLostError):
        stale.step(part, PartStep.PREPARED)
    assert delivery.parts.get().step == PartStep.PREPARING


@pytest.mark.parametrize("action", ["failed", "sent", "resend"])
def test_nobody_decides_about_a_post_while_it_is_looked_for(
    account: Account, server: MastodonServer, action: str
) -> None:
    """The repeat makes it public: “it was not sent” would be a lie."""
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read")
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    Delivery.objects.update(due_at=timezone.now())
    page = Delivery.objects.get()

    def decided() -> list[str]:
        refused = []
        for shown in (page, Delivery.objects.get()):
            with pytest.raises(InputError) as error:
                control.decide(shown, None, action)
            refused.append(error.value.explanation.msgid)
        return refused

    with during(server, CREATE, decided) as meanwhile:
        assert reconcile.reconcile(delivery.pk)
    assert "at this moment" in str(meanwhile)
    assert state(delivery) == ("sent", "", "committed") and counters(delivery) == {"sent": 1}
    assert len(server.posts()) == 1 and not Claim.objects.exists()


def test_after_a_look_in_vain_a_person_may_decide(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    Delivery.objects.update(due_at=timezone.now())
    assert not reconcile.reconcile(delivery.pk)
    control.decide(Delivery.objects.get(), None, "failed")
    assert state(delivery)[0] == "failed" and counters(delivery) == {"failed": 1}


def test_a_look_that_died_is_taken_up_again_and_decided_about(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    mine = take(delivery.pk, Delivery.objects.all(), DeliveryStatus.UNCERTAIN, reconcile.LEASE)
    assert mine is not None and post.give_up_dead_claims(timezone.now()) == 0
    assert given_up() == 0 and not Claim.objects.exists()
    control.decide(Delivery.objects.get(), None, "resend")
    with pytest.raises(ClaimLostError):
        mine.step(delivery.parts.get(), PartStep.PREPARING)
    assert dispatch.to_start(timezone.now()) == [] and post.publish(delivery.pk) == DeliveryStatus.SENT
