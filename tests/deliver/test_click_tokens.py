"""One batch, two people: only who said yes is named in the links of their letter, and only by their own token."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from publisher.audience.tracking import allow_tracking
from publisher.compose.compiled import compile_message
from publisher.compose.links import clicked_delivery
from publisher.deliver.lane import run_lane
from publisher.models import Delivery, Link, Message, Newsletter
from publisher.schedule.freeze import freeze
from publisher.vocabulary import LinkCounting, MessageStatus
from tests.audience_factory import mail, residents
from tests.compose.reading import parts_of, read_wire
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


@pytest.fixture
def sink(tmp_path: Path, settings: pytest.FixtureRequest) -> Iterator[RunningSink]:
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


def test_who_said_yes_since_the_freeze_is_named_and_nobody_else(newsletter: Newsletter, sink: RunningSink) -> None:
    newsletter.link_counting = LinkCounting.ONE_BY_ONE
    newsletter.save()
    people = residents(newsletter, 3)
    message = mail(newsletter)
    block = message.blocks.get()
    block.content["link"] = "https://kultur.example.org/"
    block.save()
    message.claim_id = uuid.uuid4()
    Message.objects.filter(pk=message.pk).update(claim_id=message.claim_id)
    compile_message(message)
    freeze(message, timezone.now())
    allow_tracking(people[1], "da")
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING, claim_id=None)
    assert run_lane() == 3
    code, named = Link.objects.get().code, {}
    for wire in sink.messages():
        text, html = parts_of(wire)
        found = {re.search(rf"/l/{code}(?:/([0-9a-f]+))?(?![0-9a-z/])", part)[1] for part in (text, html)}
        named[str(read_wire(wire)["To"]).split("<")[1].split("@")[0]] = found
    mine = Delivery.objects.get(subscription=people[1])
    assert {name: {clicked_delivery(token or "") for token in found} for name, found in named.items()} == {
        "beboer0": {None},
        "beboer1": {mine.pk},
        "beboer2": {None},
    }
