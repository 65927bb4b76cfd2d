"""The API transport, for each service: what goes over the wire, and what each answer means."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import httpx
import pytest
from django.utils import translation

from publisher import http
from publisher.errors import AccountError, OpslagError, PermanentError, TransientError, UncertainError
from publisher.transports import plain_courier
from publisher.transports.contract import Transport
from publisher.transports.esp import EspTransport, ask
from publisher.transports.esps import ESPS
from tests.http.loopback import Site, Visit, closed_port, site
from tests.transports.esp_services import RECIPIENT, SERVICES, Taken, body_of
from tests.transports.transport_contract import KEY, TransportContract, carry, content

Handler = Callable[[httpx.Request], httpx.Response]
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\w")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def chosen(settings: Any, name: str) -> EspTransport:
    settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP = "esp", name
    settings.OPSLAG_ESP_KEY = SERVICES[name].key
    settings.OPSLAG_ESP_URL = "https://postal.example.org" if name == "postal" else ""
    return EspTransport()


def send(transport: Transport, handler: Handler, to: str = RECIPIENT) -> Any:
    with http.use_transport(httpx.MockTransport(handler)):
        return transport.connect().send("bounce@example.org", to, content(to))


def refuse(transport: Transport, status: int, body: Any = None, **headers: str) -> OpslagError:
    answer = httpx.Response(status, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()})
    with pytest.raises(OpslagError) as caught:
        send(transport, lambda call: answer)
    assert "@" not in str(caught.value), "no addresses in words for rows and logs"
    assert RECIPIENT not in "".join(traceback.format_exception(caught.value)), "nor in a traceback"
    return caught.value


@pytest.mark.parametrize("name", SERVICES)
def test_one_recipient_our_headers_our_key_and_no_tracking(settings: Any, name: str) -> None:
    service, taken = SERVICES[name], list[Taken]()

    def answer(call: httpx.Request) -> httpx.Response:
        assert call.method == "POST"
        taken.append(service.read(call, body_of(call)))
        return service.yes.response()

    accepted = send(chosen(settings, name), answer)
    (mail,) = taken
    assert mail.url == service.url
    assert mail.to == [RECIPIENT] and mail.sender == "nyt@example.org" and mail.subject == "Åben øvelse"
    assert mail.headers["list-unsubscribe"] == "<https://opslag.test/u/abc>"
    assert mail.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail.headers.get("message-id", "") in {"", f"<{KEY.format(number=1)}@opslag.test>"}
    assert ("message-id" in mail.headers) != ("message-id" in ESPS[name].refused)
    assert mail.headers.get("list-id", "<kultur.opslag.test>") == "<kultur.opslag.test>"
    assert mail.key == KEY.format(number=1)
    assert mail.tracking in {False, None} and (mail.tracking is None) == (
        not ESPS[name].sets_tracking and name != "postal"
    )
    assert "hør" in mail.text and "<p>Kom og hør" in mail.html
    assert ("{{" in mail.html + mail.text) != ESPS[name].fills_in
    assert accepted.code == service.yes.status and accepted.text


@pytest.mark.parametrize("name", SERVICES)
def test_a_notice_without_html_goes_the_same_way(settings: Any, name: str) -> None:
    notice = (
        b"From: Kultur <nyt@example.org>\r\nTo: anna@example.org\r\nSubject: x\r\nMessage-ID: <n5@opslag.test>\r\n"
        b"Auto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nKode: 1234\r\n"
    )

    def answer(call: httpx.Request) -> httpx.Response:
        said = unquote_plus(call.content.decode())
        assert "Kode: 1234" in said and "n5" in said and "auto-generated" in said and "broadcast" not in said
        return SERVICES[name].yes.response()

    with http.use_transport(httpx.MockTransport(answer)):
        assert chosen(settings, name).connect().send("nyt@example.org", RECIPIENT, notice).code < 300


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_elses_address_is_in_the_call(settings: Any, name: str) -> None:
    known = {RECIPIENT, "nyt@example.org", "kontor@example.org", f"{KEY.format(number=1)}@opslag.test"}

    def answer(call: httpx.Request) -> httpx.Response:
        said = call.content.decode() if body_of(call) else unquote_plus(call.content.decode())
        assert set(_ADDRESS.findall(said)) <= known
        return SERVICES[name].yes.response()

    send(chosen(settings, name), answer)


@pytest.mark.parametrize("name", SERVICES)
def test_what_every_service_may_answer(settings: Any, name: str) -> None:
    transport = chosen(settings, name)
    for status in (401, 403):
        assert isinstance(refuse(transport, status, {"message": "unauthorized"}), AccountError)
    slow = refuse(transport, 429, {"message": "Too many requests"}, Retry_After="7")
    assert isinstance(slow, TransientError) and slow.reason == "busy" and slow.retry_after == 7
    gone = refuse(transport, 503)
    assert isinstance(gone, TransientError) and gone.reason == "connection"
    for status in (500, 502, 504):
        assert isinstance(refuse(transport, status, {"message": "oh"}), UncertainError)
    assert isinstance(refuse(transport, 200, {"surprise": 1}), UncertainError)
    whom = refuse(transport, 400, {"message": f"{RECIPIENT} is on our list"})
    assert isinstance(whom, PermanentError) and whom.reason == "refused"
    us = refuse(transport, 400, {"message": "sender nyt@example.org is not verified"})
    assert isinstance(us, AccountError)
    what = refuse(transport, 413, {"message": "too large"})
    assert isinstance(what, PermanentError) and what.reason == "content_refused"


@pytest.mark.parametrize(
    ("name", "status", "body", "reason"),
    [
        ("postmark", 422, {"ErrorCode": 406, "Message": "You tried to send to a recipient that has been marked as"
         f" inactive.\nFound inactive addresses: {RECIPIENT}.\nInactive recipients are ones that…"}, "refused"),
        ("postmark", 422, {"ErrorCode": 300, "Message": f"Invalid 'To' address: '{RECIPIENT}'."}, "refused"),
        ("postmark", 422, {"ErrorCode": 400, "Message": "The 'From' address you supplied is not a Sender"
         " Signature on your account."}, "account"),
        ("postal", 200, {"status": "error", "data": {"code": "UnauthenticatedFromAddress", "message": "The From"
         " address is not authorised to send mail from this server"}}, "account"),
        ("mailjet", 400, {"Messages": [{"Status": "error", "Errors": [{"ErrorCode": "mj-0013", "StatusCode": 400,
         "ErrorMessage": f'"{RECIPIENT}" is an invalid email address.', "ErrorRelatedTo": ["To[0].Email"]}]}]},
         "refused"),
        ("mailersend", 202, {"warnings": [{"type": "ALL_SUPPRESSED", "recipients": [{"email": RECIPIENT,
         "reasons": ["hard_bounced"]}]}]}, "refused"),
        ("sparkpost", 200, {"results": {"total_rejected_recipients": 1, "total_accepted_recipients": 0, "id": "1"}},
         "refused"),
        ("mailtrap", 200, {"success": False, "errors": ["'to' address is invalid"]}, "refused"),
        ("brevo", 402, {"code": "not_enough_credits", "message": "You do not have enough credits"}, "account"),
    ],
)  # fmt: skip
def test_what_some_say_in_their_own_way(settings: Any, name: str, status: int, body: Any, reason: str) -> None:
    assert refuse(chosen(settings, name), status, body).reason == reason


@pytest.mark.parametrize(
    ("failure", "error", "reason"),
    [
        (httpx.ConnectError("refused"), TransientError, "connection"),
        (httpx.ConnectTimeout("late"), TransientError, "connection"),
        (httpx.ReadTimeout("late"), UncertainError, "answer_lost"),
        (httpx.RemoteProtocolError("hung up"), UncertainError, "answer_lost"),
    ],
)
def test_a_call_that_may_have_arrived_is_never_made_again(
    settings: Any, failure: Exception, error: type[OpslagError], reason: str
) -> None:
    calls = []

    def answer(call: httpx.Request) -> httpx.Response:
        calls.append(call)
        raise failure

    with pytest.raises(error) as caught:
        send(chosen(settings, "brevo"), answer)
    assert caught.value.reason == reason and len(calls) == 1


@pytest.mark.parametrize("to", ["a@b.dk, c@d.dk", "søren@example.org", "a@b.dk\r\nBcc: c@d.dk", "", "a b@c.dk"])
def test_what_is_no_single_address_never_leaves(settings: Any, to: str) -> None:
    calls = []
    with pytest.raises(PermanentError):
        send(chosen(settings, "brevo"), lambda call: calls.append(call) or httpx.Response(201), to)
    assert calls == []


@pytest.mark.parametrize(
    ("name", "key", "words"),
    [
        ("", "k", "brevo"),
        ("pigeon", "k", "pigeon"),
        ("ses", "k", "sparkpost"),
        ("mailjet", "half", "api_key:secret_key"),
    ],
)
def test_settings_that_cannot_be_used_say_what_they_should_be(settings: Any, name: str, key: str, words: str) -> None:
    settings.OPSLAG_ESP, settings.OPSLAG_ESP_KEY = name, key
    with pytest.raises(AccountError) as caught:
        EspTransport().connect()
    assert "OPSLAG_ESP" in str(caught.value)
    assert words in str(caught.value) or name == "pigeon"


def test_the_guard_is_not_the_recipients_fault(settings: Any) -> None:
    transport = chosen(settings, "postal")
    settings.OPSLAG_ESP_URL = "https://10.0.0.7"
    with pytest.raises(AccountError):
        transport.connect().send("x@example.org", RECIPIENT, content())


@pytest.mark.parametrize("name", [name for name in SERVICES if ESPS[name].probe])
def test_check_signs_in_as_the_service_wants(settings: Any, name: str) -> None:
    transport, calls = chosen(settings, name), list[httpx.Request]()
    status = 200

    def answer(call: httpx.Request) -> httpx.Response:
        calls.append(call)
        return httpx.Response(status, json={})

    with http.use_transport(httpx.MockTransport(answer)):
        assert ESPS[name].label in transport.check()
        status = 401
        with pytest.raises(AccountError):
            transport.check()
    posted: list[Taken] = []
    send(
        transport, lambda call: posted.append(SERVICES[name].read(call, body_of(call))) or SERVICES[name].yes.response()
    )
    assert calls[0].method == "GET" and posted[0].signed_in in calls[0].headers.values()


def test_paths_are_asked_beside_the_api(settings: Any) -> None:
    chosen(settings, "mailgun")
    with http.use_transport(httpx.MockTransport(lambda call: httpx.Response(200, text=str(call.url)))):
        assert ask("domains/{0}/tracking").body == b"https://api.eu.mailgun.net/v3/domains/mg.example.org/tracking"


@pytest.fixture
def service(settings: Any) -> Iterator[Site]:
    """A Brevo on loopback, reached as a real service is."""
    with site() as here:
        chosen(settings, "brevo")
        settings.OPSLAG_ESP_URL = here.url("/v3/")
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        here.pages["/v3/account"] = lambda visit: visit.answer(200, b"{}")
        here.pages["/v3/smtp/email"] = lambda visit: visit.answer(201, b'{"messageId": "<1@x>"}')
        yield here


class TestOverLoopback(TransportContract):
    @pytest.fixture
    def transport(self, service: Site) -> Transport:
        return EspTransport()

    def test_each_letter_is_a_call_with_one_recipient(self, transport: Transport, service: Site) -> None:
        carry(transport, 3)
        sent = [json.loads(asked.body) for asked in service.asked]
        assert sorted(mail["to"][0]["email"] for mail in sent) == [f"p{n}@example.org" for n in range(3)]
        assert all(len(mail["to"]) == 1 and "cc" not in mail and "bcc" not in mail for mail in sent)

    def test_told_to_slow_down_it_rests_and_no_letter_pays(
        self, transport: Transport, service: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plain_courier, "LONGEST_REST_S", 0.05)
        answers = [429, 201, 429, 429, 201]

        def page(visit: Visit) -> None:
            status = answers.pop(0) if answers else 201
            visit.answer(status, b'{"messageId": "<1@x>"}', **({"Retry_After": "1"} if status == 429 else {}))

        service.pages["/v3/smtp/email"] = page
        bag = carry(transport, 3)
        assert {number: word.code for number, word in bag.words.items()} == {0: 201, 1: 201, 2: 201}  # type: ignore[union-attr]
        assert bag.back == [0, 1, 1] and bag.end is None

    def test_one_that_never_lets_us_on_is_left(
        self, transport: Transport, service: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plain_courier, "LONGEST_REST_S", 0.01)
        service.pages["/v3/smtp/email"] = lambda visit: visit.answer(429)
        bag = carry(transport, 2)
        assert not bag.words and isinstance(bag.end, TransientError) and set(bag.back) == {0}

    def test_nobody_there_costs_no_letter_an_attempt(self, transport: Transport, settings: Any) -> None:
        port = closed_port()
        settings.OPSLAG_ESP_URL = f"http://127.0.0.1:{port}/v3/"
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({f"127.0.0.1:{port}"})
        bag = carry(transport, 2)
        assert not bag.words and isinstance(bag.end, TransientError) and bag.back == [0]
