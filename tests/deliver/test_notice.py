"""Notices: one mail to one colleague, claimed like any delivery, never lost and never in a loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from publisher.deliver.lane import wanted
from publisher.deliver.notice import compose, due_notices, give_up_dead_notices, send_notice, wants_room
from publisher.errors import Explanation
from publisher.models import Newsletter, Notice, Organisation, StopStamp, User
from publisher.paces import parse_pace
from publisher.vocabulary import NoticeKind
from tests.audience_factory import ready_mail, residents
from tests.deliver.lanes import lane_on_a_thread
from tests.scripted_smtp import USUAL, Answer, ScriptedServer, scripted_smtp
from tests.smtp_sink import RunningSink, running_sink

pytestmark = pytest.mark.database


@pytest.fixture
def sink(tmp_path: Path, settings: Any) -> Iterator[RunningSink]:
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


@pytest.fixture
def notice(anna: User, secretariat: Organisation) -> Notice:
    words = Explanation("The mail server refuses us as sender: %(code)s %(detail)s", {"code": "550", "detail": "no"})
    return Notice.objects.create(
        organisation=secretariat,
        kind=NoticeKind.ALERT,
        user=anna,
        address=anna.email,
        explanation=words.as_json(),
        due_at=timezone.now(),
    )


def test_it_is_sent_once_in_its_readers_language(notice: Notice, anna: User, sink: RunningSink) -> None:
    User.objects.filter(pk=anna.pk).update(language="da")
    assert due_notices(timezone.now()) == [notice.pk]
    assert send_notice(notice.pk) == "sent"
    assert send_notice(notice.pk) is None and due_notices(timezone.now()) == []
    mail = message_from_bytes(sink.messages()[0], policy=policy.default)
    assert mail["To"] == anna.email and mail["Auto-Submitted"] == "auto-generated"
    assert "Mailserveren" in mail.get_content()  # type: ignore[attr-defined]


def test_the_subject_says_what_it_is_about(notice: Notice) -> None:
    words = ("“Åben øvelse” was changed at its source.", "“Åben øvelse” is held back. " + "Hvad nu? " * 20)
    subjects = []
    for each in words:
        notice.kind, notice.explanation = NoticeKind.ALERT, Explanation(each).as_json()
        subjects.append(str(compose(notice)["Subject"]))
    assert subjects[0] == words[0]
    assert subjects[1].startswith("“Åben øvelse” is held back.") and len(subjects[1]) <= 90


def test_an_address_with_danish_letters_in_its_domain_is_no_hindrance(notice: Notice, sink: RunningSink) -> None:
    Organisation.objects.update(email="post@helsingør.dk")
    assert send_notice(notice.pk) == "sent"
    mail = message_from_bytes(sink.messages()[0], policy=policy.default)
    assert "post@xn--helsingr-c5a.dk" in mail["From"]


def test_an_organisation_without_a_usable_address_writes_from_ours(notice: Notice, sink: RunningSink) -> None:
    Organisation.objects.update(email="post ved rådhuset")
    assert send_notice(notice.pk) == "sent"
    assert "opslag@" in message_from_bytes(sink.messages()[0], policy=policy.default)["From"]


def test_a_reader_whose_address_no_mail_can_have_ends_in_words(notice: Notice, anna: User, sink: RunningSink) -> None:
    User.objects.filter(pk=anna.pk).update(email="søren@example.org")
    assert send_notice(notice.pk) == "failed"
    notice.refresh_from_db()
    assert "søren" in str(Explanation.from_json(notice.last_error)) and not sink.accepted()


def test_a_server_that_is_away_is_asked_again_later(notice: Notice, settings: Any) -> None:
    settings.OPSLAG_SMTP_URL = "smtp+plain://127.0.0.1:9"
    assert send_notice(notice.pk) == "pending"
    notice.refresh_from_db()
    assert notice.due_at > timezone.now() and notice.attempts == 0


def dead(notice: Notice, **fields: Any) -> None:
    """Its worker died a while ago."""
    past = timezone.now() - timedelta(minutes=1)
    Notice.objects.filter(pk=notice.pk).update(status="sending", lease_until=past, **fields)


def test_a_worker_that_died_over_it(notice: Notice) -> None:
    dead(notice, started_at=timezone.now())
    give_up_dead_notices(timezone.now())
    notice.refresh_from_db()
    assert notice.status == "uncertain" and str(Explanation.from_json(notice.last_error))


def test_what_kills_its_worker_again_and_again_ends(notice: Notice, settings: Any) -> None:
    for _ in range(settings.OPSLAG_MAX_ATTEMPTS - 1):
        dead(notice)
        give_up_dead_notices(timezone.now())
        notice.refresh_from_db()
        assert notice.status == "pending"
    dead(notice)
    give_up_dead_notices(timezone.now())
    notice.refresh_from_db()
    assert notice.status == "failed" and str(Explanation.from_json(notice.last_error))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lets_in", [1, 2])
def test_it_gets_through_while_lanes_hold_all_that_the_mail_server_lets_in(
    notice: Notice, newsletter: Newsletter, settings: Any, lets_in: int
) -> None:
    """Also while everything is stopped, and in the middle of a newsletter over a mail server that takes few at once."""
    Notice.objects.update(due_at=timezone.now() + timedelta(hours=1))
    residents(newsletter, 4000)
    ready_mail(newsletter)

    def script(stage: str, recipient: str) -> Answer:
        if stage == "greeting" and server.talking > lets_in:
            return b"421 4.7.0 Too many connections\r\n"
        return 0.02 if stage == "dot" else USUAL[stage]

    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        lanes = [lane_on_a_thread() for _ in range(2)]
        while len(server.accepted) < 20:
            time.sleep(0.02)
        Notice.objects.update(due_at=timezone.now(), created_at=timezone.now())
        began = len(server.accepted)
        for _ in range(6):
            if send_notice(notice.pk) == "sent":
                break
            time.sleep(0.2)
            Notice.objects.update(due_at=timezone.now())
        for lane in lanes:
            lane.join(30)
        here = next(n for n, (_, to) in enumerate(server.accepted) if to == notice.address)
        assert here - began < 200 and len(server.accepted) < 3000, "it was not the slices' end that let it in"
        assert wanted(timezone.now()), "and the newsletter goes on"


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_lets_it_wait_for_the_greeting_is_a_reason_to_make_room(
    notice: Notice, settings: Any
) -> None:
    def send() -> None:
        try:
            send_notice(notice.pk)
        finally:
            connection.close()

    with scripted_smtp(ScriptedServer(lambda stage, recipient: 4.0 if stage == "greeting" else USUAL[stage])) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        sender = threading.Thread(target=send)
        sender.start()
        until_s = time.monotonic() + 3
        while not wants_room(timezone.now()) and time.monotonic() < until_s:
            time.sleep(0.05)
        asked_for_room = wants_room(timezone.now())
        sender.join(30)
    notice.refresh_from_db()
    assert asked_for_room and notice.status == "sent" and not notice.last_error
    assert not wants_room(timezone.now())


def test_neither_pace_nor_stop_nor_hold_keeps_it(
    notice: Notice, secretariat: Organisation, sink: RunningSink, settings: Any
) -> None:
    settings.OPSLAG_SMTP_PACE, settings.REDIS_URL = parse_pace("1/day"), "redis://127.0.0.1:9"
    StopStamp.objects.create(organisation=secretariat)
    StopStamp.objects.create()
    assert due_notices(timezone.now()) == [notice.pk] and send_notice(notice.pk) == "sent"


def alerts(user: User, organisation: Organisation, kind: str, *about: int) -> list[Notice]:
    """One alert about each; all are due."""
    return [
        Notice.objects.create(
            organisation=organisation,
            kind=NoticeKind.ALERT,
            user=user,
            address=user.email,
            subject_kind=kind,
            subject_id=pk,
            explanation={"msgid": "Sag %(number)s.", "params": {"number": str(number)}},
            due_at=timezone.now(),
        )
        for number, pk in enumerate(about)
    ]


def test_the_troubles_of_one_send_out_are_one_mail(
    anna: User, bo: User, secretariat: Organisation, sink: RunningSink
) -> None:
    anna.language = "en"
    anna.save()
    mine = alerts(anna, secretariat, "campaign", *[7] * 9)
    other, bos = alerts(anna, secretariat, "campaign", 8), alerts(bo, secretariat, "campaign", 7)
    assert [send_notice(each.pk) for each in mine] == ["sent"] + [None] * 8, "whoever comes first takes all of them"
    assert {send_notice(each.pk) for each in (*other, *bos)} == {"sent"}
    assert set(Notice.objects.values_list("status", flat=True)) == {"sent"}
    assert len(sink.messages()) == 3
    mail = compose(*mine)
    assert mail["Subject"] == "Sag 0. and 8 more" and "Sag 8." in mail.get_content()
    assert "/sendouts/7#needs" in mail.get_content()


def test_the_troubles_of_channels_are_one_mail_that_leads_to_them(anna: User, secretariat: Organisation) -> None:
    first, second = alerts(anna, secretariat, "account", 7, 8)
    assert "/channels/7\n" in compose(first).get_content()
    assert "/channels\n" in compose(first, second).get_content()


def test_what_a_worker_takes_to_its_grave_is_asked_for_again_together(anna: User, secretariat: Organisation) -> None:
    mine = alerts(anna, secretariat, "campaign", 7, 7)
    for each in mine:
        dead(each)
    assert give_up_dead_notices(timezone.now()) == 2
    assert due_notices(timezone.now()) == [each.pk for each in mine]
