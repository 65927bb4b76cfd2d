"""Two workers apply the rules at the same moment: each item is met once, and the limits hold."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from publisher.models import Account, Block, Campaign, Item, Newsletter, Organisation, Rule, RuleMatch
from publisher.vocabulary import RuleMail, RuleMode

pytestmark = [pytest.mark.database, pytest.mark.system, pytest.mark.django_db(transaction=True)]


def database_for_workers(folder: Path) -> str:
    """A database that other processes can open: PostgreSQL's own, or a copy of the one in memory as a file."""
    if connection.vendor == "postgresql":
        return str(connection.settings_dict["NAME"])
    path = folder / "opslag.sqlite3"
    connection.ensure_connection()
    with sqlite3.connect(path) as copy:
        connection.connection.backup(copy)
    return str(path)


def stored(database: str, table: str) -> int:
    if connection.vendor == "postgresql":
        models = {"publisher_campaign": Campaign, "publisher_rulematch": RuleMatch, "publisher_block": Block}
        return models[table].objects.count()
    with sqlite3.connect(database) as found:
        return int(found.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def two_workers(database: str) -> list[list[int]]:
    """What each of two workers made that began at the same moment."""
    settings = {"DJANGO_SETTINGS_MODULE": "publisher.settings"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.rules.worker", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | settings,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [worker.stdout.readline().strip() for worker in workers if worker.stdout] == ["ready", "ready"]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    made = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    return made


def twelve_items(organisation: Organisation) -> None:
    for number in range(12):
        Item.objects.create(
            organisation=organisation, title=f"Nyhed {number}", link=f"https://kultur.example.org/{number}",
            link_key=f"kultur.example.org/{number}", lead="Alle er velkomne.", body_text="Kom og hør.",
        )  # fmt: skip


@pytest.mark.parametrize(("cap", "campaigns"), [(100, 12), (5, 5)])
def test_two_workers_make_each_campaign_once(
    secretariat: Organisation,
    newsletter: Newsletter,
    practice_account: Account,
    tmp_path: Path,
    cap: int,
    campaigns: int,
) -> None:
    rule = Rule.objects.create(
        organisation=secretariat, name="Alt", newsletter=newsletter, mode=RuleMode.AUTOMATIC, daily_cap=cap
    )
    rule.accounts.add(practice_account)
    twelve_items(secretariat)
    database = database_for_workers(tmp_path)
    first, second = two_workers(database)
    assert len(first) + len(second) == len({*first, *second}) == campaigns
    assert stored(database, "publisher_campaign") == campaigns
    assert stored(database, "publisher_rulematch") == 12


def test_two_workers_keep_the_gap(secretariat: Organisation, practice_account: Account, tmp_path: Path) -> None:
    """One goes out now; eleven wait for turns of their own."""
    rule = Rule.objects.create(
        organisation=secretariat, name="Alt", mode=RuleMode.AUTOMATIC, daily_cap=100, min_gap_minutes=1
    )
    rule.accounts.add(practice_account)
    twelve_items(secretariat)
    database = database_for_workers(tmp_path)
    first, second = two_workers(database)
    assert len(first) + len(second) == stored(database, "publisher_campaign") == 1
    assert turns(database) == 12


def test_two_workers_and_two_rules_fill_one_issue(
    secretariat: Organisation, newsletter: Newsletter, tmp_path: Path
) -> None:
    for name in ("Alt", "Også alt"):
        Rule.objects.create(
            organisation=secretariat, name=name, newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE, daily_cap=100
        )
    twelve_items(secretariat)
    database = database_for_workers(tmp_path)
    assert two_workers(database) == [[], []]
    assert stored(database, "publisher_campaign") == 1
    assert stored(database, "publisher_block") == 12
    assert stored(database, "publisher_rulematch") == 24


def turns(database: str) -> int:
    """How many different instants the items got."""
    if connection.vendor == "postgresql":
        return RuleMatch.objects.values("goes_at").distinct().count()
    with sqlite3.connect(database) as found:
        return int(found.execute("SELECT COUNT(DISTINCT goes_at) FROM publisher_rulematch").fetchone()[0])
