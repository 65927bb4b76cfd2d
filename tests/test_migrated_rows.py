"""Rows as older code left them, taken through the migrations that change rows: one way back, and one forward again.

Each step of the way costs seconds, so the rows of all versions travel together, each in an organisation of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum
from django.utils import timezone

from publisher.items.identity import text_key, title_key
from publisher.models import (
    UNSETTLED,
    Account,
    Campaign,
    Claim,
    Delivery,
    DeliveryCount,
    Item,
    Message,
    Organisation,
    Picture,
    PostPicture,
)

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


class Kept(NamedTuple):
    """What one version's rows are looked for by, after the way."""

    message: int
    rows: dict[str, int]


def a_mail(apps: Any, slug: str) -> Any:
    """With the least that older tables ask of it."""
    organisation = apps.get_model("publisher", "Organisation").objects.create(name=slug, slug=slug)
    newsletter = apps.get_model("publisher", "Newsletter").objects.create(
        organisation=organisation, name="N", slug=slug
    )
    campaign = apps.get_model("publisher", "Campaign").objects.create(organisation=organisation, title="Nyt")
    return apps.get_model("publisher", "Message").objects.create(
        campaign=campaign, outlet="email", newsletter=newsletter
    )


def migrated(name: str | None) -> Any:
    """Go to the migration of this name, forward or back, None: to the latest; gives the models of that time."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes("publisher")
    executor.migrate([("publisher", name)] if name else latest)
    return executor.loader.project_state(("publisher", name) if name else latest[0]).apps


@pytest.fixture
def afterwards_the_latest(transactional_db: None) -> Iterator[None]:
    """The tables are then as all other tests want them."""
    try:
        yield
    finally:
        # Whatever the test did: no row may keep the tables from becoming the latest.
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM publisher_delivery")
        migrated(None)


def mails_in_hand(apps: Any) -> Kept:
    """Of claims by stretch: four mails, two of them in hand."""
    message, now = a_mail(apps, "stretches"), timezone.now()
    rows = apps.get_model("publisher", "Delivery").objects
    numbers = [rows.create(message_id=message.pk, status="pending", due_at=now).pk for _ in range(4)]
    stretch = {"after_due_at": now, "after_id": numbers[0], "last_due_at": now, "last_id": numbers[2]}
    claims = apps.get_model("publisher", "Claim").objects
    claims.create(id=CLAIM, run_id=CLAIM, message=message, host="x", journal="x", lease_until=now, **stretch)
    counts = apps.get_model("publisher", "DeliveryCount").objects
    counts.create(message=message, status="sending", lane=1, count=2)
    return Kept(message.pk, {str(pk): pk for pk in numbers})


def mails_of_every_kind(apps: Any) -> Kept:
    """Of claims by row: `ROWS`, an open claim and counters."""
    message = a_mail(apps, "rows")
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
    return Kept(message.pk, numbers)


def items_without_keys(apps: Any) -> None:
    """Of a time when a headline had no key, and a link's key kept www."""
    organisation = apps.get_model("publisher", "Organisation").objects.create(name="Items", slug="items")
    for title, place in (("Åbent hus", "www.example.org/a"), ("Marked", "www.example.org/b"), ("Kor", "example.org/b")):
        apps.get_model("publisher", "Item").objects.create(
            organisation=organisation,
            title=title,
            link=f"https://{place}",
            link_key=place,
            body_text="Se mere" if title == "Kor" else f"{title} på torvet. " * 10,
        )


def an_item_in_a_colleagues_words(apps: Any) -> None:
    """Of a time when what its source had said stood in its history alone."""
    organisation = apps.get_model("publisher", "Organisation").objects.get(slug="items")
    ida = apps.get_model("publisher", "User").objects.create(email="ida@example.org")
    item = apps.get_model("publisher", "Item").objects.create(
        organisation=organisation, title="Vores ord", worded_at=timezone.now(), content_hash="x"
    )
    for number, title, by in ((1, "Kildens ord", None), (2, "Vores ord", ida)):
        apps.get_model("publisher", "ItemRevision").objects.create(
            item=item, number=number, by=by, content={"title": title, "lead": "", "body_text": f"{title}. " * 20}
        )


