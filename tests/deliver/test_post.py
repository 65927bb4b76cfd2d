"""Posts against the strict contract server: public once, whatever is lost on the way; every outcome on its row."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from publisher.deliver import finish, post, reconcile
from publisher.deliver.post_claim import take_to_publish
from publisher.errors import Explanation
from publisher.models import Account, Claim, Delivery, Message, Organisation, PostPart, PostPicture, StopStamp
from publisher.review import control
from publisher.review.afterwards import Wish, carry_through
from publisher.vocabulary import DeliveryStatus, MessageStatus, PartStep
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun, connected, counters, scheduled, state

pytestmark = pytest.mark.database


def test_a_post_goes_out_with_picture_alt_text_and_link_and_is_read_back(
    account: Account, server: MastodonServer
) -> None:
    delivery = scheduled(account)
    assert post.to_prepare(timezone.now()) == [delivery.pk]
    assert post.prepare(delivery.pk)
    assert not server.posts() and state(delivery) == ("pending", "", "prepared")
    assert post.to_prepare(timezone.now()) == []
    begun(delivery)
    assert post.to_publish(timezone.now()) == [delivery.pk]
    assert post.publish(delivery.pk) == DeliveryStatus.SENT
    assert post.publish(delivery.pk) is None, "nobody else may have it"
    part = delivery.parts.get()
    assert reconcile.to_confirm(timezone.now()) == [part.pk] and reconcile.confirm(part.pk)
    (public,) = server.posts()
    assert public.text.startswith("Åben øvelse på Ærø – kom & hør") and "/nyheder/oevelse" in public.text
    assert [media.alt for media in public.media] == ["Et orkester øver"] and public.language == "da"
    part.refresh_from_db()
    assert part.step == PartStep.CONFIRMED and public.status_id in part.permalink
    assert finish.finish(delivery.message_id, timezone.now()) and not Claim.objects.exists()
    assert counters(delivery) == {"sent": 1}


@pytest.mark.parametrize(
    "fault", ["commit_then_drop", "commit_then_500", "commit_then_page", "drop_before_read", "500"]
)
def test_a_lost_answer_is_uncertain_and_never_public_twice(
    account: Account, server: MastodonServer, fault: str
) -> None:
    delivery = begun(scheduled(account))
    server.faults.set(fault)
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    assert state(delivery) == ("uncertain", "answer_lost", "committing")
    assert reconcile.to_reconcile(timezone.now()) == [], "not at once"
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.to_reconcile(timezone.now()) == [delivery.pk]
    assert reconcile.reconcile(delivery.pk), "the same key is repeated"
    assert state(delivery)[0] == "sent" and len(server.posts()) == 1
    assert counters(delivery) == {"sent": 1}


def test_a_server_that_refuses_a_key_it_knows_is_looked_through(account: Account, server: MastodonServer) -> None:
    """mastodon#40399: a repeated key is answered with 500, and the post is there."""
    delivery = begun(scheduled(account))
    server.faults.set("commit_then_drop")
    post.publish(delivery.pk)
    server.faults.set("duplicate_quirk", times=None)
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    assert state(delivery)[0] == "sent" and len(server.posts()) == 1


@pytest.mark.parametrize("kind", ["gotosocial", "takahe"])
def test_where_keys_are_ignored_it_is_looked_for_instead(
    secretariat: Organisation, server: MastodonServer, kind: str
) -> None:
    delivery = begun(scheduled(connected(secretariat, server, kind)))
    server.faults.set("commit_then_drop")
    post.publish(delivery.pk)
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    assert state(delivery)[0] == "sent" and len(server.posts()) == 1


