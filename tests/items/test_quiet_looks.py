"""What a look asks of the database when it brings nothing new, as most do: few questions, however long the feed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from publisher.items.collect import collect_source
from publisher.items.identity import text_key, title_key
from publisher.models import Item, Source
from tests.items.by_hand import Hand, story
from tests.items.website import HOST, Story, website

pytestmark = pytest.mark.database


def asked(look: CaptureQueriesContext) -> list[str]:
    """The statements, without those that only open and close a transaction."""
    return [query["sql"] for query in look.captured_queries if "SAVEPOINT" not in query["sql"]]


def test_an_unchanged_feed_is_claimed_read_and_settled(source: Source) -> None:
    with website(Story("Åbent kor", f"{HOST}/nyheder/kor", "nyhed-1")):
        collect_source(source.pk)
        with CaptureQueriesContext(connection) as look:
            assert collect_source(source.pk).unchanged
    assert len(asked(look)) == 3


@pytest.mark.parametrize("entries", [1, 30])
def test_a_look_at_entries_that_are_as_they_were_asks_for_no_labels(hand: Hand, entries: int) -> None:
    stories = [story(number) for number in range(entries)]
    hand.gives(*stories)
    with CaptureQueriesContext(connection) as look:
        collected = hand.gives(*stories)
    assert (collected.new, collected.changed, collected.unchanged) == ([], 0, False)
    assert not [sql for sql in asked(look) if "publisher_topic" in sql or "publisher_labelrule" in sql]
    # Made due by the test, claimed, read; its websites' addresses; what is known (two); what has vanished; settled.
    assert len(asked(look)) == 8


def test_what_is_new_is_looked_for_in_indexes_and_not_among_all_items(hand: Hand) -> None:
    """A website's thousands of older items cost nothing."""
    hand.gives(story(1))
    older = [
        Item(organisation_id=hand.row.organisation_id, title_key=title_key(f"{n}"), text_key=text_key(f"{n:100}"))
        for n in range(1000)
    ]
    Item.objects.bulk_create(older)
    with CaptureQueriesContext(connection) as look:
        hand.gives(story(1), story(2))
    question = next(sql for sql in asked(look) if sql.startswith("SELECT") and "UNION" in sql)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE publisher_item")
        cursor.execute(("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + question)
        plan = " ".join(str(row) for row in cursor.fetchall())
    for index in ("item_link_once", "item_title", "item_text"):
        assert index in plan
