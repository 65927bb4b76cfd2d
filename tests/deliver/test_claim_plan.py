"""How the claim is carried out on a big table: by the partial index, at any stage of a send-out (PostgreSQL only)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from publisher.deliver import claim, finish, outcome
from publisher.deliver.turns import anything_due
from publisher.models import Claim, Message, Newsletter
from publisher.models.line import held
from publisher.schedule.destinations import Slowed
from publisher.vocabulary import DeliveryStatus, MessageStatus
from tasks.tick import ALL
from tests.audience_factory import mail

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="it is PostgreSQL's planner that is asked"),
]

ROWS, OLD_MESSAGES, LIMIT = 2_000_000, 19, 500
DUE = datetime(2026, 11, 20, 9, tzinfo=UTC)
EACH = ROWS // (OLD_MESSAGES + 1)
# A claim's stretch has one time, so its numbers follow each other.
NARROW = {"delivery_pending", "publisher_delivery_pkey"}
# As wide as real rows are.
_LOAD = f"""
INSERT INTO publisher_delivery (id, message_id, subscriber_id, subscription_id, domain, status, reason, attempts,
       strikes, due_at, last_error, reply_code, first_started_at, sent_at)
SELECT n, %s - {OLD_MESSAGES} + n / {EACH + 1}, n, n, 'd.example.org',
       CASE WHEN n / {EACH + 1} < {OLD_MESSAGES} THEN 'sent' ELSE 'pending' END, '', 1, 0,
       %s, '{{}}', 250, now(), now()
