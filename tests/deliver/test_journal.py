"""Journal and recovery: what a dead lane left gets the outcome that its journal proves, and never a better one."""

from __future__ import annotations

import resource
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.deliver import claim, outcome
from publisher.deliver import journal as journal_module
from publisher.deliver.journal import Journal, all_journals, boot_id, dead, journal_folder, read
from publisher.deliver.recover import give_up_lost_claims, recover_dead_journals
from publisher.deliver.slots import Lease, release_slot, slots_taken, take_slot
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.models import Claim, Delivery, DeliveryCount, LaneSlot, Message, Newsletter
from publisher.vocabulary import DeliveryStatus
from tests.audience_factory import ready_mail, residents

pytestmark = pytest.mark.database


class DeadLane:
    """A lane that claimed a batch, wrote its journal for a while, and was killed: its lock is free, its file stays."""

    def __init__(self, message: Message, limit: int) -> None:
        self.message, self.run_id, self.claim_id = message, uuid.uuid4(), uuid.uuid4()
        self.journal = Journal(self.run_id)
        self.place = self.journal.claim(self.claim_id)
        taker = claim.Taker(self.run_id, 1, self.journal.name)
        taken = claim.take(message, self.claim_id, taker, limit, timezone.now())
        self.rows = [each.delivery_id for each in taken.in_hand]

    def begin(self, *places: int) -> None:
        for place in places:
            self.journal.start(self.place, self.rows[place])

    def end(self, *results: outcome.Settled) -> None:
        for result in results:
            self.journal.end(self.place, result.delivery_id, result.as_line())

    def die(self) -> None:
        self.journal.close(keep=True)

    def status(self, place: int) -> tuple[str, str, int]:
        found = Delivery.objects.get(pk=self.rows[place])
        return found.status, found.reason, found.attempts


def totals(message: Message) -> dict[str, int]:
    figures: dict[str, int] = {}
    for status, count in DeliveryCount.objects.filter(message=message).values_list("status", "count"):
        figures[status] = figures.get(status, 0) + count
    return {status: count for status, count in figures.items() if count}


@pytest.fixture
def lane(newsletter: Newsletter) -> DeadLane:
    residents(newsletter, 8)
    return DeadLane(ready_mail(newsletter), 6)


def test_recovery_gives_each_what_the_journal_proves(lane: DeadLane) -> None:
    now = timezone.now()
    lane.begin(0, 1, 2, 3)
    lane.end(
        outcome.sent(lane.rows[0], 250, now),
        outcome.of_error(lane.rows[1], PermanentError("no", reason="refused", code=550), 0, now),
        outcome.of_error(lane.rows[2], TransientError("wait", reason="busy"), 0, now),
    )
    lane.die()
    assert recover_dead_journals() == 6
    assert [lane.status(n) for n in range(6)] == [
        ("sent", "", 1),
        ("failed", "refused", 1),
        ("pending", "", 1),
        ("uncertain", "answer_lost", 1),
        ("pending", "", 0),
        ("pending", "", 0),
    ]
    assert Delivery.objects.get(pk=lane.rows[2]).due_at > now
    assert totals(lane.message) == {"sent": 1, "failed": 1, "uncertain": 1, "pending": 5}
    assert not Claim.objects.exists() and not all_journals()


def test_a_journal_that_a_process_holds_is_left_alone(lane: DeadLane) -> None:
    lane.begin(0)
    assert recover_dead_journals() == 0
    assert Claim.objects.exists()
    lane.die()
    assert recover_dead_journals() == 6


def test_after_a_reboot_all_without_an_end_is_uncertain(lane: DeadLane) -> None:
    lane.begin(0, 1)
    lane.end(outcome.sent(lane.rows[0], 250, timezone.now()))
    lane.die()
    path = journal_folder() / lane.journal.name
    path.write_text(path.read_text().replace(boot_id(), "another-boot"))
    recover_dead_journals()
    assert [lane.status(n)[0] for n in range(6)] == ["sent", *["uncertain"] * 5]


def test_a_lost_journal_makes_the_claim_uncertain_after_its_lease(lane: DeadLane) -> None:
    lane.begin(0)
    lane.die()
    (journal_folder() / lane.journal.name).unlink()
    assert give_up_lost_claims(timezone.now()) == 0
    assert give_up_lost_claims(timezone.now() + timedelta(seconds=61)) == 6
    assert {lane.status(n)[:2] for n in range(6)} == {("uncertain", "journal_lost")}
    assert not Claim.objects.exists()


@pytest.mark.parametrize("foreign", [True, False])
def test_a_journal_elsewhere_or_still_locked_gets_fifteen_minutes(lane: DeadLane, foreign: bool) -> None:
    if foreign:
        Claim.objects.update(host="another-host")
    now = timezone.now()
    assert give_up_lost_claims(now + timedelta(minutes=14)) == 0
    assert give_up_lost_claims(now + timedelta(minutes=17)) == 6
    assert lane.status(0)[0] == "uncertain"
    lane.die()


def test_a_late_journal_corrects_what_was_given_up(lane: DeadLane) -> None:
    lane.begin(0, 1)
    lane.end(outcome.sent(lane.rows[0], 250, timezone.now()))
    give_up_lost_claims(timezone.now() + timedelta(minutes=17))
    assert {lane.status(n)[0] for n in range(6)} == {"uncertain"}
    lane.die()
    recover_dead_journals()
    assert [lane.status(n)[0] for n in range(3)] == ["sent", "uncertain", "pending"]
    assert totals(lane.message) == {"sent": 1, "uncertain": 1, "pending": 6}


