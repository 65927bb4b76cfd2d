"""Real workers at the same moment on one post, some of them given up while they still work."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from publisher import http
from publisher.deliver import post, reconcile
from publisher.models import Account, Claim, Delivery
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Request, Response, in_process
from tests.deliver.posting import begun, counters, scheduled, state

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("seed", range(2))
def test_whoever_overtakes_whom_it_is_public_once(keyless: Account, server: MastodonServer, seed: int) -> None:
    delivery = scheduled(keyless)
    chance = random.Random(seed)
    waits = iter([chance.uniform(0, 0.4) for _ in range(1000)])

    def slow(request: Request) -> Response:
        time.sleep(next(waits))
        answer = server(request)
        time.sleep(next(waits))
        return answer

    def again_and_again(*work: Callable[[], object]) -> None:
        until = time.monotonic() + 4
        try:
            while time.monotonic() < until:
                work[chance.randrange(len(work))]()
                time.sleep(next(waits))
        finally:
            connections.close_all()

    def publish() -> object:
        Delivery.objects.filter(pk=delivery.pk, status__in=("pending", "uncertain")).update(due_at=timezone.now())
        return post.publish(delivery.pk) or reconcile.reconcile(delivery.pk)

    def give_up() -> object:
        return post.give_up_dead_claims(timezone.now() + timedelta(minutes=7))

    with http.use_transport(in_process(slow)), ThreadPoolExecutor(4) as pool:
        early = pool.submit(lambda: (post.prepare(delivery.pk), connections.close_all()))
        time.sleep(0.2)
        begun(delivery)
        workers = [pool.submit(again_and_again, publish) for _ in range(2)]
        workers.append(pool.submit(again_and_again, give_up, time.time, time.time))
        for worker in [early, *workers]:
            worker.result()
    # What was given up too often, or in its call, ends as it would alone.
    Delivery.objects.filter(status__in=("pending", "uncertain")).update(due_at=timezone.now(), strikes=0)
    give_up()
    publish()
    status, reason, step = state(delivery)
    assert len(server.posts()) == (status == "sent") and counters(delivery) == {status: 1}
    assert (status, step) == ("sent", "committed") or reason == "stopped_worker"
    assert not Claim.objects.exists()
