"""Reading published posts back: a few looks with growing pauses."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from django.utils import timezone

from publisher.deliver import post, reconcile
from publisher.models import Account, Delivery
from publisher.review import control
from publisher.vocabulary import PartStep
from tests.contract.mastodon import MastodonServer
from tests.deliver.posting import begun, scheduled, state

pytestmark = pytest.mark.database

READ = "GET /api/v1/statuses"


def looks_in_an_hour() -> list[int]:
    """Seconds from now at which a tick every two seconds would look for a published part."""
    began, looks = timezone.now(), []
    for second in range(0, 3700, 2):
        with time_machine.travel(began + timedelta(seconds=second), tick=False):
            for part_id in reconcile.to_confirm(timezone.now()):
                looks.append(second)
                reconcile.confirm(part_id)
    return looks


@pytest.mark.parametrize("fault", ["500", "429"])
def test_what_cannot_be_read_back_is_looked_at_a_few_times(
    account: Account, server: MastodonServer, fault: str
) -> None:
    delivery = begun(scheduled(account))
    assert post.publish(delivery.pk) == "sent"
    server.faults.set(fault, times=None, on=READ)
    looks = looks_in_an_hour()
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert 4 <= len(looks) <= 6 and pauses == sorted(pauses) and looks[0] <= 2
    assert state(delivery) == ("sent", "", "committed")


def test_a_later_look_reads_it_back(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    post.publish(delivery.pk)
    server.faults.set("500", times=2, on=READ)
    assert len(looks_in_an_hour()) == 3 and state(delivery)[2] == PartStep.CONFIRMED


def test_after_reconciling_it_is_read_back_at_once(account: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(account))
    server.faults.set("commit_then_drop")
    post.publish(delivery.pk)
    Delivery.objects.update(due_at=timezone.now())
    assert reconcile.reconcile(delivery.pk)
    (part_id,) = reconcile.to_confirm(timezone.now())
    assert reconcile.confirm(part_id) and not reconcile.confirm(part_id)


def test_what_only_a_person_knows_of_is_not_asked_for(keyless: Account, server: MastodonServer) -> None:
    delivery = begun(scheduled(keyless))
    server.faults.set("drop_before_read")
    post.publish(delivery.pk)
    control.decide(Delivery.objects.get(), None, "sent")
    assert state(delivery)[2] == PartStep.COMMITTED
    assert reconcile.to_confirm(timezone.now() + timedelta(minutes=5)) == []
