"""Whom a part of a mail is for: the plain rule, the same in bits, and the same in SQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from publisher.audience import rule
from publisher.audience.aims import Aim, Aims, aims_among, aims_of, current_aims, shown
from publisher.compose.compiled import compile_message
from publisher.models import Area, Message, Newsletter, Subscriber, Topic
from publisher.vocabulary import BlockKind
from tests.aimed import areas_of, chose, story, topics_of
from tests.audience_factory import mail, residents

IDS = st.frozensets(st.integers(1, 4), max_size=3)
AIMS = st.builds(Aim, IDS, IDS)
KINDS = st.sampled_from([kind.value for kind in BlockKind])
PEOPLE = st.tuples(IDS, IDS)


@pytest.mark.parametrize(
    ("aim", "areas", "topics", "is_for"),
    [
        (Aim(), {1}, {1}, True),
        (Aim(frozenset({1})), {1, 2}, set(), True),
        (Aim(frozenset({1})), {2}, set(), False),
        (Aim(frozenset({1})), set(), {7}, True),
        (Aim(frozenset({1}), frozenset({7})), {1}, {8}, False),
        (Aim(frozenset({1}), frozenset({7})), {1}, set(), True),
    ],
)
def test_the_rule(aim: Aim, areas: set[int], topics: set[int], is_for: bool) -> None:
    assert aim.is_for(areas, topics) == is_for


@given(st.lists(st.tuples(KINDS, AIMS), max_size=8), PEOPLE)
@example([], (frozenset(), frozenset()))
def test_bits_say_what_the_rule_says(
    blocks: list[tuple[str, Aim]], chosen: tuple[frozenset[int], frozenset[int]]
) -> None:
    aims = aims_among(blocks)
    choices = aims.choices(*chosen)
    for _kind, aim in blocks:
        assert shown(aims.needs(aim), choices) == aim.is_for(*chosen)
    stories = [aim for kind, aim in blocks if kind in {"lead_story", "story"}]
    telling = stories or [aim for kind, aim in blocks if kind != "divider"]
    assert aims.tells(choices) == any(aim.is_for(*chosen) for aim in telling)
    assert Aims.from_json(aims.as_json()) == aims


def test_a_mail_where_nothing_is_aimed_has_no_bits() -> None:
    aims = aims_among([("story", Aim()), ("divider", Aim())])
    assert (aims.bits, aims.choices({1}, {2}), aims.tells(0)) == (0, 0, True)
    assert rule.choices(aims) == "0 + 0" and rule.sees_a_story(aims, "q.choices") == "TRUE"
    assert Aims.from_json({}) == aims


@pytest.mark.database
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_says_what_the_rule_says(newsletter: Newsletter, data: Any) -> None:
    for rows in (Message, Subscriber, Area, Topic):
        rows.objects.all().delete()
    areas, topics = areas_of(newsletter, ["a", "b", "c", "d"]), topics_of(newsletter, ["a", "b", "c"])
    some_areas, some_topics = (st.lists(st.sampled_from(rows), unique=True, max_size=3) for rows in (areas, topics))
    message = mail(newsletter)
    message.blocks.all().delete()
    for n in range(data.draw(st.integers(1, 5))):
        story(message, f"Nyhed {n}", data.draw(some_areas), data.draw(some_topics))
    people = residents(newsletter, 6)
    expected, aims = {}, current_aims(message)
    for person in people:
        chosen = data.draw(some_areas), data.draw(some_topics)
        chose(person, *chosen)
        expected[person.pk] = aims.choices(*({row.pk for row in rows} for rows in chosen))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT s.id, {rule.choices(aims)} FROM publisher_subscription s")
        assert dict(cursor.fetchall()) == expected
    forecast = rule.forecast(message, timezone.now())
    assert forecast.reachable == dict(Counter(expected.values()))
    assert forecast.untold == sum(not aims.tells(choices) for choices in expected.values())
    assert forecast.matched == 6 and forecast.recipients == 6 - forecast.untold


@pytest.mark.database
def test_the_bits_mean_what_they_meant_when_it_was_compiled(newsletter: Newsletter) -> None:
    koege, herlev = areas_of(newsletter, ["Køge", "Herlev"])
    message = mail(newsletter)
    story(message, "Kun Køge", [koege])
    story(message, "Kun Herlev", [herlev])
    assert aims_of(message) == current_aims(message)
    compile_message(message)
    compiled = aims_of(message)
    koege.delete()
    assert aims_of(message) == compiled != current_aims(message)
