"""What the doctor says about an e-mail service."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.utils import timezone, translation

from publisher import http
from publisher.compose.trial_key import new_trial_key
from publisher.models import Message
from publisher.operate import doctor, heartbeat, received
from publisher.operate.findings import Level
from publisher.operate.trial_mail import links_of
from publisher.transports.esps import ESPS
from publisher.vocabulary import DeliveryStatus
from tests.audience_factory import own_newsletter, ready_mail, residents
from tests.track.test_events import handed_over

pytestmark = pytest.mark.database


def said(answers: dict[str, Any] | None = None) -> dict[Level, str]:
    """What is said at each level; `answers` maps the end of a path to what the API says there."""

    def answer(call: httpx.Request) -> httpx.Response:
        for path, body in (answers or {}).items():
            if call.url.path.endswith(path):
                return body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)
        return httpx.Response(404)

    with translation.override("en"), http.use_transport(httpx.MockTransport(answer)):
        found = [finding for finding in doctor.examine() if finding.about == "E-mail service"]
        return {level: " / ".join(str(each.explanation) for each in found if each.level is level) for level in Level}


@pytest.fixture
def mail(db: None) -> Message:
    newsletter = own_newsletter("Kulturnyt")
    residents(newsletter, 2)
    return ready_mail(newsletter)


def choose(settings: Any, name: str, key: str = "", webhook: str = "u:p", transport: str = "smtp") -> None:
    settings.OPSLAG_TRANSPORT, settings.OPSLAG_ESP = transport, name
    settings.OPSLAG_ESP_KEY, settings.OPSLAG_ESP_WEBHOOK_KEY = key, webhook
    settings.OPSLAG_SMTP_URL = "smtp://:secret@"


def test_a_mail_server_of_ones_own_has_nothing_to_say(settings: Any, db: None) -> None:
    settings.OPSLAG_ESP = ""
    assert "".join(said().values()) == ""


def test_an_unknown_name_fails_and_lists_the_known_ones(settings: Any, db: None) -> None:
    choose(settings, "pigeon")
    assert all(name in said()[Level.FAIL] for name in ESPS)


@pytest.mark.parametrize("name", ESPS)
def test_each_service_has_something_to_say_of_its_tracking(settings: Any, db: None, name: str) -> None:
    choose(settings, name)
    found = said()
    assert "opens and clicks" in found[Level.OK] + found[Level.WARN]
    assert ("bounces and complaints" in found[Level.WARN]) == (not ESPS[name].view)
    assert not found[Level.FAIL]


def test_mail_that_goes_elsewhere_is_noticed(settings: Any, db: None) -> None:
    choose(settings, "mailgun")
    assert "smtp.eu.mailgun.org" in said()[Level.OK]
    settings.OPSLAG_SMTP_URL = "smtp://u:p@smtp.mailgun.org"
    assert "goes to Mailgun" in said()[Level.OK]
    settings.OPSLAG_SMTP_URL = "smtp://u:p@mail.example.org"
    assert "mail.example.org" in said()[Level.WARN]


def test_without_a_key_for_webhooks_it_fails_and_says_where_they_go(settings: Any, db: None) -> None:
    choose(settings, "brevo", webhook="")
    assert "https://opslag.test/webhooks/esp/brevo" in said()[Level.FAIL]


def test_silence_is_noticed_once_mail_has_left(settings: Any, mail: Message) -> None:
    choose(settings, "brevo")
    assert "never reported" not in said()[Level.WARN]
    handed_over(mail, DeliveryStatus.SENT)
    assert "never reported" in said()[Level.WARN]
    heartbeat.add(heartbeat.name_of_webhook("brevo"), {})
    assert "never reported" not in said()[Level.WARN] and "last reported" in said()[Level.OK]


def test_what_was_refused_and_what_was_counted_is_told(settings: Any, db: None) -> None:
    choose(settings, "brevo")
    heartbeat.add(heartbeat.name_of_webhook("brevo"), {"refused": 3, "tracked": 7})
    heartbeat.add(heartbeat.name_of_webhook("brevo"), {"unreadable": 2, "tracked": 1})
    found = said()
    assert "refused (3 in a week)" in found[Level.WARN] and "read (2 in a week)" in found[Level.WARN]
    assert "(8 in a week)" in found[Level.FAIL]
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert not said()[Level.FAIL], "what has stopped is forgotten"
        heartbeat.add(heartbeat.name_of_webhook("brevo"), {"tracked": 1})
        assert "(1 in a week)" in said()[Level.FAIL]


@pytest.mark.parametrize(
    ("name", "key", "off", "on"),
    [
        ("postmark", "k", {"server": {"TrackOpens": False}}, {"server": {"TrackOpens": True}}),
        (
            "mailgun",
            "mg.example.org:k",
            {"mg.example.org/tracking": {"tracking": {"unsubscribe": {"active": False}}}},
            {"mg.example.org/tracking": {"tracking": {"unsubscribe": {"active": True}}}},
        ),
        (
            "mailersend",
            "k",
            {"domains": {"data": [{"name": "a.dk", "domain_settings": {"track_opens": False, "track_clicks": False}}]}},
            {"domains": {"data": [{"name": "a.dk", "domain_settings": {"track_opens": False, "track_clicks": True}}]}},
        ),
        (
            "resend",
            "k",
            {
                "domains": {"data": [{"id": "1"}]},
                "domains/1": {"name": "a.dk", "open_tracking": False, "click_tracking": False},
            },
            {
                "domains": {"data": [{"id": "1"}]},
                "domains/1": {"name": "a.dk", "open_tracking": True, "click_tracking": False},
            },
        ),
    ],
)
def test_tracking_is_read_from_the_account(
    settings: Any, db: None, name: str, key: str, off: dict[str, Any], on: dict[str, Any]
) -> None:
    choose(settings, name, key)
    assert "does not count" in said(off)[Level.OK]
    assert "console" in said(on)[Level.FAIL]
    for odd in ([], None, {}, {"data": []}, {"data": [{}], "tracking": []}, "x", *_without_a_flag(off)):
        answers = odd if isinstance(odd, dict) and odd.keys() == off.keys() else dict.fromkeys(off, odd)
        found = said(answers)
        assert "does not count" not in found[Level.OK], f"silence is no “off”: {answers}"
        assert "does not say" in found[Level.WARN] and "--received" in found[Level.WARN]


def _without_a_flag(answers: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers without what they say of tracking, and with something else in its place."""
    told = json.dumps(answers)
    return [json.loads(told.replace("false", "null")), json.loads(told.replace("false", '"no"')),
            json.loads(re.sub(r'"(\w*(?:[tT]rack|active)\w*)": false', r'"\1_of_late": false', told))]  # fmt: skip


