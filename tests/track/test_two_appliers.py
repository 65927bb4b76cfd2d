"""Two workers that apply reports at once: each fact counts once, and the rows come out as if one had done it."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from publisher.models import Delivery, Event
from publisher.models.agreement import check_counts
from publisher.models.counting import move_counts
from publisher.track import events
from publisher.vocabulary import BounceClass, EventKind
from tests.audience_factory import own_newsletter, ready_mail, residents

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

PEOPLE = 20


def apply_all() -> None:
    """Until nothing waits, as the ticks do; who loses a deadlock begins again with the next."""
    try:
        for _ in range(200):
            if not events.anything_waits(timezone.now()):
                return
            try:
                events.apply_waiting(timezone.now())
            except OperationalError:
                continue
    finally:
        connection.close()


def test_two_at_once_leave_what_one_would_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BATCH", 3)
    newsletter = own_newsletter("Kulturnyt")
    residents(newsletter, PEOPLE)
    message = ready_mail(newsletter)
    at = timezone.now()
    Delivery.objects.filter(message=message).update(status="uncertain", first_started_at=at, attempts=1)
    move_counts(message.pk, 1, {"pending": -PEOPLE, "uncertain": PEOPLE})
    ids = list(Delivery.objects.filter(message=message).order_by("pk").values_list("pk", flat=True))
    events.keep(
        events.Fact("esp", f"{kind}-{pk}", kind, at, delivery_id=pk, bounce=bounce)
        for kind, bounce, order in (
            (EventKind.BOUNCED, BounceClass.SOFT, ids),
            (EventKind.SENT, None, reversed(ids)),
        )
        for pk in order
    )
    workers = [threading.Thread(target=apply_all) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not Event.objects.filter(applied_at=None).exists()
    assert set(Delivery.objects.values_list("status", "reason", "bounced_at")) == {("sent", "", at)}
    assert check_counts(message) == []