FROM generate_series(1, {ROWS}) n
"""


@pytest.fixture
def message(newsletter: Newsletter) -> Message:
    found = mail(newsletter)
    Message.objects.filter(pk=found.pk).update(status=MessageStatus.SENDING)
    return found


@pytest.fixture
def big_table(message: Message) -> Iterator[None]:
    """2 000 000 deliveries in a table of its own, with the real one's columns and indexes, read in its place.

    Filled before it is indexed, without foreign keys and log, so that it takes seconds.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'publisher_delivery'")
        indexes = [definition for (definition,) in cursor.fetchall()]
        assert any("delivery_pending" in definition for definition in indexes)
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute("CREATE SCHEMA big")
        cursor.execute("CREATE UNLOGGED TABLE big.publisher_delivery (LIKE publisher_delivery)")
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'publisher_delivery' "
            "AND table_schema = 'public' AND is_nullable = 'NO'"
        )
        for (column,) in cursor.fetchall():
            # What the plan does not depend on may stay empty.
            cursor.execute(f"ALTER TABLE big.publisher_delivery ALTER {column} DROP NOT NULL")
        cursor.execute("SET LOCAL search_path = big, public")
        cursor.execute(_LOAD, [message.pk, DUE])
        for definition in indexes:
            cursor.execute(definition.replace(" public.", " big.").replace("%", "%%"))
        cursor.execute("ANALYZE big.publisher_delivery")
        yield
        transaction.set_rollback(True)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's steps, the outermost first."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def steps_of(what: Callable[[], object]) -> list[dict[str, Any]]:
    """How the statements about deliveries that `what` makes are carried out, with what each step read; all undone."""
    found: list[dict[str, Any]] = []

    def look(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if "publisher_delivery" in sql and not sql.startswith("EXPLAIN") and not many:
            with transaction.atomic():
                execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values, many, context)
                [(plan,)] = context["cursor"].fetchall()
                found.extend(nodes(plan[0]["Plan"]))
                transaction.set_rollback(True)
        return execute(sql, values, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(look):
            what()
        transaction.set_rollback(True)
    return found


def indexes_of(steps: list[dict[str, Any]]) -> list[str]:
    return [step["Index Name"] for step in steps if "Index Name" in step]


def assert_a_tick_reads_little() -> None:
    steps = steps_of(lambda: ALL.probe.ask(timezone.now()))
    read = [step for step in steps if step.get("Relation Name") == "publisher_delivery" and step["Actual Loops"]]
    assert read and {step["Node Type"] for step in read} <= {"Index Scan", "Index Only Scan"}
    assert sum(step["Actual Rows"] * step["Actual Loops"] for step in read) < 100


def claimed_up_to(message: Message, last: int) -> None:
    """So much of the line is sent, and the message says how far that is."""
    with connection.cursor() as cursor:
        sent = "UPDATE publisher_delivery SET status = 'sent' WHERE message_id = %s AND status = 'pending' AND id <= %s"
        cursor.execute(sent, [message.pk, last])
    Message.objects.filter(pk=message.pk).update(claimed_due_at=DUE, claimed_id=last)


def claim_of(message: Message, after: int, last: int) -> uuid.UUID:
    claim_id = uuid.uuid4()
    Claim.objects.create(
        pk=claim_id, run_id=claim_id, message=message, host="x", lease_until=timezone.now(),
        after_due_at=DUE, after_id=after, last_due_at=DUE, last_id=last,
    )  # fmt: skip
    return claim_id


def test_claims_read_what_they_take_and_no_more(message: Message, big_table: None) -> None:
    now = timezone.now()
    taker = claim.Taker(uuid.uuid4(), 1, "x.journal")
    assert indexes_of(steps_of(lambda: anything_due(now))).count("delivery_pending") == 1
    # Everything waits; half is sent; a handful is left; nothing is left, and the statistics still speak of a lot.
    for share_left in (1.0, 0.5, 0.001, 0.0):
        claimed_up_to(message, int(ROWS - EACH * share_left))
        assert_a_tick_reads_little()
        for slowed in (None, Slowed({})):
            steps = steps_of(partial(claim.take, message, uuid.uuid4(), taker, LIMIT, now, slowed=slowed))
            assert "delivery_pending" in indexes_of(steps), f"with {share_left:.1%} left"
            read = [step for step in steps if step.get("Relation Name") == "publisher_delivery"]
            assert not [step for step in read if step["Node Type"] in ("Seq Scan", "Bitmap Heap Scan")]
            assert all(step["Actual Rows"] * step["Actual Loops"] <= LIMIT for step in read)


@pytest.mark.parametrize("stored_before", [0, LIMIT - 100])
def test_outcomes_are_stored_in_one_go(message: Message, big_table: None, stored_before: int) -> None:
    """Of the first half of a batch as well as of the second."""
    claim_id = claim_of(message, ROWS - LIMIT, ROWS)
    claimed_up_to(message, ROWS - LIMIT + stored_before)
    accepted = [outcome.Sent(ROWS - n, 250, 1_795_000_000_000_000_000) for n in range(LIMIT - stored_before)]
    steps = steps_of(lambda: outcome.store(claim_id, message.pk, 1, accepted, was=DeliveryStatus.SENDING))
    read = [step for step in steps if step["Node Type"] in ("Function Scan", "Index Scan", "Seq Scan")]
    assert {step["Actual Loops"] for step in read} == {1}
    assert all(step["Actual Rows"] + step.get("Rows Removed by Filter", 0) <= LIMIT for step in read)
    assert set(indexes_of(steps)) & NARROW


def test_what_is_asked_of_claims_reads_those_and_no_others(message: Message, big_table: None) -> None:
    """Also when all of the message but these was sent, and the statistics say that all of it waits."""
    mine = [claim_of(message, ROWS - 2 * LIMIT, ROWS - LIMIT), claim_of(message, ROWS - LIMIT, ROWS)]
    claimed_up_to(message, ROWS - 2 * LIMIT)
    Message.objects.filter(pk=message.pk).update(claimed_id=ROWS)

    def ask() -> None:
        finish.to_finish()
        claim.close(mine)
        held(mine[0])
        claim.left_since(mine[0])

    read = [step for step in steps_of(ask) if step.get("Relation Name") == "publisher_delivery"]
    assert {step["Index Name"] for step in read} <= NARROW
    assert all(step["Actual Rows"] + step.get("Rows Removed by Filter", 0) <= LIMIT for step in read)
    assert Claim.objects.count() == 2


def test_a_tick_reads_little_while_the_first_mail_ever_goes_out(message: Message) -> None:
    """Nothing else is in the table, and its statistics are of the freeze: all of it waits."""
    everybody = 20_000
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO publisher_delivery (message_id, subscriber_id, domain, status, reason, attempts, strikes, "
            "due_at, last_error) SELECT %s, n, 'd.example.org', 'pending', '', 0, 0, %s, '{}' "
            "FROM generate_series(1, %s) n RETURNING id",
            [message.pk, DUE, everybody],
        )
        first = min(pk for (pk,) in cursor.fetchall())
        cursor.execute("ANALYZE publisher_delivery")
    for share in (0.5, 0.99):
        claimed_up_to(message, first + int(everybody * share))
        assert_a_tick_reads_little()