@pytest.mark.parametrize("name", ["brevo", "mailtrap", "ses"])
def test_where_nobody_can_be_asked_a_test_mail_that_arrived_tells(settings: Any, db: None, name: str) -> None:
    choose(settings, name)

    def arrives(more: str = "", sent_at: datetime | None = None) -> dict[Level, str]:
        key = new_trial_key(sent_at or timezone.now())
        links = "".join(f'<a href="{link}">x</a>' for link in links_of(key))
        head = f"X-Opslag-Test: {key}\nContent-Type: text/html\n\n"
        received.remember(f"{head}{links}{more}".encode(), Level.OK)
        return said()

    assert "--received" in said()[Level.WARN]
    assert "arrived as it was sent" in arrives()[Level.OK] and "--received" not in said()[Level.WARN]
    settings.OPSLAG_ESP = "postal"
    assert "arrived" not in said()[Level.OK], "that was another service"
    settings.OPSLAG_ESP = name
    for more in ('<img src="https://esp.example/o.gif">', '<a href="https://esp.example/c/1">x</a>'):
        assert "counts who opens or clicks" in arrives(more)[Level.FAIL]
    assert "--received" in arrives(sent_at=timezone.now() - timedelta(days=91))[Level.WARN]
    received.remember(b"Subject: another\n\nhttps://opslag.test/", Level.OK)
    assert "arrived as it was sent" not in said()[Level.OK]


def test_by_api_a_service_that_takes_it_is_told_in_each_call(settings: Any, db: None) -> None:
    choose(settings, "mailersend", "k", transport="esp")
    assert "each mail tells MailerSend" in said()[Level.OK]


def test_the_api_is_asked_whether_it_takes_the_key(settings: Any, db: None) -> None:
    choose(settings, "brevo", "wrong", transport="esp")

    def about_mail(status: int) -> str:
        answers = httpx.MockTransport(lambda call: httpx.Response(status, json={}))
        with translation.override("en"), http.use_transport(answers):
            (finding,) = (each for each in doctor.examine() if each.about == "Mail")
            return f"{finding.level} {finding.explanation}"

    assert about_mail(200).startswith("ok answers: Brevo")
    assert "OPSLAG_ESP_KEY" in about_mail(401) and about_mail(401).startswith("fail")
