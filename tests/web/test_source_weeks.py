"""How much came from each source, week by week: only what it made itself is its news."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.models import Item, Sighting, Source, User
from publisher.vocabulary import ItemState
from publisher.web.source_weeks import weeks_of
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database


def test_each_source_shows_its_weeks(anna: User, source: Source) -> None:
    now = timezone.now()
    Source.objects.create(organisation=source.organisation, kind="feed", name="Den stille")
    for number, weeks in enumerate((0, 0, 0, 2, 30)):
        item = Item.objects.create(organisation=source.organisation, title=f"Nyhed {number}")
        sighting = Sighting.objects.create(source=source, item=item, external_key=str(number))
        Sighting.objects.filter(pk=sighting.pk).update(first_seen_at=now - timedelta(weeks=weeks))
    older = Item.objects.create(organisation=source.organisation, title="Ældre", state=ItemState.SEEN)
    Sighting.objects.create(source=source, item=older, external_key="older")
    week = timezone.localtime(now).isocalendar().week
    expected = f"4 new items in 26 weeks, most in week {week}: 3."
    for address in ("/settings/sources", f"/settings/sources/{source.pk}"):
        response = signed_in(anna).get(address)
        assert expected in words(response), address
        html = source_of(response)
        assert html.count("<rect") >= 26 and 'role="img"' in html and "<desc" in html
        assert html.count('role="rowheader"') == 2, "a row for each week in which something came"
    assert "Nothing new yet." in words(signed_in(anna).get("/settings/sources"))
    Source.objects.filter(name="Den stille").update(last_new_item_at=now - timedelta(weeks=40))
    assert "Nothing new in 26 weeks." in words(signed_in(anna).get("/settings/sources"))


def test_only_what_a_source_made_itself_counts_as_its_new_items(anna: User, source: Source) -> None:
    of = {"organisation": source.organisation}
    other = Source.objects.create(**of, kind="push", name="Den anden")
    shared = Item.objects.create(**of, title="Fælles")
    held = Item.objects.create(**of, title="Holdt tilbage", state=ItemState.HELD)
    ours = Item.objects.create(**of, title="Skrevet her", written_by=anna)
    sightings = [(source, shared), (other, shared), (source, shared), (other, held), (other, ours)]
    for number, (of_source, item) in enumerate(sightings):
        Sighting.objects.create(source=of_source, item=item, external_key=str(number))
    weeks = weeks_of(source.organisation, [source, other])
    assert (weeks[source.pk].total, weeks[other.pk].total) == (1, 0)
