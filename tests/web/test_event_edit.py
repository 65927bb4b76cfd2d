"""An item's page shows its event, and editors put it right by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from publisher.access.audit import timeline
from publisher.compose.drafts import create_campaign
from publisher.models import Campaign, CompiledMail, Item, Message, Newsletter, Organisation, User
from publisher.sources.contract import Event
from publisher.vocabulary import EventStatus
from tests.events import concert, say
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
EVENT = Event(datetime(2026, 12, 5, 18, tzinfo=UTC), datetime(2026, 12, 5, 20, tzinfo=UTC), place="Salen", price="0")


@pytest.fixture
def julekoncert(secretariat: Organisation) -> Item:
    """A concert on 5 December."""
    return concert(secretariat, EVENT)


def given(item: Item, **changes: str) -> dict[str, str]:
    """What the form sends when it was just opened."""
    data = {"day": "2026-12-05", "begins": "19:00", "ends": "21:00", "last_day": "", "place": "Salen", "price": "Free"}
    return data | {"booking_url": "", "status": "scheduled", "revision": str(item.revision)} | changes


def test_the_item_s_page_says_when_and_where(anna: User, julekoncert: Item) -> None:
    with time_machine.travel(NOW):
        page = words(signed_in(anna).get(f"/news/{julekoncert.pk}"))
        assert "Takes place Saturday 5 December at 19:00–21:00 Salen Price Free" in page
        assert "Correct when and where" in page
        say(julekoncert, replace(EVENT, status=EventStatus.CANCELLED))
        assert "Called off Saturday 5 December" in words(signed_in(anna).get(f"/news/{julekoncert.pk}"))


def test_the_list_marks_what_is_over_and_offers_only_what_is_ahead(anna: User, julekoncert: Item) -> None:
    with time_machine.travel(NOW):
        assert "Julekoncert" in words(signed_in(anna).get("/news"))
    with time_machine.travel(datetime(2026, 12, 6, tzinfo=UTC)):
        assert "Julekoncert" not in words(signed_in(anna).get("/news"))
        everything = words(signed_in(anna).get("/news?show=all"))
    assert "Julekoncert" in everything and "Over" in everything


def test_putting_it_right(anna: User, julekoncert: Item) -> None:
    client = signed_in(anna)
    with time_machine.travel(NOW):
        form = client.get(f"/news/{julekoncert.pk}/event").content.decode()
        assert 'value="2026-12-05"' in form and 'value="19:00"' in form and 'value="Free"' in form
        same = client.post(f"/news/{julekoncert.pk}/event", given(julekoncert))
        assert same.status_code == 302 and timeline(julekoncert) == []
        saved = client.post(f"/news/{julekoncert.pk}/event", given(julekoncert, begins="20:00", place="Biblioteket"))
    assert saved["Location"] == f"/news/{julekoncert.pk}"
    julekoncert.refresh_from_db()
    assert julekoncert.event_starts_at == datetime(2026, 12, 5, 19, tzinfo=UTC)
    assert (julekoncert.event_place, julekoncert.event_price, julekoncert.revision) == ("Biblioteket", "0", 2)
    assert [entry.action for entry in timeline(julekoncert)] == ["event_corrected"]


def test_whole_days_and_no_event_at_all(anna: User, julekoncert: Item, item: Item) -> None:
    client = signed_in(anna)
    days = given(julekoncert, begins="", ends="", last_day="2026-12-07")
    assert client.post(f"/news/{julekoncert.pk}/event", days).status_code == 302
    julekoncert.refresh_from_db()
    assert julekoncert.event_all_day and julekoncert.event_ends_at == datetime(2026, 12, 6, 23, tzinfo=UTC)
    none = {"day": "", "status": "scheduled", "revision": "2"}
    assert client.post(f"/news/{julekoncert.pk}/event", none).status_code == 302
    julekoncert.refresh_from_db()
    assert julekoncert.event_starts_at is None
    assert "Say when and where it takes place" in words(client.get(f"/news/{item.pk}"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"day": ""}, "Write the day on which it begins."),
        ({"begins": ""}, "Write when it begins, too."),
        ({"last_day": "2026-12-04"}, "The last day cannot be before the first."),
        ({"ends": "18:00"}, "The event cannot end before it begins."),
        ({"booking_url": "billet"}, "is not a web address"),
        ({"day": "2027-03-28", "begins": "02:30", "ends": ""}, "the clocks are set forward"),
        ({"revision": "0"}, "The news item was changed meanwhile."),
        ({"day": "9999-12-31", "ends": ""}, "too far away"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(anna: User, julekoncert: Item, changes: dict[str, str], why: str) -> None:
    response = signed_in(anna).post(f"/news/{julekoncert.pk}/event", given(julekoncert, **changes, place="Nye Sal"))
    assert response.status_code == 422
    assert why in words(response) and 'value="Nye Sal"' in response.content.decode()
    julekoncert.refresh_from_db()
    assert julekoncert.event_place == "Salen"


def test_only_editors_and_only_their_own(sven: User, secretariat: Organisation, julekoncert: Item) -> None:
    assert signed_in(sven).get(f"/news/{julekoncert.pk}/event").status_code == 404
    assert (
        signed_in(reader_in(secretariat)).post(f"/news/{julekoncert.pk}/event", given(julekoncert)).status_code == 403
    )
    julekoncert.refresh_from_db()
    assert julekoncert.revision == 1


def test_the_receipt_says_what_was_left_out_and_what_a_correction_corrects(
    bo: User, newsletter: Newsletter, julekoncert: Item, item: Item
) -> None:
    sent = create_campaign(item.organisation, [item, julekoncert], newsletter=newsletter)
    message = sent.messages.get()
    CompiledMail.objects.create(message=message, segments=[], left_out=[message.blocks.get(item=julekoncert).pk])
    Campaign.objects.filter(pk=sent.pk).update(status="approved")
    Message.objects.filter(pk=message.pk).update(status="held", hold_reason="event_over", scheduled_at=NOW)
    page = words(signed_in(bo).get(f"/sendouts/{sent.pk}"))
    assert "“Julekoncert” was left out: the event is over when the mail is sent." in page
    assert "Send it all the same" in page
    correction = create_campaign(
        item.organisation, [julekoncert], newsletter=newsletter, title="Called off: Julekoncert"
    )
    correction.messages.get().corrects.add(message)
    Campaign.objects.filter(pk=correction.pk).update(status="in_review")
    page = words(signed_in(bo).get(f"/sendouts/{correction.pk}"))
    assert f"Corrects {sent.title}" in page and "only for those who got the earlier one" in page