def test_what_cannot_be_found_waits_for_a_person(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    for _ in range(8):
        Delivery.objects.update(due_at=timezone.now())
        assert not reconcile.reconcile(delivery.pk)
    assert reconcile.to_reconcile(timezone.now() + timedelta(days=1)) == []
    assert state(delivery)[0] == "uncertain" and not server.posts()


def test_a_wrong_token_holds_the_message_and_asks_for_a_reconnect(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.control({"revoke": server.token})
    assert post.publish(delivery.pk) == DeliveryStatus.PENDING
    account.refresh_from_db()
    message = Message.objects.get(pk=delivery.message_id)
    assert account.status == "needs_reconnect" and str(Explanation.from_json(account.last_error))
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, "account_broken")
    delivery.refresh_from_db()
    assert delivery.attempts == 0 and not server.posts()


def test_a_refused_post_fails_with_the_platforms_words(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    PostPart.objects.update(text="x" * 600)
    assert post.publish(delivery.pk) == DeliveryStatus.FAILED
    delivery.refresh_from_db()
    assert delivery.reason and str(Explanation.from_json(delivery.last_error))
    assert finish.finish(delivery.message_id, timezone.now())


def test_a_busy_server_is_tried_again_at_the_time_it_names(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("429")
    assert post.publish(delivery.pk) == DeliveryStatus.PENDING
    delivery.refresh_from_db()
    assert delivery.due_at > timezone.now() and delivery.attempts == 0
    with time_machine.travel(delivery.due_at + timedelta(seconds=1), tick=True):
        assert post.publish(delivery.pk) == DeliveryStatus.SENT and len(server.posts()) == 1


@pytest.mark.parametrize(
    ("step", "expected"),
    [("prepared", "pending"), ("preparing", "pending"), ("committing", "uncertain"), ("committed", "sent")],
)
def test_a_worker_that_died_is_judged_by_the_step_it_stored(account: Account, step: str, expected: str) -> None:
    delivery = begun(scheduled(account))
    assert take_to_publish(delivery.pk, post.COMMIT_LEASE)
    PostPart.objects.update(step=step, first_commit_at=timezone.now())
    assert post.give_up_dead_claims(timezone.now()) == 0
    assert post.give_up_dead_claims(timezone.now() + timedelta(seconds=121)) == 1
    delivery.refresh_from_db()
    assert delivery.status == expected and counters(delivery) == {expected: 1} and not Claim.objects.exists()


def test_a_post_that_stops_its_worker_three_times_fails(account: Account) -> None:
    delivery = begun(scheduled(account))
    for _ in range(3):
        assert take_to_publish(delivery.pk, post.COMMIT_LEASE)
        post.give_up_dead_claims(timezone.now() + timedelta(seconds=121))
    delivery.refresh_from_db()
    assert (delivery.status, delivery.reason) == ("failed", "stopped_worker")


def test_an_outcome_for_another_claim_changes_nothing(account: Account) -> None:
    delivery = begun(scheduled(account))
    claim_id = take_to_publish(delivery.pk, post.COMMIT_LEASE)
    assert claim_id is not None
    Delivery.objects.filter(pk=delivery.pk).update(claim_id=uuid.uuid4())
    post.give_up_dead_claims(timezone.now() + timedelta(seconds=121))
    delivery.refresh_from_db()
    assert delivery.status == "sending"


@pytest.mark.parametrize("since", ["nothing", "stopped", "paused", "withdrawn"])
def test_what_is_unconfirmed_is_repeated_only_where_it_may_leave(
    account: Account, server: MastodonServer, since: str
) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("drop_before_read")
    assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    if since == "stopped":
        StopStamp.objects.create(organisation=None)
    if since == "paused":
        control.pause(Message.objects.get(), None)
    if since == "withdrawn":
        assert finish.finish(delivery.message_id, timezone.now())
        carry_through(delivery.message.campaign, Wish("Forkert nyhed.", withdraw=True), None)
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk) is (since == "nothing")
    assert len(server.posts()) == (1 if since == "nothing" else 0)


def test_after_a_clock_was_put_back_nothing_is_repeated(account: Account, server: MastodonServer) -> None:
    """By our clock the first call lies ahead; the server has forgotten its key."""
    with time_machine.travel(timezone.now() + timedelta(hours=5), tick=True):
        delivery = begun(scheduled(account))
        PostPicture.objects.all().delete()
        server.faults.set("commit_then_drop")
        assert post.publish(delivery.pk) == DeliveryStatus.UNCERTAIN
    server.clock.advance(7 * 3600)
    Delivery.objects.update(due_at=timezone.now())
    reconcile.reconcile(delivery.pk)
    assert len(server.posts()) == 1
