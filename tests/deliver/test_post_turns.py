"""What workers do about posts, in which order, and when nobody is woken for each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from publisher import http
from publisher.deliver import post_turns
from publisher.models import Account, Delivery, Organisation, PostPicture, StopStamp
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process
from tests.deliver.posting import CREATE, UPLOAD, connected, scheduled, state

pytestmark = pytest.mark.database


@pytest.fixture
def server() -> Iterator[MastodonServer]:
    server = MastodonServer()
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def account(secretariat: Organisation, server: MastodonServer) -> Account:
    return connected(secretariat, server)


def publishing(server: MastodonServer) -> list[str]:
    """The calls that matter for the order, as they came."""
    return [call for call in server.calls if call in {CREATE, UPLOAD}]


def test_one_slice_takes_a_post_from_its_start_to_being_read_back(account: Account) -> None:
    delivery = scheduled(account)
    assert post_turns.work_on_posts() is False, "nothing is left"
    assert state(delivery) == ("sent", "", "confirmed")


def test_what_is_due_comes_before_what_is_prepared_ahead(account: Account, server: MastodonServer) -> None:
    later = scheduled(account, timezone.now() + timedelta(minutes=5))
    now = scheduled(account)
    post_turns.work_on_posts()
    assert publishing(server) == [UPLOAD, CREATE, UPLOAD]
    assert (state(now)[0], state(later)) == ("sent", ("pending", "", "prepared"))


def test_a_worker_waits_for_an_instant_that_is_near(account: Account, server: MastodonServer) -> None:
    at = timezone.now() + timedelta(seconds=1)
    delivery = scheduled(account, at)
    post_turns.work_on_posts()
    first_commit = delivery.parts.get().first_commit_at
    assert state(delivery)[0] == "sent" and first_commit is not None and first_commit >= at


def test_nothing_that_fails_goes_in_circles(account: Account, server: MastodonServer) -> None:
    """Stopped and refused for good: each look finds it again, and a slice tries it once."""
    StopStamp.objects.create(organisation=None)
    delivery = scheduled(account)
    PostPicture.objects.update(alt="x" * 2000)
    began_s = time.monotonic()
    assert post_turns.work_on_posts() is False and time.monotonic() - began_s < post_turns.SLICE_S
    assert Delivery.objects.get(pk=delivery.pk).last_error
    assert server.posts() == []


def test_a_slice_ends_though_there_is_more(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(account)
    monkeypatch.setattr(post_turns, "SLICE_S", 0.0)
    assert post_turns.work_on_posts() is True