def a_post_with_pictures() -> int:
    """Of now; older code has room for the first of its pictures."""
    organisation = Organisation.objects.create(name="Album", slug="album")
    account = Account.objects.create(organisation=organisation, kind="practice", name="Album")
    campaign = Campaign.objects.create(organisation=organisation, title="Album")
    post = Message.objects.create(campaign=campaign, outlet="post", account=account)
    for number in (2, 1):
        picture = Picture.objects.create(organisation=organisation, sha256=str(number) * 64, width=1, height=1)
        PostPicture.objects.create(
            message=post, picture=picture, position=number, alt=f"Billede {number}", gone_at=timezone.now()
        )
    return post.pk


def figures(message: int) -> dict[str, int]:
    found = DeliveryCount.objects.filter(message=message).values_list("status").annotate(number=Sum("count"))
    return dict(found.order_by("status"))


def test_rows_of_older_code_come_through_and_go_back(afterwards_the_latest: None) -> None:
    album = a_post_with_pictures()
    before = migrated("0036_said").get_model("publisher", "Message").objects.get(pk=album)
    assert (before.picture_alt, before.picture_gone_at is None) == ("Billede 1", False)
    in_hand = mails_in_hand(
        MigrationExecutor(connection).loader.project_state(("publisher", "0014_sending_is_a_post")).apps
    )
    nothing_to_claim_of_what_is_in_hand(migrated("0012_indexes_of_looks"), in_hand)
    of_every_kind = mails_of_every_kind(migrated("0010_links"))
    items_without_keys(migrated("0015_news_from_anywhere"))
    an_item_in_a_colleagues_words(migrated("0033_text_key"))
    migrated(None)
    assert figures(in_hand.message) == {"sending": 0, "uncertain": 2}
    handed_back_waits_in_nobodys_hands(of_every_kind)
    assert not Claim.objects.exists(), "their journals speak of what became uncertain"
    items_can_be_known_again()
    (first,) = PostPicture.objects.filter(message=album)
    assert (first.position, first.alt) == (0, "Billede 1")


def nothing_to_claim_of_what_is_in_hand(apps: Any, kept: Kept) -> None:
    """Going back: older code knows no lines, so what is in hand is uncertain, and a journal speaks of it."""
    older = apps.get_model("publisher", "Delivery").objects.filter(message_id=kept.message)
    found = list(older.order_by("pk").values_list("status", "claim_id", "attempts"))
    in_hand = ("uncertain", CLAIM, 1)
    assert found == [("pending", None, 0), in_hand, in_hand, ("pending", None, 0)]


def handed_back_waits_in_nobodys_hands(kept: Kept) -> None:
    of_these = Delivery.objects.filter(message=kept.message)
    waiting = set(of_these.filter(UNSETTLED).values_list("pk", flat=True))
    rows = {row.pk: row for row in of_these}
    found = {
        name: ((row := rows[pk]).status, row.reason, row.claim_id, pk in waiting) for name, pk in kept.rows.items()
    }
    assert found == {name: after for name, (_before, after) in ROWS.items()}
    assert figures(kept.message) == {"pending": 5, "sending": 4, "uncertain": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        of_these.filter(pk=kept.rows["untouched"]).update(claim_id=CLAIM)


def items_can_be_known_again() -> None:
    """They have their headline's and their text's key, and a link's key without www. unless another item has it."""
    *items, worded = Item.objects.order_by("pk")
    assert (worded.title, worded.said["title"]) == ("Vores ord", "Kildens ord")
    assert (worded.title_key, worded.text_key) == (title_key("Kildens ord"), text_key("Kildens ord. " * 20))
    assert [item.link_key for item in items] == ["example.org/a", "www.example.org/b", "example.org/b"]
    assert [item.title_key for item in items] == [title_key(item.title) for item in items]
    assert [item.text_key for item in items] == [text_key(item.body_text) for item in items]
    assert [bool(item.text_key) for item in items] == [True, True, False]
