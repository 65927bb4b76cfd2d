"""The commands as people type them: what they print, and the exit code."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation
from rich.console import Console

from publisher import cli
from publisher.cli.progress import Watch
from publisher.models import Delivery, Message, Newsletter, Organisation, Role, Source, StopStamp, Subscription, User
from publisher.operate import heartbeat, instance
from publisher.review import control
from publisher.vocabulary import DeliveryStatus, HoldReason, MessageStatus, Queue, RoleKind
from tests.audience_factory import mail, residents

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.database


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_module_and_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"opslag {name}" in capsys.readouterr().out


def test_the_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert f"  {name} " in shown


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "da_DK.UTF-8"}, "da"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB", "LC_ALL": "da_DK"}, "da"),
        ({}, "en"),
    ],
)
def test_the_terminal_chooses_the_language(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cli.console_language() == language


def test_a_mistake_is_one_sentence_and_exit_code_1(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stop", "--organisation", "findes-ikke"]) == 1
    shown = capsys.readouterr().err
    assert "findes-ikke" in shown
    assert "Traceback" not in shown


def test_a_wrong_setting_ends_with_its_sentence(tmp_path: Path) -> None:
    environment = {"OPSLAG_HOME": str(tmp_path), "OPSLAG_LOG_LEVEL": "LOUD", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, "-m", "publisher", "status"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 2
    assert answer.stderr.strip() == "OPSLAG_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR."


def test_stop_and_lift(secretariat: Organisation, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stop"]) == 0
    assert StopStamp.objects.get().organisation is None
    assert cli.main(["stop", "--organisation", secretariat.slug]) == 0
    assert StopStamp.objects.count() == 2
    assert cli.main(["stop", "--lift"]) == 0
    assert StopStamp.objects.get().organisation == secretariat
    assert cli.main(["stop", "--lift"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1] == f"Stopped: {secretariat.name}."
    assert shown[3] == "Nothing was stopped for the whole installation."


def test_createuser_reads_the_password_from_standard_input(
    secretariat: Organisation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("kanel-og-æblegrød\nmere\n"))
    assert cli.main(["createuser", "anna@example.org", "--role", "approver"]) == 0
    user = User.objects.get()
    assert user.check_password("kanel-og-æblegrød")
    assert Role.objects.get(user=user).kind == RoleKind.APPROVER
    assert "anna@example.org" in capsys.readouterr().out


def test_status_of_an_idle_installation(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out == "Nothing is being sent, nothing is planned, nothing waits for a person.\n"


def test_status_shows_what_goes_on_and_what_waits(
    secretariat: Organisation, newsletter: Newsletter, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    (reader,) = residents(newsletter, 1)
    planned, held = mail(newsletter, minutes=30), mail(newsletter)
    Message.objects.filter(pk=held.pk).update(status=MessageStatus.HELD, hold_reason=HoldReason.MISSED)
    uncertain(held, reader)
    control.stop_everything(secretariat, None)
    cli.main(["status"])
    shown = capsys.readouterr().out
    assert f"Stopped\n  {secretariat.name}" in shown
    assert f"{planned.campaign_id}  Kulturnyt → Kulturnyt" in shown
    assert str(HoldReason.MISSED.label) in shown
    assert "1 delivery waits for a person" in shown
    assert f"{source.name}  Active  never" in shown


def uncertain(message: Message, reader: Subscription) -> None:
    Delivery.objects.create(
        message=message,
        subscriber=reader.subscriber,
        subscription=reader,
        domain="example.org",
        status=DeliveryStatus.UNCERTAIN,
        due_at=timezone.now() - timedelta(minutes=1),
    )


def test_a_receipt_that_does_not_add_up_says_so(newsletter: Newsletter, capsys: pytest.CaptureFixture[str]) -> None:
    message = mail(newsletter)
    message.campaign.approved_at = timezone.now()
    message.campaign.save()
    (reader,) = residents(newsletter, 1)
    uncertain(message, reader)
    Message.objects.filter(pk=message.pk).update(frozen_count=1)
    assert cli.main(["receipt"]) == 0
    assert "Kulturnyt: adds up" in capsys.readouterr().out
    Message.objects.filter(pk=message.pk).update(frozen_count=2)
    assert cli.main(["receipt", str(message.campaign_id)]) == 1
    assert "does not add up" in capsys.readouterr().out
    assert cli.main(["receipt", "4711"]) == 1


def test_healthchecks_answer_by_exit_code(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["healthcheck", "bulk"]) == 1
    assert cli.main(["healthcheck", "beat"]) == 1
    assert cli.main(["healthcheck", "web", "--port", "1"]) == 1
    heartbeat.beat(heartbeat.name_of(Queue.BULK))
    assert cli.main(["healthcheck", "bulk"]) == 0
    assert cli.main(["healthcheck", "beat"]) == 0
    assert cli.main(["healthcheck", "bulk", "urgent"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Not well: urgent."


def test_every_command_shows_times_with_their_zone(
    secretariat: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    control.stop_everything(secretariat, None)
    StopStamp.objects.update(stopped_at="2026-11-25T22:45:00Z")
    cli.main(["status"])
    cli.main(["doctor"])
    assert capsys.readouterr().out.count("2026-11-25 23:45 CET") == 2


def test_progress_counts_nobody_before_the_freeze(newsletter: Newsletter) -> None:
    message = mail(newsletter)
    console = Console(file=io.StringIO(), force_terminal=False)
    with translation.override("en"):
        assert not Watch(message.campaign, console).until_finished(patience_s=0)
        Message.objects.update(status=MessageStatus.FINISHED, frozen_count=0)
        Watch(message.campaign, console).until_finished(patience_s=0)
    assert console.file.getvalue().splitlines() == ["  Kulturnyt: Scheduled", "  Kulturnyt: Finished"]


def test_doctor_fails_where_something_fails(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "✗ fail Broker:" in shown
    assert "✓ ok   Settings:" in shown


def test_migrate_may_be_repeated(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate"]) == 0
    assert capsys.readouterr().out == "The database is up to date.\n"


def test_worker_refuses_a_queue_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["worker", "--queues", "bulk,blukl"])
    assert "tick, urgent, prepare, bulk, social, collect, track" in capsys.readouterr().err


def test_run_refuses_a_port_that_is_taken(settings: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert cli.main(["run", "--port", str(port)]) == 1
    assert f"Port {port} on 127.0.0.1 is taken" in capsys.readouterr().err
    assert instance.read_note(Path(settings.OPSLAG_HOME)) is None
