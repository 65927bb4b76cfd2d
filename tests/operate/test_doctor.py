"""The doctor names what is wrong and what to do; where all is well it says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from publisher.compose.trial_key import new_trial_key
from publisher.models import Event, Heartbeat, InboundMail, Mailbox, Organisation, StopStamp
from publisher.operate import doctor, heartbeat, received
from publisher.operate.findings import Finding, Level
from publisher.vocabulary import Queue
from tests.imap_server import imap_server
from tests.smtp_sink import running_sink

pytestmark = pytest.mark.database


def about(name: str) -> list[Finding]:
    return [finding for finding in doctor.examine() if finding.about == name]


def worst(name: str) -> Level:
    levels = [finding.level for finding in about(name)]
    return max(levels, key=[Level.OK, Level.WARN, Level.FAIL].index)


@pytest.fixture
def all_queues_worked_on(db: None) -> None:
    for queue in Queue:
        heartbeat.beat(heartbeat.name_of(queue))


def test_where_all_is_well_nothing_fails(
    settings: pytest.FixtureRequest, broker_url: str, all_queues_worked_on: None, tmp_path: Path
) -> None:
    settings.REDIS_URL = broker_url
    settings.OPSLAG_BASE_URL = "https://opslag.example.org"
    settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
    Mailbox.objects.create(name="inbound", answered_at=timezone.now())
    with running_sink(tmp_path / "sink") as sink, imap_server() as mailbox:
        settings.OPSLAG_SMTP_URL = f"smtp+plain://127.0.0.1:{sink.port}"
        settings.OPSLAG_INBOUND_IMAP_URL = mailbox.url
        received.remember(f"X-Opslag-Test: {new_trial_key(timezone.now())}\n\n".encode(), Level.OK)
        findings = list(doctor.examine())
    bad = [str(finding.explanation) for finding in findings if finding.level is not Level.OK]
    # The tests' own broker is started without the policy that production needs.
    assert [line for line in bad if "noeviction" not in line] == []
    assert {finding.about for finding in findings} >= {"Settings", "Database", "Broker", "Workers", "Mail", "Folders"}


def test_each_sentence_can_be_read(settings: pytest.FixtureRequest, db: None) -> None:
    settings.OPSLAG_SMTP_URL = "nonsense"
    for finding in doctor.examine():
        assert "%(" not in str(finding.explanation)


def test_a_migration_that_is_missing_is_named(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(name) FROM django_migrations WHERE app = 'publisher'")
        latest = cursor.fetchone()[0]
        cursor.execute("DELETE FROM django_migrations WHERE app = 'publisher' AND name = %s", [latest])
    (missing,) = [finding for finding in about("Database") if finding.level is Level.FAIL]
    assert f"publisher.{latest}" in str(missing.explanation)
    assert "opslag migrate" in str(missing.explanation)


def test_no_broker_fails_and_says_which_setting(settings: pytest.FixtureRequest, db: None, tmp_path: Path) -> None:
    settings.REDIS_URL = ""
    assert worst("Broker") is Level.FAIL
    settings.REDIS_URL = f"redis+socket://{tmp_path}/none.sock"
    (finding,) = about("Broker")
    assert finding.level is Level.FAIL
    assert "REDIS_URL" in str(finding.explanation)


def test_a_queue_that_nobody_works_on_is_named(all_queues_worked_on: None) -> None:
    assert worst("Workers") is Level.OK
    Heartbeat.objects.filter(name="queue:bulk").update(at=timezone.now() - timedelta(minutes=5))
    (finding,) = about("Workers")
    assert finding.level is Level.FAIL
    assert "opslag worker --queues bulk" in str(finding.explanation)
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=5))
    (finding,) = about("Workers")
    assert "beat" in str(finding.explanation)


def test_a_mail_server_that_is_not_there_fails(settings: pytest.FixtureRequest, db: None) -> None:
    settings.OPSLAG_SMTP_URL = "smtp+plain://127.0.0.1:1"
    (finding,) = about("Mail")
    assert finding.level is Level.FAIL
    assert "OPSLAG_SMTP_URL" in str(finding.explanation)
    settings.OPSLAG_TRANSPORT = "pigeon"
    assert worst("Mail") is Level.FAIL


def test_a_folder_that_cannot_be_written_to_fails(settings: pytest.FixtureRequest, db: None, tmp_path: Path) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("")
    settings.OPSLAG_JOURNAL_DIR = in_the_way / "journals"
    (finding,) = [finding for finding in about("Folders") if finding.level is Level.FAIL]
    assert "OPSLAG_JOURNAL_DIR" in str(finding.explanation)
    assert list(Path(settings.OPSLAG_MEDIA_DIR).iterdir()) == []


@pytest.mark.parametrize(
    ("url", "embedded", "level"),
    [
        ("https://opslag.example.org", False, Level.OK),
        ("http://127.0.0.1:8000", True, Level.OK),
        ("http://127.0.0.1:8000", False, Level.FAIL),
        ("http://opslag.example.org", False, Level.WARN),
    ],
)
def test_links_in_mails_must_lead_somewhere(
    settings: pytest.FixtureRequest, db: None, url: str, embedded: bool, level: Level
) -> None:
    settings.OPSLAG_BASE_URL, settings.EMBEDDED = url, embedded
    assert worst("Address") is level


def test_a_stop_and_never_send_are_not_forgotten(settings: pytest.FixtureRequest, secretariat: Organisation) -> None:
    assert worst("Settings") is Level.OK
    assert about("Stop") == []
    settings.OPSLAG_NEVER_SEND = True
    StopStamp.objects.create(organisation=secretariat)
    assert worst("Settings") is Level.WARN
    (finding,) = about("Stop")
    assert secretariat.name in str(finding.explanation)


def test_two_clocks_that_differ_are_noticed() -> None:
    now = timezone.now()
    assert list(doctor.clock_against(now)) == []
    ((level, _msgid, params),) = doctor.clock_against(now - timedelta(minutes=3))
    assert level is Level.WARN
    assert float(params["seconds"]) >= 179


def test_a_network_file_system_is_recognised_by_its_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n/dev/sdb /srv/local ext4 rw 0 0\n")
    assert doctor.remote_file_system(Path("/srv/opslag"), mounts) == "nfs4"
    assert doctor.remote_file_system(Path("/srv/local/opslag"), mounts) == ""
    assert doctor.remote_file_system(Path("/srvother"), mounts) == ""
    assert doctor.remote_file_system(Path("/srv"), tmp_path / "missing") == ""


RETURNS = "Returned mail"


def test_where_nobody_would_notice_what_comes_back_it_says_so(db: None, settings: pytest.FixtureRequest) -> None:
    assert worst(RETURNS) is Level.WARN
    settings.OPSLAG_CATCHER_DIR = "/somewhere"
    assert worst(RETURNS) is Level.OK


def test_a_mailbox_that_does_not_let_us_in_fails(db: None, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
    with imap_server() as mailbox:
        settings.OPSLAG_INBOUND_IMAP_URL = mailbox.url
        assert worst(RETURNS) is Level.WARN, "nobody has looked in yet"
        mailbox.password = "et andet"
        assert worst(RETURNS) is Level.FAIL
        assert "hemmeligt" not in " ".join(str(finding.explanation) for finding in about(RETURNS))


def test_a_mailbox_nobody_reads_any_more_fails(db: None, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_BOUNCE_ADDRESS = "bounce+{token}@nyt.example.org"
    row = Mailbox.objects.create(name="inbound", answered_at=timezone.now(), waiting=2)
    with imap_server() as mailbox:
        settings.OPSLAG_INBOUND_IMAP_URL = mailbox.url
        assert worst(RETURNS) is Level.WARN, "two mails lie there for a person"
        Mailbox.objects.filter(pk=row.pk).update(answered_at=timezone.now() - timedelta(hours=1))
        assert worst(RETURNS) is Level.FAIL


def test_replies_that_cannot_be_forwarded_are_named(db: None, settings: pytest.FixtureRequest) -> None:
    Mailbox.objects.create(name="inbound", answered_at=timezone.now())
    InboundMail.objects.create(digest="x", status="forward", attempts=5)
    with imap_server() as mailbox:
        settings.OPSLAG_INBOUND_IMAP_URL = mailbox.url
        assert worst(RETURNS) is Level.FAIL


def test_reports_that_cannot_be_applied_are_named(db: None, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_CATCHER_DIR = "/tmp"
    assert worst(RETURNS) is Level.OK
    Event.objects.create(source="esp", event_id="1", kind="complained", at=timezone.now(), attempts=4)
    assert worst(RETURNS) is Level.FAIL
