"""How the claim is carried out on a big table: by the partial index, at any stage of a send-out (PostgreSQL only)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from publisher.deliver import claim, finish, outcome
from publisher.deliver.turns import anything_due
from publisher.models import Claim, Message, Newsletter
from publisher.vocabulary import DeliveryStatus, MessageStatus
from tasks.tick import ALL
from tests.audience_factory import mail

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="it is PostgreSQL's planner that is asked"),
]

ROWS, OLD_MESSAGES, LIMIT = 2_000_000, 19, 500
EACH = ROWS // (OLD_MESSAGES + 1)
# As wide as real rows are.
_LOAD = f"""
INSERT INTO publisher_delivery (id, message_id, subscriber_id, subscription_id, domain, status, reason, attempts,
       strikes, due_at, last_error, reply_code, claim_id, first_started_at, sent_at)
SELECT n, %s - {OLD_MESSAGES} + n / {EACH + 1}, n, n, 'd.example.org',
       CASE WHEN n / {EACH + 1} < {OLD_MESSAGES} THEN 'sent' ELSE 'pending' END, '', 1, 0,
       now() - interval '1 hour', '{{}}', 250, CASE WHEN n / {EACH + 1} < {OLD_MESSAGES} THEN %s::uuid END, now(), now()
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
        cursor.execute(_LOAD, [message.pk, uuid.uuid4()])
        for definition in indexes:
            cursor.execute(definition.replace(" public.", " big.").replace("%", "%%"))
        cursor.execute("ANALYZE big.publisher_delivery")
        yield
        transaction.set_rollback(True)


def expect_of_claims(*, null_frac: float, n_distinct: float) -> None:
    """What the statistics say of `claim_id`, in the words of pg_stats."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_clear_attribute_stats('big', 'publisher_delivery', 'claim_id', false)")
        cursor.execute(
            "SELECT pg_restore_attribute_stats('schemaname', 'big', 'relname', 'publisher_delivery', 'attname', "
            "'claim_id', 'inherited', false, 'null_frac', %s::real, 'n_distinct', %s::real)",
            [null_frac, n_distinct],
        )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's steps, the outermost first."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def steps_of(what: Callable[[], object]) -> list[dict[str, Any]]:
    """How the statements about deliveries that `what` makes are carried out, with what each step read; all undone."""
    found: list[dict[str, Any]] = []

    def look(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if "publisher_delivery" in sql and not sql.startswith("EXPLAIN"):
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


def test_claims_read_what_they_take_and_no_more(message: Message, big_table: None) -> None:
    now = timezone.now()
    taker = claim.Taker(uuid.uuid4(), 1, "x.journal")
    assert indexes_of(steps_of(lambda: anything_due(now))).count("delivery_pending") == 1
    # Everything waits; half is sent; a handful is left; nothing is left, and the statistics still speak of a lot.
    for share_left in (1.0, 0.5, 0.001, 0.0):
        sent = "UPDATE publisher_delivery SET status = 'sent', claim_id = %s WHERE status = 'pending' AND id > %s"
        with connection.cursor() as cursor:
            cursor.execute(sent, [uuid.uuid4(), ROWS - EACH + EACH * share_left])
        assert_a_tick_reads_little()
        for place in (None, (str(now - timedelta(hours=1)), ROWS - EACH // 2)):
            steps = steps_of(partial(claim.take, message, uuid.uuid4(), taker, LIMIT, now, after=place))
            assert indexes_of(steps).count("delivery_pending") == 1, f"with {share_left:.1%} left, after {place}"
            read = [step for step in steps if step.get("Relation Name") == "publisher_delivery"]
            assert not [step for step in read if step["Node Type"] in ("Seq Scan", "Bitmap Heap Scan")]
            assert all(step["Actual Rows"] * step["Actual Loops"] <= LIMIT for step in read)


@pytest.mark.parametrize("rows_a_claim", [1, 500])
def test_outcomes_are_stored_in_one_go_whatever_is_expected_of_a_claim(
    message: Message, big_table: None, rows_a_claim: int
) -> None:
    claim_id = uuid.uuid4()
    rows = [ROWS - number for number in range(LIMIT)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE publisher_delivery SET status = 'sending', claim_id = %s WHERE id > %s", [claim_id, ROWS - LIMIT]
        )
    expect_of_claims(null_frac=0.1, n_distinct=-1.0 / rows_a_claim)
    accepted = [outcome.Sent(pk, 250, 1_795_000_000_000_000_000) for pk in rows]
    steps = steps_of(lambda: outcome.store(claim_id, message.pk, 1, accepted, was=DeliveryStatus.SENDING))
    read = [step for step in steps if step["Node Type"] in ("Function Scan", "Index Scan", "Seq Scan")]
    assert {step["Actual Loops"] for step in read} == {1}
    assert all(step["Actual Rows"] <= LIMIT for step in read)


def test_what_is_asked_of_claims_reads_those_and_no_others(message: Message, big_table: None) -> None:
    """Also while the statistics say that hardly anything was ever claimed."""
    expect_of_claims(null_frac=1.0, n_distinct=1.0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE publisher_delivery SET claim_id = %s WHERE status = 'pending'", [uuid.uuid4()])
    mine = [uuid.uuid4(), uuid.uuid4()]
    with connection.cursor() as cursor:
        for number, each in enumerate(mine):
            cursor.execute("UPDATE publisher_delivery SET claim_id = %s WHERE id = %s", [each, number + 1])
    for each in mine:
        Claim.objects.create(pk=each, run_id=each, message=message, host="x", lease_until=timezone.now())

    def ask() -> None:
        finish.to_finish()
        claim.close(mine)
        claim.in_hand(mine[0])
        claim.left_since(mine[0])

    read = [step for step in steps_of(ask) if step.get("Index Name") == "delivery_claim"]
    assert len(read) == 4 and all("claim_id" in step["Index Cond"] for step in read)


def test_a_tick_reads_little_while_the_first_mail_ever_goes_out(message: Message) -> None:
    """Nothing else is in the table, and its statistics are of the freeze: all of it waits."""
    everybody = 20_000
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO publisher_delivery (message_id, subscriber_id, domain, status, reason, attempts, strikes, "
            "due_at, last_error) SELECT %s, n, 'd.example.org', 'pending', '', 0, 0, now() - interval '1 hour', '{}' "
            "FROM generate_series(1, %s) n",
            [message.pk, everybody],
        )
        cursor.execute("ANALYZE publisher_delivery")
        sent = "UPDATE publisher_delivery SET status = 'sent', claim_id = %s WHERE subscriber_id <= %s"
        for share in (0.5, 0.99):
            cursor.execute(sent, [uuid.uuid4(), everybody * share])
            assert_a_tick_reads_little()
