"""Rows as older code left them, taken through the migrations that change rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum
from django.utils import timezone

from publisher.items.identity import text_key, title_key
from publisher.models import UNSETTLED, Claim, Delivery, DeliveryCount, Item

pytestmark = [pytest.mark.database, pytest.mark.one_database, pytest.mark.django_db(transaction=True)]

CLAIM = UUID(int=7)
# What the row says before, as a dict of what differs from a mail that waits in nobody's hands; and after: status,
# reason, claim and whether it waits where a claim would look for it.
ROWS: dict[str, tuple[dict[str, object], tuple[str, str, UUID | None, bool]]] = {
    "untouched": ({}, ("pending", "", None, True)),
    "handed back": ({"claim_id": CLAIM}, ("pending", "", None, True)),
    "to be tried again": ({"claim_id": CLAIM, "reason": "busy"}, ("pending", "", None, True)),
    "resent by a person": ({"reason": "refused"}, ("pending", "", None, True)),
    "called off": ({"status": "cancelled"}, ("cancelled", "called_off", None, False)),
    "called off in hand": ({"status": "cancelled", "claim_id": CLAIM}, ("cancelled", "called_off", CLAIM, False)),
    "cancelled for a reason": ({"status": "cancelled", "reason": "stopped"}, ("cancelled", "stopped", None, False)),
    "in hand": ({"status": "sending", "claim_id": CLAIM}, ("uncertain", "journal_lost", CLAIM, False)),
    "sent": ({"status": "sent", "claim_id": CLAIM}, ("sent", "", CLAIM, False)),
    "failed": ({"status": "failed", "claim_id": CLAIM, "reason": "refused"}, ("failed", "refused", CLAIM, False)),
    "skipped": ({"status": "suppressed", "reason": "bounced"}, ("suppressed", "bounced", None, False)),
    "post under preparation": ({"account_id": 1, "claim_id": CLAIM}, ("pending", "", CLAIM, True)),
    "post to be tried again": ({"account_id": 2, "claim_id": CLAIM, "reason": "busy"}, ("pending", "", CLAIM, True)),
}


def a_mail(apps: Any) -> Any:
    """With the least that older tables ask of it."""
    organisation = apps.get_model("publisher", "Organisation").objects.create(name="Sekretariatet", slug="s")
    newsletter = apps.get_model("publisher", "Newsletter").objects.create(organisation=organisation, name="N", slug="n")
    campaign = apps.get_model("publisher", "Campaign").objects.create(organisation=organisation, title="Nyt")
    return apps.get_model("publisher", "Message").objects.create(
        campaign=campaign, outlet="email", newsletter=newsletter
    )


def migrated(name: str | None) -> MigrationExecutor:
    """Go to the migration of this name, forward or back; None: to the latest."""
    executor = MigrationExecutor(connection)
    executor.migrate([("publisher", name)] if name else executor.loader.graph.leaf_nodes("publisher"))
    return executor


@pytest.fixture
def tables_of(transactional_db: None) -> Iterator[Callable[[str], Any]]:
    """Goes back to a migration and gives its models; afterwards the tables are as all other tests want them."""

    def back(name: str) -> Any:
        return migrated(name).loader.project_state(("publisher", name)).apps

    try:
        yield back
    finally:
        # Whatever the test did: no row may keep the tables from becoming the latest.
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM publisher_delivery")
        migrated(None)


def test_what_older_code_handed_back_waits_in_nobodys_hands(tables_of: Callable[[str], Any]) -> None:
    apps = tables_of("0010_links")
    message = a_mail(apps)
    older = apps.get_model("publisher", "Delivery").objects
    numbers = {
        # The database keeps no foreign keys of deliveries.
        name: older.create(**{"message_id": message.pk, "status": "pending", "due_at": timezone.now(), **before}).pk
        for name, (before, _after) in ROWS.items()
    }
    counts = apps.get_model("publisher", "DeliveryCount").objects
    for status in ("pending", "sending"):
        counts.create(message=message, status=status, lane=1, count=5)
    claims = apps.get_model("publisher", "Claim").objects
    claims.create(run_id=CLAIM, message=message, host="x", journal="x", lease_until=timezone.now())
    migrated(None)
    waiting = set(Delivery.objects.filter(UNSETTLED).values_list("pk", flat=True))
    rows = {row.pk: row for row in Delivery.objects.all()}
    found = {name: ((row := rows[pk]).status, row.reason, row.claim_id, pk in waiting) for name, pk in numbers.items()}
    assert found == {name: after for name, (_before, after) in ROWS.items()}
    assert not Claim.objects.exists(), "its journal speaks of what became uncertain"
    figures = DeliveryCount.objects.values_list("status").annotate(number=Sum("count")).order_by("status")
    assert dict(figures) == {"pending": 5, "sending": 4, "uncertain": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=numbers["untouched"]).update(claim_id=CLAIM)


def test_older_code_finds_nothing_to_claim_of_what_is_in_hand(tables_of: Callable[[str], Any]) -> None:
    """Going back: it knows no lines, so the mails of open claims are uncertain, and their journals speak of them."""
    apps = migrated(None).loader.project_state(("publisher", "0014_sending_is_a_post")).apps
    message, now = a_mail(apps), timezone.now()
    rows = apps.get_model("publisher", "Delivery").objects
    numbers = [rows.create(message_id=message.pk, status="pending", due_at=now).pk for _ in range(4)]
    stretch = {"after_due_at": now, "after_id": numbers[0], "last_due_at": now, "last_id": numbers[2]}
    claims = apps.get_model("publisher", "Claim").objects
    claims.create(id=CLAIM, run_id=CLAIM, message=message, host="x", journal="x", lease_until=now, **stretch)
    counts = apps.get_model("publisher", "DeliveryCount").objects
    counts.create(message=message, status="sending", lane=1, count=2)
    older = tables_of("0012_indexes_of_looks").get_model("publisher", "Delivery").objects
    found = list(older.order_by("pk").values_list("status", "claim_id", "attempts"))
    in_hand = ("uncertain", CLAIM, 1)
    assert found == [("pending", None, 0), in_hand, in_hand, ("pending", None, 0)]
    migrated(None)
    assert not Claim.objects.exists()
    figures = DeliveryCount.objects.values_list("status").annotate(number=Sum("count")).order_by("status")
    assert dict(figures) == {"sending": 0, "uncertain": 2}


def test_items_of_older_versions_can_be_known_again(tables_of: Callable[[str], Any]) -> None:
    """They get their headline's and their text's key, and a link's key without www. unless another item has it."""
    apps = tables_of("0015_news_from_anywhere")
    organisation = apps.get_model("publisher", "Organisation").objects.create(name="Sekretariatet", slug="s")
    for title, place in (("Åbent hus", "www.example.org/a"), ("Marked", "www.example.org/b"), ("Kor", "example.org/b")):
        apps.get_model("publisher", "Item").objects.create(
            organisation=organisation,
            title=title,
            link=f"https://{place}",
            link_key=place,
            body_text="Se mere" if title == "Kor" else f"{title} på torvet. " * 10,
        )
    migrated(None)
    items = list(Item.objects.order_by("pk"))
    assert [item.link_key for item in items] == ["example.org/a", "www.example.org/b", "example.org/b"]
    assert [item.title_key for item in items] == [title_key(item.title) for item in items]
    assert [item.text_key for item in items] == [text_key(item.body_text) for item in items]
    assert [bool(item.text_key) for item in items] == [True, True, False]
