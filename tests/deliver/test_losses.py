"""What a lane stands on is taken away: database, broker, power, its own process. Nothing is lost or sent twice."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from publisher.deliver import claim, outcome
from publisher.deliver.journal import Journal, all_journals
from publisher.deliver.lane import run_lane
from publisher.deliver.recover import recover_dead_journals
from publisher.models import Claim, Message, Newsletter, Notice, User
from publisher.review import control
from publisher.schedule import dispatch
from publisher.vocabulary import HoldReason, MessageStatus, NoticeKind
from tasks import deliver
from tasks.celery import app
from tests.audience_factory import mail, ready_mail, residents
from tests.deliver.lanes import lane_on_a_thread
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


def statuses(message: Message) -> dict[str, int]:
    return dict(Counter(message.deliveries.values_list("status", flat=True)))


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(name)
        return str(cursor.fetchone()[0])


def until(sink: RunningSink, taken: int) -> None:
    deadline = time.monotonic() + 20
    while sink.count() < taken and time.monotonic() < deadline:
        time.sleep(0.01)


def killed_lane(message: Message, *, begun: int = 0, ended: int = 0) -> None:
    """A lane whose process is gone from one instruction to the next: its journal has no last line."""
    run_id, claim_id = uuid.uuid4(), uuid.uuid4()
    journal = Journal(run_id)
    number = journal.claim(claim_id)
    taken = claim.take(message, claim_id, claim.Taker(run_id, 1, journal.name), 4, timezone.now())
    rows = [found.delivery_id for found in taken.in_hand]
    for row in rows[:begun]:
        journal.start(number, row)
    for row in rows[:ended]:
        journal.end(number, row, outcome.sent(row, 250, timezone.now()).as_line())
    # What the end of a process does: the file is neither cut to its length nor closed with a word.
    journal._map.close()
    os.close(journal._fd)


def test_a_claim_survives_a_power_cut(db: None) -> None:
    """The rows say what was claimed even if the journal was never written to disk: commits wait for the disk."""
    if connection.vendor == "postgresql":
        assert (setting("SHOW synchronous_commit"), setting("SHOW fsync")) == ("on", "on")
    else:
        # 2 is FULL.
        assert (setting("PRAGMA journal_mode"), setting("PRAGMA synchronous")) == ("wal", "2")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="a file has no default of its own")
def test_the_claims_own_connection_waits_for_the_disk_where_others_do_not(newsletter: Newsletter) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    seen: list[str] = []

    def during(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if "publisher_claim" in sql and not sql.startswith("SELECT"):
            # On the very connection, before its transaction ends.
            with context["connection"].connection.cursor() as cursor:
                seen.append(cursor.execute("SHOW synchronous_commit").fetchone()[0])
        return found

    def claims() -> None:
        try:
            with connection.execute_wrapper(during):
                claim.take(message, uuid.uuid4(), claim.Taker(uuid.uuid4(), 1, "j"), 2, timezone.now())
        finally:
            connection.close()

    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        known = connection.get_connection_params()
        where = {each: known[each] for each in ("dbname", "host", "port", "user", "password") if each in known}
        with psycopg.connect(**where) as other:
            assert other.execute("SHOW synchronous_commit").fetchone() == ("off",)
        # A thread has a connection of its own, as a lane does.
        lane = threading.Thread(target=claims)
        lane.start()
        lane.join(30)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert seen and set(seen) == {"on"} and Claim.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="a file is not taken away")
def test_a_database_that_goes_away_in_mid_send_costs_nothing(
    newsletter: Newsletter, tmp_path: Path, settings: Any
) -> None:
    with running_sink(tmp_path / "slow", delay_s=0.02) as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        residents(newsletter, 300)
        message = ready_mail(newsletter)
        broke: list[BaseException] = []

        def run() -> None:
            try:
                run_lane()
            except DatabaseError as error:
                broke.append(error)
            finally:
                connection.close()

        lane = threading.Thread(target=run)
        lane.start()
        until(sink, 20)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        lane.join(30)
        assert broke and all_journals(), "it ended, and left what it knew"
        handed_over = sink.count()
        assert 20 <= handed_over < 300
        assert recover_dead_journals() > 0
        assert statuses(message) == {"sent": handed_over, "pending": 300 - handed_over}
        while run_lane():
            pass
        taken = [recipient for _, recipient in sink.accepted()]
    message.refresh_from_db()
    assert len(taken) == len(set(taken)) == 300 and statuses(message) == {"sent": 300}
    assert message.strikes == 0, "it was not the mail's fault"


def test_a_lane_needs_no_broker(
    newsletter: Newsletter, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot ask for the next slice; that is the next tick's business."""
    monkeypatch.setattr(app.conf, "broker_write_url", f"redis+socket://{tmp_path}/nobody.sock")
    residents(newsletter, 5)
    message = ready_mail(newsletter)
    with running_sink(tmp_path / "sink") as sink, app.connection_for_write() as nobody:
        settings.OPSLAG_SMTP_URL = sink.url
        monkeypatch.setattr(deliver.run_lane, "apply_async", lambda *args, **options: nobody.ensure_connection(
            max_retries=1, interval_start=0, interval_step=0, interval_max=0))  # fmt: skip
        with pytest.raises((BrokerError, OSError)):
            deliver.run_lane()
        assert sink.count() == 5
    assert statuses(message) == {"sent": 5} and not Claim.objects.exists() and not all_journals()