def test_an_outcome_that_comes_after_a_person_decided_changes_nothing(lane: DeadLane) -> None:
    Delivery.objects.filter(pk=lane.rows[0]).update(status="failed", claim_id=None)
    stored = outcome.store(
        lane.claim_id, lane.message.pk, 1, [outcome.sent(lane.rows[0], 250, timezone.now())], was=DeliveryStatus.SENDING
    )
    assert stored == 0 and lane.status(0)[0] == "failed"
    lane.die()


def test_a_line_that_found_no_room_announces_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is met before a line; whatever it was to announce must not happen."""
    monkeypatch.setattr(journal_module, "ROOM", 4096)
    journal, claim_id = Journal(uuid.uuid4()), uuid.uuid4()
    journal.claim(claim_id)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size, hard))
    begun = 0
    try:
        with pytest.raises(OSError):
            for begun in range(1, 4096):
                journal.start(0, begun)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert begun > 200
    with pytest.raises(OSError):
        journal.start(0, begun)
    journal.close(keep=True)
    with pytest.raises(OSError):
        journal.start(0, begun)
    record = read(journal.path)
    assert record.claims == [claim_id] and record.started == {(claim_id, number) for number in range(1, begun)}
    assert recover_dead_journals() == 0 and not all_journals()


def test_a_journal_grows_and_what_was_killed_in_it_is_read_to_its_last_line(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, it keeps the room that it never used."""
    monkeypatch.setattr(journal_module, "ROOM", 4096)
    journal, claim_id = Journal(uuid.uuid4()), uuid.uuid4()
    place = journal.claim(claim_id)
    for number in range(1000):
        journal.start(place, number)
        journal.end(place, number, "250 1500")
    assert journal.path.stat().st_size % 4096 == 0
    record = read(journal.path)
    assert len(record.started) == len(record.ends) == 1000
    assert outcome.from_line(7, record.ends[claim_id, 7]) == outcome.Sent(7, 250, 1500)
    journal.close(keep=False)
    assert not all_journals()


def test_an_accepted_mail_is_the_same_in_short_and_in_full() -> None:
    at = timezone.now()
    assert outcome.Sent(3, 250, int(at.timestamp() * 1e6) * 1000).whole() == outcome.sent(3, 250, at)


def test_a_claim_named_but_never_made_recovers_to_nothing(newsletter: Newsletter) -> None:
    journal = Journal(uuid.uuid4())
    journal.claim(uuid.uuid4())
    journal.close(keep=True)
    assert recover_dead_journals() == 0 and not all_journals()


def test_a_dead_lane_gives_its_slot_back(lane: DeadLane) -> None:
    assert take_slot("bulk", lane.run_id, timezone.now()) is not None
    lane.die()
    recover_dead_journals()
    assert LaneSlot.objects.get(number=1).run_id is None


def test_slots_are_as_many_as_configured_and_expire(db: None, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_BULK_LANES = 2
    now = timezone.now()
    runs = [uuid.uuid4() for _ in range(3)]
    assert [take_slot("bulk", run, now) is not None for run in runs] == [True, True, False]
    assert slots_taken("bulk", now) == 2
    release_slot(runs[0])
    assert slots_taken("bulk", now) == 1
    assert take_slot("bulk", runs[2], now) is not None
    later = now + timedelta(seconds=61)
    assert take_slot("bulk", uuid.uuid4(), later) is not None
    lease = Lease(runs[2])
    assert lease.may_start() and not lease.renew([], lambda claim_id: None) and not lease.may_start()


@pytest.mark.parametrize(
    ("error", "attempts", "status", "counts"),
    [
        (UncertainError("?"), 0, "uncertain", True),
        (PermanentError("no", reason="refused"), 0, "failed", True),
        (AccountError("us"), 5, "pending", False),
        (TransientError("wait"), 0, "pending", True),
        (TransientError("wait"), 4, "pending", True),
        (TransientError("wait"), 5, "failed", True),
    ],
)
def test_what_each_error_means(error: Exception, attempts: int, status: str, counts: bool) -> None:
    result = outcome.of_error(1, error, attempts, timezone.now())  # type: ignore[arg-type]
    assert (result.status, result.started) == (status, counts)
    assert outcome.from_line(1, result.as_line()) == result


@given(st.lists(st.tuples(st.sampled_from("SE"), st.integers(0, 3)), max_size=12), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_journal_cut_at_any_byte_never_claims_more_than_happened(steps: list[tuple[str, int]], cut: int) -> None:
    """Cutting the file anywhere may lose the last line; it never turns one delivery's line into another's."""
    claim_id, now = uuid.uuid4(), timezone.now()
    ends = [outcome.sent(n, 250, now) if n % 2 else outcome.Sent(n, 250, int(now.timestamp() * 1e9)) for n in range(4)]
    lines = [f"C {claim_id}"] + [f"S 0 {n}" if kind == "S" else f"E 0 {n} {ends[n].as_line()}" for kind, n in steps]
    whole = "".join(f"{line}\n" for line in lines)
    path = Path(journal_folder()) / f"{uuid.uuid4()}.journal"
    path.write_text(whole[: max(0, len(whole) - cut)])
    record = read(path)
    assert {number for _, number in record.started} <= {n for kind, n in steps if kind == "S"}
    assert {number for _, number in record.ends} <= {n for kind, n in steps if kind == "E"}
    with dead(path) as ours:
        assert ours
    path.unlink()
