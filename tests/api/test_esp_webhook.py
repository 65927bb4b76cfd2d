"""What e-mail services report: proved, stored once, applied; and nothing else of it is kept."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from publisher import http
from publisher.api import esp_webhook
from publisher.models import Delivery, Event, Heartbeat, Message, Newsletter, Suppression
from publisher.models.agreement import check_counts
from publisher.operate import heartbeat
from publisher.track.events import apply_waiting
from publisher.transports.esps import ESPS
from publisher.vocabulary import BounceClass, DeliveryStatus, Reason, SuppressionReason
from tests.api import esp_reports as reports
from tests.api.esp_reports import BOUNCED, COMPLAINED, DELIVERED, OPENED, SOFT, UNSUBSCRIBED, Call
from tests.audience_factory import own_newsletter, ready_mail, residents
from tests.track.test_events import handed_over

pytestmark = pytest.mark.database
FOREIGN = "d999999.ffffffffffffffffffffffffffffffff"


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return own_newsletter("Kulturnyt")


@pytest.fixture
def mail(newsletter: Newsletter) -> Message:
    residents(newsletter, 4)
    return ready_mail(newsletter)


@pytest.fixture
def delivery(mail: Message) -> Delivery:
    """One that nobody knows the outcome of."""
    return handed_over(mail, DeliveryStatus.UNCERTAIN)[0]


def key(delivery: Delivery) -> str:
    return f"d{delivery.pk}.{delivery.message.public_id.hex}"


def post(settings: Any, name: str, call: Call, **options: Any) -> Any:
    settings.OPSLAG_ESP, settings.OPSLAG_ESP_WEBHOOK_KEY = name, reports.key_of(name)
    client = Client(raise_request_exception=options.pop("raises", True))
    at = options.pop("path", f"/webhooks/esp/{name}")
    return client.post(at, call.body, content_type=call.content_type, headers=call.headers, **options)


def counted(name: str) -> dict[str, int]:
    noted = heartbeat.noted(heartbeat.name_of_webhook(name))
    return heartbeat.lately(noted, timezone.now()) if noted else {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in reports.NAMES
        for kind in (DELIVERED, BOUNCED, COMPLAINED, UNSUBSCRIBED)
        if (name, kind) not in reports.SILENT
    ],
)
def test_each_report_reaches_the_ledger_once(settings: Any, delivery: Delivery, name: str, kind: str) -> None:
    for _time in range(2):
        assert post(settings, name, reports.call(name, (kind, key(delivery)))).status_code == 200
    assert Event.objects.count() == 1
    assert apply_waiting(timezone.now()) == 1
    delivery.refresh_from_db()
    expected = {BOUNCED: DeliveryStatus.FAILED, UNSUBSCRIBED: DeliveryStatus.UNCERTAIN}
    assert delivery.status == expected.get(kind, DeliveryStatus.SENT)
    assert getattr(delivery, f"{kind}_at") is not None
    assert check_counts(delivery.message) == []
    assert delivery.subscription is not None
    delivery.subscription.refresh_from_db()
    assert (delivery.subscription.unsubscribed_at is not None) == (kind in {COMPLAINED, UNSUBSCRIBED})
    blocked = {BOUNCED: [SuppressionReason.BOUNCED], COMPLAINED: [SuppressionReason.COMPLAINED]}
    assert list(Suppression.objects.values_list("reason", flat=True)) == blocked.get(kind, [])


@pytest.mark.parametrize("name", reports.NAMES)
def test_a_full_mailbox_blocks_nobody(settings: Any, delivery: Delivery, name: str) -> None:
    assert post(settings, name, reports.call(name, (SOFT, key(delivery)))).status_code == 200
    apply_waiting(timezone.now())
    assert not Suppression.objects.exists()
    assert set(Event.objects.values_list("bounce", flat=True)) <= {BounceClass.SOFT}


@pytest.mark.parametrize("name", reports.NAMES)
def test_no_address_is_stored(settings: Any, delivery: Delivery, name: str) -> None:
    post(settings, name, reports.call(name, (BOUNCED, key(delivery))))
    (event,) = Event.objects.all()
    assert "@" not in json.dumps(event.detail) and event.address_key == ""


@pytest.mark.parametrize("name", reports.BATCHES)
def test_a_batch_is_stored_whole(settings: Any, mail: Message, name: str) -> None:
    first, second, third = handed_over(mail, DeliveryStatus.UNCERTAIN, 3)
    call = reports.call(
        name, (DELIVERED, key(first)), (BOUNCED, key(second)), (OPENED, key(first)), (DELIVERED, "x"),
        (COMPLAINED, key(third)),
    )  # fmt: skip
    assert post(settings, name, call).status_code == 200
    assert set(Event.objects.values_list("delivery_id", flat=True)) == {first.pk, second.pk, third.pk}
    assert counted(name) == {"tracked": 1, "foreign": 1}


@pytest.mark.parametrize("name", reports.NAMES)
def test_who_opened_a_mail_is_not_stored_but_told_of(settings: Any, delivery: Delivery, name: str) -> None:
    assert post(settings, name, reports.call(name, (OPENED, key(delivery)))).status_code == 200
    assert not Event.objects.exists()
    assert counted(name) == {"tracked": 1}


@pytest.mark.parametrize("name", reports.NAMES)
def test_mail_of_other_programs_is_counted_and_answered(settings: Any, delivery: Delivery, name: str) -> None:
    assert post(settings, name, reports.call(name, (DELIVERED, "order-4711"))).status_code == 200
    assert post(settings, name, reports.call(name, (DELIVERED, FOREIGN))).status_code == 200
    apply_waiting(timezone.now())
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.UNCERTAIN
    assert counted(name) == {"foreign": 1}


@pytest.mark.parametrize("name", reports.NAMES)
def test_strangers_are_refused(settings: Any, delivery: Delivery, name: str) -> None:
    good = reports.call(name, (BOUNCED, key(delivery)))
    forged = reports.call(name, (BOUNCED, key(delivery)), key="somebody:else")
    assert post(settings, name, forged).status_code == 403
    unsigned = {header: value for header, value in good.headers.items() if header.startswith("x-amz")}
    # Mailgun signs in its body.
    body = good.body.replace(b'"signature": "', b'"signature": "0')
    answer = post(settings, name, dataclasses.replace(good, headers=unsigned, body=body))
    signed = bool(ESPS[name].signing_key)
    assert answer.status_code == (403 if signed else 401)
    assert ("WWW-Authenticate" in answer.headers) != signed
    changed = dataclasses.replace(good, body=good.body.replace(b"anna@", b"berit@"))
    if signed and name != "mailgun":  # which signs its time and a token, and trusts TLS for the rest
        assert post(settings, name, changed).status_code == 403
    assert not Event.objects.exists()
    assert counted(name)["refused"] >= 2


def test_an_old_signature_is_refused(settings: Any, delivery: Delivery) -> None:
    event = reports._resend(BOUNCED, key(delivery))
    old = reports._signed_resend([event], reports.RESEND_KEY, at=time.time() - 3600)
    assert post(settings, "resend", old).status_code == 403


@pytest.mark.parametrize("name", reports.NAMES)
def test_what_cannot_be_stored_comes_again(
    settings: Any, delivery: Delivery, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(facts: object) -> int:
        raise DatabaseError("disk full")

    call = reports.call(name, (DELIVERED, key(delivery)))
    with monkeypatch.context() as now:
        now.setattr(esp_webhook, "keep", broken)
        assert post(settings, name, call, raises=False).status_code == 500
    assert post(settings, name, call).status_code == 200
    assert Event.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b"null", b"\xff\xfe", b'[{"event": 1}]', b"[[[[[["])
@pytest.mark.parametrize("name", ["brevo", "mailjet", "sparkpost", "postmark"])
def test_what_nobody_can_read_is_refused_without_a_word_of_it_in_the_log(
    settings: Any, db: None, name: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    call = dataclasses.replace(reports.call(name, (DELIVERED, "x")), body=body)
    assert post(settings, name, call).status_code in {200, 400}
    assert not Event.objects.exists()


def test_logs_hold_no_addresses(settings: Any, delivery: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in reports.NAMES:
        good = reports.call(name, (BOUNCED, key(delivery)))
        post(settings, name, good)
        post(settings, name, dataclasses.replace(good, body=good.body[:-9]))
        post(settings, name, reports.call(name, (BOUNCED, key(delivery)), key="somebody:else"))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("publisher", "django"))]
    assert ours and not [line for line in ours if "anna" in line or "Basic" in line]


def test_too_much_is_not_even_read(settings: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(esp_webhook, "LARGEST_BODY", 100)
    assert post(settings, "brevo", reports.call("brevo", (BOUNCED, FOREIGN))).status_code == 413


def test_only_the_configured_service_has_an_address(settings: Any, db: None) -> None:
    good = reports.call("brevo", (BOUNCED, FOREIGN))
    assert post(settings, "brevo", good, path="/webhooks/esp/mailjet").status_code == 404
    assert post(settings, "brevo", good, path="/webhooks/esp/brevo/").status_code == 200
    assert post(settings, "scaleway", good).status_code == 404
    settings.OPSLAG_ESP = ""
    assert Client().post("/webhooks/esp/brevo", "{}", content_type="application/json").status_code == 404
    settings.OPSLAG_ESP, settings.OPSLAG_ESP_WEBHOOK_KEY = "brevo", ""
    assert Client().post("/webhooks/esp/brevo", good.body, content_type="application/json").status_code == 403
    assert Client().head("/webhooks/esp/brevo").status_code == 200
    assert Client().get("/webhooks/esp/brevo").status_code == 405


@pytest.fixture
def visited() -> Iterator[list[str]]:
    """The addresses that were visited, which all answer."""
    seen: list[str] = []

    def answer(call: httpx.Request) -> httpx.Response:
        seen.append(str(call.url))
        return httpx.Response(200)

    with http.use_transport(httpx.MockTransport(answer)):
        yield seen


def test_amazons_subscription_is_confirmed_only_at_amazon(settings: Any, db: None, visited: list[str]) -> None:
    def confirm(address: str) -> int:
        call = reports.sns(
            "You have chosen…", reports.USER, "SubscriptionConfirmation", SubscribeURL=address, Token="t"
        )
        return int(post(settings, "ses", call).status_code)

    good = "https://sns.eu-north-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    assert confirm(good) == 200 and visited == [good]
    for bad in ("http://sns.eu-north-1.amazonaws.com/", "https://sns.evil.example/", "https://127.0.0.1/", ""):
        assert confirm(bad) == 403
    assert visited == [good]


def test_the_noted_moment_is_written_about_once_a_minute(settings: Any, delivery: Delivery) -> None:
    call = reports.call("brevo", (DELIVERED, key(delivery)))
    post(settings, "brevo", call)
    first = Heartbeat.objects.get(name="webhook:brevo").at
    post(settings, "brevo", call)
    assert Heartbeat.objects.get(name="webhook:brevo").at == first
    assert delivery.reason != Reason.RETURNED
