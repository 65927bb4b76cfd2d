"""A statement that was built once gives what Django's own would, for whatever is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db.models import BigIntegerField
from django.forms.models import model_to_dict

from publisher.models import Organisation, SameSite, Source
from publisher.models.given import Among, Given
from publisher.models.reading import Reading

pytestmark = pytest.mark.database

ODD = ('a"b', "a\\b", "{a,b}", "æ ø å", "NULL", "17", "🎻", "a'b%s", "")
NAMED = Reading(
    lambda: (
        SameSite.objects.filter(Among("alias", "aliases"), organisation_id=Given("organisation", BigIntegerField()))
        .order_by("pk")
        .values_list("alias", "pk")
    )
)
SOURCES = Reading(lambda: Source.objects.filter(Among("pk", "sources")).order_by("pk"))


@pytest.fixture
def organisation(db: None) -> Organisation:
    return Organisation.objects.create(name="Kultur", slug="kultur")


def test_lists_of_any_length_with_any_signs(organisation: Organisation) -> None:
    rows = [(alias, SameSite.objects.create(organisation=organisation, alias=alias).pk) for alias in ODD]
    for asked in (ODD, ODD[:3], (), ("other",), ODD * 200):
        found = NAMED.ask(organisation=organisation.pk, aliases=asked)
        assert found == [row for row in rows if row[0] in asked]
    assert NAMED.ask(organisation=organisation.pk + 1, aliases=ODD) == []


def test_rows_come_as_django_gives_them(organisation: Organisation) -> None:
    at = datetime(2026, 11, 26, 15, 16, tzinfo=UTC)
    for number in range(2):
        Source.objects.create(
            organisation=organisation,
            kind="feed",
            name=f"{number}",
            config={"url": "https://kultur.example.org/ø"},
            credentials={"password": "hemmelig"},
            last_polled_at=at,
            first_poll_done=True,
        )
    theirs = list(Source.objects.order_by("pk"))
    ours = SOURCES.ask(sources={each.pk for each in theirs})
    assert [model_to_dict(each) for each in ours] == [model_to_dict(each) for each in theirs]
    assert ours[0].credentials == {"password": "hemmelig"}
    ours[0].name = "Nyheder"
    ours[0].save()
    assert Source.objects.filter(name="Nyheder").count() == 1