def test_a_mail_that_kills_its_worker_is_held_the_third_time(newsletter: Newsletter, bo: User) -> None:
    residents(newsletter, 8)
    message = ready_mail(newsletter)
    for strike in (1, 2, 3):
        message.refresh_from_db()
        assert (message.status, message.strikes) == (MessageStatus.SENDING, strike - 1)
        killed_lane(message)
        assert recover_dead_journals() == 4
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.WORKER_KILLED)
    assert statuses(message) == {"pending": 8}
    assert list(Notice.objects.values_list("user", "kind")) == [(bo.pk, NoticeKind.ALERT)]


def test_a_worker_killed_among_letters_that_went_well_is_not_the_mails_fault(newsletter: Newsletter) -> None:
    residents(newsletter, 8)
    message = ready_mail(newsletter)
    for _ in range(2):
        killed_lane(message, begun=3, ended=2)
        recover_dead_journals()
    message.refresh_from_db()
    assert (message.status, message.strikes) == (MessageStatus.SENDING, 0)
    assert statuses(message) == {"sent": 4, "uncertain": 2, "pending": 2}


def test_a_good_end_forgives_earlier_deaths(newsletter: Newsletter, tmp_path: Path, settings: Any) -> None:
    residents(newsletter, 8)
    message = ready_mail(newsletter)
    killed_lane(message)
    killed_lane(message)
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        run_lane()
    message.refresh_from_db()
    assert message.strikes == 0 and statuses(message) == {"sent": 8}


def test_of_a_missed_schedule_staff_are_told(newsletter: Newsletter, bo: User, anna: User) -> None:
    residents(newsletter, 2)
    message = mail(newsletter, minutes=-121)
    assert dispatch.prepare(message.pk, timezone.now())
    assert not dispatch.start(message.pk, timezone.now())
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.MISSED)
    [notice] = Notice.objects.all()
    assert (notice.user, notice.kind, notice.explanation["params"]["why"]) == (bo, NoticeKind.ALERT, message.last_error)


@pytest.mark.django_db(transaction=True)
def test_paused_in_mid_send_and_resumed_it_reaches_everybody_once(
    newsletter: Newsletter, bo: User, tmp_path: Path, settings: Any
) -> None:
    settings.OPSLAG_SMTP_CONNECTIONS = 1
    with running_sink(tmp_path / "slow", delay_s=0.02) as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        residents(newsletter, 200)
        message = ready_mail(newsletter)
        Message.objects.filter(pk=message.pk).update(started_at=timezone.now())
        lane = lane_on_a_thread()
        until(sink, 10)
        control.pause(Message.objects.get(pk=message.pk), bo)
        lane.join(30)
        before = sink.count()
        assert 10 <= before < 200 and statuses(message) == {"sent": before, "pending": 200 - before}
        assert run_lane() == 0 and sink.count() == before
        control.resume(Message.objects.get(pk=message.pk), bo)
        while run_lane():
            pass
        taken = [recipient for _, recipient in sink.accepted()]
    assert len(taken) == len(set(taken)) == 200 and statuses(message) == {"sent": 200}
