"""A lane through an e-mail service's API, over loopback: what the service took is what the rows say."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.compiled import compile_message
from publisher.deliver.lane import run_lane, wanted
from publisher.models import Delivery, Message, Newsletter, TransportHealth
from publisher.models.agreement import check_counts
from publisher.track.events import apply_waiting
from publisher.transports import plain_courier
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus
from tests.api import esp_reports as reports
from tests.audience_factory import own_newsletter, ready_mail, residents
from tests.http.loopback import Site, Visit, closed_port, site

pytestmark = pytest.mark.database
PEOPLE = 12


@pytest.fixture
def service(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A Brevo that takes everything, until a test says otherwise."""
    monkeypatch.setattr(plain_courier, "LONGEST_REST_S", 0.05)
    with site() as here:
        settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP, settings.OPSLAG_ESP_KEY = "esp", "brevo", "k"
        settings.OPSLAG_ESP_URL, settings.OPSLAG_ALLOWED_TARGETS = here.url("/v3/"), frozenset({here.target})
        here.pages["/v3/smtp/email"] = lambda visit: visit.answer(201, b'{"messageId": "<1@x>"}')
        yield here


@pytest.fixture
def mail(db: None) -> Message:
    newsletter: Newsletter = own_newsletter("Kulturnyt")
    residents(newsletter, PEOPLE)
    message = ready_mail(newsletter)
    compile_message(message)
    return message


def statuses(message: Message) -> dict[str, int]:
    return dict(Counter(message.deliveries.values_list("status", flat=True)))


def whom(body: bytes) -> str:
    return str(json.loads(body)["to"][0]["email"])


def test_each_person_is_one_call_and_gets_one_mail(mail: Message, service: Site) -> None:
    assert wanted(timezone.now()) and run_lane() == PEOPLE
    assert statuses(mail) == {"sent": PEOPLE}
    assert Counter(whom(asked.body) for asked in service.asked) == Counter(
        f"beboer{n}@example.org" for n in range(PEOPLE)
    )
    keys = {json.loads(json.loads(asked.body)["headers"]["X-Mailin-custom"])["delivery"] for asked in service.asked}
    assert keys == {f"d{pk}.{mail.public_id.hex}" for pk in mail.deliveries.values_list("pk", flat=True)}
    assert check_counts(mail) == []


def test_each_answer_ends_on_its_row_and_a_report_settles_what_is_unclear(
    mail: Message, service: Site, settings: Any
) -> None:
    says = {"beboer1@": (400, b'{"message": "beboer1@example.org is not valid"}'), "beboer2@": (500, b"")}

    def page(visit: Visit) -> None:
        to = whom(service.asked[-1].body)
        visit.answer(
            *next((said for start, said in says.items() if to.startswith(start)), (201, b'{"messageId": "1"}'))
        )

    settings.OPSLAG_SMTP_CONNECTIONS = 1
    service.pages["/v3/smtp/email"] = page
    run_lane()
    assert statuses(mail) == {"sent": PEOPLE - 2, "failed": 1, "uncertain": 1}
    assert len(service.asked) == PEOPLE, "what is unclear is not repeated"
    failed = mail.deliveries.get(status="failed")
    assert failed.reason == "refused" and failed.reply_code == 400 and "@" not in json.dumps(failed.last_error)
    unclear = mail.deliveries.get(status="uncertain")
    settings.OPSLAG_ESP_WEBHOOK_KEY = reports.USER
    call = reports.call("brevo", (reports.DELIVERED, f"d{unclear.pk}.{mail.public_id.hex}"))
    posted = Client().post("/webhooks/esp/brevo", call.body, content_type=call.content_type, headers=call.headers)
    assert posted.status_code == 200 and apply_waiting(timezone.now()) >= 1
    unclear.refresh_from_db()
    assert unclear.status == DeliveryStatus.SENT and unclear.delivered_at
    assert check_counts(mail) == []


def test_too_fast_costs_nobody_an_attempt(mail: Message, service: Site) -> None:
    answers = [201, 201, 429, 429, 201, 429]

    def page(visit: Visit) -> None:
        status = answers.pop(0) if answers else 201
        visit.answer(status, b'{"messageId": "1"}')

    service.pages["/v3/smtp/email"] = page
    run_lane()
    assert statuses(mail) == {"sent": PEOPLE}
    assert set(mail.deliveries.values_list("attempts", flat=True)) == {1}


def test_a_wrong_key_holds_the_mail_and_nobody_is_lost(mail: Message, service: Site) -> None:
    service.pages["/v3/smtp/email"] = lambda visit: visit.answer(401, b'{"message": "Key not found"}')
    run_lane()
    mail.refresh_from_db()
    assert mail.status == MessageStatus.HELD and mail.hold_reason == HoldReason.MAIL_SERVER
    assert statuses(mail) == {"pending": PEOPLE}


def test_nobody_there_is_a_pause_and_no_attempt(mail: Message, service: Site, settings: Any) -> None:
    port = closed_port()
    settings.OPSLAG_ESP_URL = f"http://127.0.0.1:{port}/v3/"
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({f"127.0.0.1:{port}"})
    run_lane()
    assert statuses(mail) == {"pending": PEOPLE}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    health = TransportHealth.objects.get(kind="esp")
    assert health.failures == 1 and health.paused_until and health.paused_until > timezone.now()
    assert not wanted(timezone.now())


def test_what_is_started_waits_for_no_thread(mail: Message, service: Site, settings: Any) -> None:
    """As many calls are on their way at once as letters are started, however few processors there are."""
    settings.OPSLAG_SMTP_CONNECTIONS = 10
    together, calls = threading.Barrier(10), itertools.count()
    broken = []

    def page(visit: Visit) -> None:
        if next(calls) < 10:
            try:
                together.wait(5)
            except threading.BrokenBarrierError:
                broken.append(1)
        visit.answer(201, b'{"messageId": "1"}')

    service.pages["/v3/smtp/email"] = page
    assert run_lane() == PEOPLE and not broken
