"""A lane when the server, the disk, the clock or the message itself is in its way: nothing lost, nothing twice."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation

from publisher.deliver.journal import all_journals, journal_folder
from publisher.deliver.lane import run_lane
from publisher.deliver.recover import DAMAGED, give_up_lost_claims
from publisher.errors import Explanation
from publisher.models import Claim, CompiledMail, LaneSlot, Message, Newsletter, TransportHealth
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus
from tests.audience_factory import ready_mail, residents
from tests.deliver.lanes import lane_on_a_thread
from tests.scripted_smtp import USUAL, Answer, ScriptedServer, scripted_smtp
from tests.smtp_sink import running_sink

pytestmark = pytest.mark.database


def statuses(message: Message) -> dict[str, int]:
    return dict(Counter(message.deliveries.values_list("status", flat=True)))


def words_of(stored: dict[str, Any]) -> list[str]:
    """What people read, in Danish and in English."""
    found = []
    for language in ("da", "en"):
        with translation.override(language):
            found.append(str(Explanation.from_json(stored)))
    return found


def always(stage: str, answer: Answer) -> Any:
    return lambda now, recipient: answer if now == stage else USUAL[now]


def send(newsletter: Newsletter, settings: Any, script: Any, people: int = 40, **options: Any) -> tuple[Message, Any]:
    residents(newsletter, people)
    message = ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(script, **options)) as server:
        settings.OPSLAG_SMTP_URL = server.url(sign_in=settings.SIGN_IN if hasattr(settings, "SIGN_IN") else "")
        run_lane()
    message.refresh_from_db()
    return message, server


def test_a_server_that_takes_and_never_answers_gets_few(newsletter: Newsletter, settings: Any) -> None:
    message, _server = send(newsletter, settings, always("dot", None))
    TransportHealth.objects.update(paused_until=None)
    with scripted_smtp(ScriptedServer(always("dot", None))) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
    message.refresh_from_db()
    found = statuses(message)
    assert 3 <= found["uncertain"] <= 5 + 2 * settings.OPSLAG_SMTP_CONNECTIONS
    assert found["uncertain"] + found["pending"] == 40
    assert (message.status, message.hold_reason) == ("held", HoldReason.MAIL_SERVER)
    assert all(words_of(message.last_error)) and not Claim.objects.exists()


def test_a_relay_that_restarts_under_us_holds_nobody_up(newsletter: Newsletter, settings: Any) -> None:
    """All its connections break off with a letter in hand; those made anew are as good as ever."""
    settings.OPSLAG_SMTP_CONNECTIONS = 8
    old: set[int] = set()
    dropped: set[str] = set()

    def script(stage: str, recipient: str) -> Answer:
        me = threading.get_ident()
        if stage == "greeting":
            (old.add if server.connections <= 8 else old.discard)(me)
        if stage == "dot" and me in old:
            dropped.add(recipient)
            return None
        return USUAL[stage]

    residents(newsletter, 60)
    message = ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
        TransportHealth.objects.update(paused_until=None)
        run_lane()
    message.refresh_from_db()
    assert len(dropped) > 5 and message.status == "sending"
    assert statuses(message) == {"uncertain": len(dropped), "sent": 60 - len(dropped)}


def test_a_server_that_wants_no_mail_of_us_now_costs_no_attempt(newsletter: Newsletter, settings: Any) -> None:
    message, server = send(newsletter, settings, always("mail", b"451 4.7.1 Come back later\r\n"))
    assert statuses(message) == {"pending": 40}
    assert set(message.deliveries.values_list("attempts", flat=True)) == {0}
    health = TransportHealth.objects.get()
    assert health.paused_until is not None and health.paused_until > timezone.now()
    assert server.connections <= settings.OPSLAG_SMTP_CONNECTIONS + 3
    assert "4.7.1" in words_of(health.last_error)[0]


def test_with_one_connection_it_is_tried_three_times(newsletter: Newsletter, settings: Any) -> None:
    settings.OPSLAG_SMTP_CONNECTIONS = 1
    residents(newsletter, 40)
    message = ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(always("dot", None))) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        for _ in range(5):
            TransportHealth.objects.update(paused_until=None)
            run_lane()
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", HoldReason.MAIL_SERVER)
    assert statuses(message) == {"uncertain": 3, "pending": 37}


def test_pauses_grow_until_a_letter_is_taken(newsletter: Newsletter, settings: Any) -> None:
    residents(newsletter, 3)
    ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(always("mail", b"451 4.7.1 Later\r\n"))) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        for expected in (1, 2, 3):
            TransportHealth.objects.update(paused_until=None)
            run_lane()
            assert TransportHealth.objects.get().failures == expected
        server.answer = lambda stage, recipient: USUAL[stage]
        TransportHealth.objects.update(paused_until=None)
        run_lane()
    assert TransportHealth.objects.get().failures == 0


def test_a_wrong_password_holds_what_waits_and_says_so(newsletter: Newsletter, settings: Any) -> None:
    settings.SIGN_IN = "anna:forkert@"
    script = always("auth", b"535 5.7.8 Wrong\r\n")
    message, _server = send(newsletter, settings, script, people=3, extensions=("AUTH PLAIN",))
    assert (message.status, message.hold_reason) == ("held", HoldReason.MAIL_SERVER)
    assert statuses(message) == {"pending": 3}
    danish, english = words_of(message.last_error)
    assert "5.7.8" in danish and "password" in english and "forkert" not in danish + english


def test_a_server_that_hangs_up_after_some_letters_is_called_again(newsletter: Newsletter, settings: Any) -> None:
    taken = Counter[int]()

    def script(stage: str, recipient: str) -> Answer:
        if stage == "dot":
            taken[0] += 1
            return b"250 Ok\r\n" + (b"421 4.7.0 Enough for once\r\n" if taken[0] % 3 == 0 else b"")
        return USUAL[stage]

    message, server = send(newsletter, settings, script)
    assert statuses(message) == {"sent": 40}
    assert len(server.accepted) == len(set(server.accepted)) == 40 and server.connections >= 10


@pytest.mark.parametrize("lets_in", [1, 2, 3])
def test_who_is_let_in_works_while_others_wait_for_their_greeting(
    newsletter: Newsletter, settings: Any, monkeypatch: pytest.MonkeyPatch, lets_in: int
) -> None:
    """And the lane comes home in time, whoever is still waiting."""
    settings.OPSLAG_SMTP_CONNECTIONS = 4
    monkeypatch.setattr("publisher.deliver.lane.SLICE_S", 2.0)
    senders: set[int] = set()

    def script(stage: str, recipient: str) -> Answer:
        if stage == "greeting":
            return USUAL[stage] if server.connections <= lets_in else 8.0
        senders.add(threading.get_ident())
        return 0.02 if stage == "dot" else USUAL[stage]

    residents(newsletter, 900)
    message = ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        began_s = time.monotonic()
        run_lane()
        took_s = time.monotonic() - began_s
    assert took_s < 5
    assert len(senders) == max(1, lets_in - 1), "one of those that were let in last waits for what the others hear"
    assert len(server.accepted) == statuses(message)["sent"] >= 20
    assert set(statuses(message)) <= {"sent", "pending"}


def test_an_answer_that_does_not_come_is_given_up_while_others_wait_for_their_greeting(
    newsletter: Newsletter, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OPSLAG_SMTP_CONNECTIONS = 4
    monkeypatch.setattr("publisher.deliver.lane.SLICE_S", 2.0)
    monkeypatch.setattr("publisher.transports.smtp_courier.FINAL_REPLY_TIMEOUT_S", 0.3)

    def script(stage: str, recipient: str) -> Answer:
        silent = stage == "dot" or (stage == "greeting" and server.connections > 1)
        return 8.0 if silent else USUAL[stage]

    residents(newsletter, 40)
    message = ready_mail(newsletter)
    with scripted_smtp(ScriptedServer(script)) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        began_s = time.monotonic()
        run_lane()
    assert time.monotonic() - began_s < 5
    assert statuses(message) == {"uncertain": 1, "pending": 39}


def test_a_danish_domain_is_said_as_servers_know_it(newsletter: Newsletter, settings: Any) -> None:
    Newsletter.objects.update(sender_email="nyt@kulturhovedstadsområdet.dk")
    newsletter.refresh_from_db()
    message, server = send(newsletter, settings, lambda stage, recipient: USUAL[stage], people=3)
    assert statuses(message) == {"sent": 3}
    assert {line for line in server.commands if line.startswith("MAIL")} == {
        "MAIL FROM:<nyt@xn--kulturhovedstadsomrdet-65b.dk>"
    }


def test_a_sender_that_no_envelope_can_hold_holds_the_message(newsletter: Newsletter, settings: Any) -> None:
    Newsletter.objects.update(sender_email="nyt og nyheder@example.org")
    newsletter.refresh_from_db()
    message, _server = send(newsletter, settings, lambda stage, recipient: USUAL[stage], people=3)
    assert (message.status, message.hold_reason) == ("held", HoldReason.CANNOT_COMPOSE)
    assert statuses(message) == {"pending": 3} and not Claim.objects.exists()


def test_a_damaged_edition_is_held_and_nobody_is_failed(newsletter: Newsletter, settings: Any) -> None:
    residents(newsletter, 40)
    message = ready_mail(newsletter)
    CompiledMail.objects.update(segments=[["slot", "no such place"]])
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", HoldReason.CANNOT_COMPOSE)
    assert statuses(message) == {"pending": 40} and not server.accepted


def test_a_mail_that_can_be_written_for_nobody_is_held_soon(
    newsletter: Newsletter, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(newsletter, 40)
    message = ready_mail(newsletter)

    def broken(segments: object, recipient: object) -> bytes:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("publisher.deliver.bag.personalise", broken)
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        run_lane()
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", HoldReason.CANNOT_COMPOSE)
    assert statuses(message) == {"failed": 3, "pending": 37} and not server.accepted


def test_what_breaks_the_lane_three_times_is_held(newsletter: Newsletter, settings: Any) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    CompiledMail.objects.all().delete()
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        for _ in range(3):
            with pytest.raises(CompiledMail.DoesNotExist):
                run_lane()
        assert run_lane() == 0
    message.refresh_from_db()
    assert (message.status, message.hold_reason) == ("held", HoldReason.WORKER_KILLED)
    assert statuses(message) == {"pending": 3} and not all_journals()


def test_only_the_mail_at_hand_is_blamed_for_a_lane_that_breaks_down(newsletter: Newsletter, settings: Any) -> None:
    """The other one had its turn before, and had nothing to do with it."""
    residents(newsletter, 3)
    innocent, broken = ready_mail(newsletter), ready_mail(newsletter)
    CompiledMail.objects.filter(message=broken).delete()
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        with pytest.raises(CompiledMail.DoesNotExist):
            run_lane()
    broken.refresh_from_db()
    innocent.refresh_from_db()
    assert (broken.strikes, innocent.strikes) == (1, 0)


def test_a_lane_that_cannot_even_begin_leaves_neither_slot_nor_journal(newsletter: Newsletter, settings: Any) -> None:
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    settings.OPSLAG_TRANSPORT = "no such transport"
    with pytest.raises(Exception, match="no such transport"):
        run_lane()
    settings.OPSLAG_TRANSPORT = "smtp"
    with scripted_smtp(ScriptedServer()) as server:
        settings.OPSLAG_SMTP_URL = server.url()
        assert run_lane() == 3
    assert statuses(message) == {"sent": 3} and not all_journals()
    assert not LaneSlot.objects.filter(run_id__isnull=False).exists()


@pytest.mark.parametrize(
    "content", ['H {"boot"\nS what ever\n', f"C {uuid.UUID(int=7)}\nS 0 1\nE 0 1 two hundred and fifty\n"]
)
def test_a_damaged_journal_is_put_aside_and_mail_goes_on(newsletter: Newsletter, settings: Any, content: str) -> None:
    bad = journal_folder() / f"{uuid.uuid4()}.journal"
    bad.write_text(content)
    message, _server = send(newsletter, settings, lambda stage, recipient: USUAL[stage], people=3)
    assert statuses(message) == {"sent": 3}
    assert bad.with_suffix(DAMAGED).exists() and not bad.exists()


def test_without_a_journal_nothing_starts_and_no_slot_is_kept(
    newsletter: Newsletter, settings: Any, tmp_path: Path
) -> None:
    settings.OPSLAG_JOURNAL_DIR = tmp_path / "journals"
    (tmp_path / "journals").mkdir()
    residents(newsletter, 3)
    message = ready_mail(newsletter)
    (tmp_path / "journals").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "journals").symlink_to("/proc/self/attr")
    assert run_lane() == 0
    assert statuses(message) == {"pending": 3}
    assert not LaneSlot.objects.filter(run_id__isnull=False).exists()
    assert all("journal" in words.lower() for words in words_of(TransportHealth.objects.get().last_error))


@pytest.mark.django_db(transaction=True)
def test_a_lane_whose_claims_were_given_up_starts_nothing_more_and_its_journal_corrects_the_rows(
    newsletter: Newsletter, tmp_path: Path, settings: Any
) -> None:
    """As after a night in which the machine slept: another worker has meanwhile called everything unconfirmed."""
    settings.OPSLAG_SMTP_CONNECTIONS = 1
    with running_sink(tmp_path / "slow", delay_s=0.05) as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        residents(newsletter, 90)
        message = ready_mail(newsletter)

        lane = lane_on_a_thread()
        while len(sink.accepted()) < 5:
            time.sleep(0.01)
        assert give_up_lost_claims(timezone.now() + timedelta(minutes=17)) > 0
        lane.join(30)
        begun = len(sink.accepted())
        assert begun < 60, "within a second it noticed"
        assert all_journals(), "kept, to correct what was given up"
        run_lane()
        Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENDING)
        while run_lane():
            pass
        taken = [recipient for _, recipient in sink.accepted()]
    assert len(taken) == len(set(taken)) == 90
    assert statuses(message) == {DeliveryStatus.SENT: 90}
