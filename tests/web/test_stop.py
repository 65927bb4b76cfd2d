"""Stop alt: says what happens, stops, stays on every page, and is lifted again."""

from __future__ import annotations

import pytest

from publisher.models import Item, Newsletter, Organisation, StopStamp, User
from publisher.review import approval
from tests.review.send_outs import send_out, soon
from tests.web.desk import questions
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database


def test_it_says_what_will_happen_and_what_would_wait(item: Item, newsletter: Newsletter, bo: User) -> None:
    approval.approve(send_out(item, newsletter), bo, scheduled_at=soon())
    page = words(signed_in(bo).get("/stop"))
    assert "Within two seconds no more mails and posts are sent" in page
    assert item.title in page


def test_one_press_stops_and_every_page_says_so(secretariat: Organisation, bo: User) -> None:
    bos = signed_in(bo)
    assert "Stopped." in words(bos.post("/stop", {"do": "stop"}, follow=True))
    assert StopStamp.objects.get().organisation == secretariat
    for path in ("/", "/news", "/sendouts", "/stop"):
        assert "Everything is stopped: nothing is sent until somebody starts it again." in words(bos.get(path))
    bos.post("/stop", {"do": "stop"})
    assert StopStamp.objects.count() == 1


def test_it_is_lifted_and_says_what_then_happens(secretariat: Organisation, bo: User) -> None:
    StopStamp.objects.create(organisation=secretariat, stopped_by=bo)
    bos = signed_in(bo)
    page = words(bos.get("/stop"))
    assert "Stopped by Bo" in page
    assert "What should have begun more than 2 hours ago is held back" in page
    assert "Started again." in words(bos.post("/stop", {"do": "lift"}, follow=True))
    assert not StopStamp.objects.exists()
    bos.post("/stop", {"do": "lift"})


def test_minutes_are_said_where_they_are_no_whole_hours(
    secretariat: Organisation, bo: User, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_ALLOWED_LATENESS_MINUTES = 90
    StopStamp.objects.create(organisation=secretariat, stopped_by=bo)
    assert "more than 90 minutes ago" in words(signed_in(bo).get("/stop"))


def test_the_whole_installations_stop_is_not_ours_to_lift(secretariat: Organisation, bo: User) -> None:
    StopStamp.objects.create()
    bos = signed_in(bo)
    assert "The whole installation is stopped." in words(bos.get("/stop"))
    bos.post("/stop", {"do": "lift"})
    assert StopStamp.objects.exists()


def test_editors_and_readers_may_look_and_not_press(secretariat: Organisation, anna: User) -> None:
    for user in (anna, reader_in(secretariat)):
        client = signed_in(user)
        assert "Only those who approve send-outs can stop everything." in words(client.get("/stop"))
        assert client.post("/stop", {"do": "stop"}).status_code == 403
    assert not StopStamp.objects.exists()


def test_nobody_stops_another_organisation(secretariat: Organisation, elsewhere: Organisation, sven: User) -> None:
    signed_in(sven).post("/stop", {"do": "stop"})
    assert StopStamp.objects.get().organisation == elsewhere


def test_it_speaks_danish_and_asks_little(bo: User) -> None:
    assert '<html lang="da">' in signed_in(bo, "da").get("/stop").content.decode()
    assert questions(signed_in(bo), "/stop") <= 15
