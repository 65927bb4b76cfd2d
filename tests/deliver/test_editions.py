"""One claim, several editions: two people in one batch get the stories that each of them chose, in one lane."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from publisher.compose.compiled import compile_message
from publisher.deliver import finish
from publisher.deliver.lane import run_lane
from publisher.models import Delivery, Message, Newsletter
from publisher.schedule.freeze import freeze
from publisher.track.receipts import receipt
from publisher.vocabulary import MessageStatus
from tests.aimed import areas_of, chose, story
from tests.audience_factory import mail, residents
from tests.compose.reading import check_wire, parts_of, read_html, read_wire
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


@pytest.fixture
def sink(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[RunningSink]:
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


def test_two_people_in_one_batch_get_their_own_editions(newsletter: Newsletter, sink: RunningSink) -> None:
    koege, herlev, ishoej = areas_of(newsletter, ["Køge", "Herlev", "Ishøj"])
    people = residents(newsletter, 4)
    for person, area in zip(people, (koege, herlev, ishoej), strict=False):
        chose(person, [area])
    message = mail(newsletter)
    message.blocks.all().delete()
    for area in (koege, herlev):
        story(message, f"Nyt fra {area}", [area])
    message.claim_id = uuid.uuid4()
    Message.objects.filter(pk=message.pk).update(claim_id=message.claim_id)
    compile_message(message)
    freeze(message, timezone.now())
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING, claim_id=None)
    assert run_lane() == 3
    message.refresh_from_db()
    assert message.claimed_id == message.deliveries.latest("pk").pk, "one batch"
    got = {str(read_wire(wire)["To"]).split("@")[0].rpartition("<")[2]: wire for wire in sink.messages()}
    stories = {}
    for name, wire in got.items():
        check_wire(wire.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        text, html = parts_of(wire)
        stories[name] = sorted(word for word in ("Køge", "Herlev") if f"Nyt fra {word}" in text)
        assert stories[name] == sorted(w for w in ("Køge", "Herlev") if f"Nyt fra {w}" in read_html(html).text)
    assert stories == {"beboer0": ["Køge"], "beboer1": ["Herlev"], "beboer3": ["Herlev", "Køge"]}
    skipped = Delivery.objects.get(status="suppressed")
    assert (skipped.subscription, skipped.reason) == (people[2], "nothing_for_them")
    assert finish.finish(message.pk, timezone.now()) and receipt(message).adds_up
