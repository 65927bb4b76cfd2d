"""docker-compose.yml and `opslag run` start the same services, with settings that exist, and no queue is forgotten."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from publisher import cli
from publisher.cli.workers import forked_services
from publisher.operate import services
from publisher.operate.plan import Plan
from publisher.operate.supervisor import Stage
from publisher.vocabulary import Queue
from tests.snippets import output_of
from tests.test_settings_documented import settings_in_code

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# Settings that nobody sets by the file .env, and why.
NOT_PASSED = {
    "OPSLAG_HOME": "the image says where its folders are",
    "OPSLAG_MEDIA_DIR": "a volume in OPSLAG_HOME",
    "OPSLAG_JOURNAL_DIR": "a volume in OPSLAG_HOME",
    "OPSLAG_DEBUG": "never in production",
}
# Settings that compose itself decides, or gives a default that fits its own services.
COMPOSED = {
    *("DATABASE_URL", "REDIS_URL", "OPSLAG_PRACTICE_URL", "OPSLAG_ALLOWED_TARGETS", "OPSLAG_SMTP_URL", "OPSLAG_HOST"),
    *("OPSLAG_SECRET_KEY", "OPSLAG_ENCRYPTION_KEYS", "OPSLAG_ADDRESS_KEY"),
}
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "opslag"}


def parsed(command: list[str]) -> argparse.Namespace:
    """A command line of ours, read by the command itself."""
    assert command[0] in cli.COMMANDS
    parser = argparse.ArgumentParser()
    cli.command(command[0]).add_arguments(parser)
    return parser.parse_args(command[1:])


def test_every_queue_has_exactly_one_worker_service_in_compose() -> None:
    worked_on = [
        queue
        for service in OURS.values()
        if service["command"][0] == "worker"
        for queue in parsed(service["command"]).queues
    ]
    assert sorted(worked_on) == sorted(Queue)


def test_every_queue_has_exactly_one_worker_under_run() -> None:
    worked_on = [queue for queues in services.RUN_WORKERS.values() for queue in queues]
    assert sorted(worked_on) == sorted(Queue)


def test_bulk_mail_shares_its_worker_with_nothing() -> None:
    groups = [parsed(s["command"]).queues for s in OURS.values() if s["command"][0] == "worker"]
    for group in [*groups, *services.RUN_WORKERS.values()]:
        assert Queue.BULK not in group or list(group) == [Queue.BULK]


def test_run_starts_what_compose_starts(tmp_path: Path) -> None:
    plan = Plan(tmp_path, "127.0.0.1", 8000, 1025, 8010, "redis://", "http://127.0.0.1:8000", tmp_path / "s", "server")
    workers = plan.workers_service(verbose=False)
    assert isinstance(workers.command, tuple)
    command = list(workers.command[workers.command.index("publisher") + 1 :])
    asked = parsed(command)
    assert (command[0], asked.quiet) == ("workers", True)
    forks = forked_services(asked.grace)
    assert [service.name for service in forks] == [*services.RUN_WORKERS, "beat"]
    # Its forks are stopped one stage after the other.
    graces = {service.stage: service.grace_s for service in forks}
    assert sum(graces.values()) < workers.grace_s
    own = [plan.web_service(), workers, plan.broker_service(), *forks]
    stages = {service.stage for service in (*plan.neighbours(samples=True), *own) if service}
    assert stages == set(Stage) - {Stage.JOB}


def test_there_is_one_beat_and_everything_waits_for_the_database_to_be_ready() -> None:
    assert [name for name, service in OURS.items() if service["command"] == ["beat"]] == ["beat"]
    for name, service in OURS.items():
        if name not in {"migrate", "mail"}:
            assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
            assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_settings_and_a_command_that_exist(name: str) -> None:
    assert set(OURS[name]["environment"]) <= set(settings_in_code())
    parsed(OURS[name]["command"])


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_the_services(name: str) -> None:
    passed = OURS[name]["environment"]
    assert set(settings_in_code()) - set(passed) == set(NOT_PASSED)
    fixed = {"DATABASE_URL", "REDIS_URL", "OPSLAG_PRACTICE_URL", "OPSLAG_ALLOWED_TARGETS"}
    assert [each for each in set(passed) - fixed if not passed[each].startswith(f"${{{each}:-")] == []


def settings_under(environment: dict[str, str]) -> dict[str, str]:
    """What the settings module says in a process with only this environment, as text."""
    names = sorted({*(set(settings_in_code()) - COMPOSED - set(NOT_PASSED)), "SECURE", "BEHIND_PROXY"})
    script = (
        "import json, publisher.settings as found\n"
        f"print(json.dumps({{each: str(getattr(found, each, None)) for each in {names!r}}}))"
    )
    told: dict[str, str] = json.loads(output_of(script, environment))
    return told


def test_what_compose_passes_by_itself_changes_no_default(tmp_path: Path) -> None:
    least = dict.fromkeys(("OPSLAG_SECRET_KEY", "OPSLAG_ENCRYPTION_KEYS", "OPSLAG_ADDRESS_KEY"), "x" * 43 + "=")
    least |= {"DATABASE_URL": "postgres://postgres/opslag", "OPSLAG_PRACTICE_URL": "http://web:8000"}
    least |= {"OPSLAG_BASE_URL": "https://opslag.example.org", "OPSLAG_HOME": str(tmp_path)}
    passed = {
        name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in OURS["web"]["environment"].items()
    }  # fmt: skip
    assert settings_under({**passed, **least}) == settings_under(least)


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "healthcheck" in service])
def test_a_health_check_asks_about_its_own_service(name: str) -> None:
    test = OURS[name]["healthcheck"]["test"]
    assert test[:4] == ["CMD", "python", "-m", "publisher"]
    asked = parsed(test[4:])
    command = OURS[name]["command"]
    expected = parsed(command).queues if command[0] == "worker" else [command[0]]
    assert list(asked.name) == [str(one) for one in expected]


def test_redis_forgets_nothing(tmp_path: Path) -> None:
    told = COMPOSE["services"]["redis"]["command"]
    embedded = Plan(tmp_path, "", 0, 0, 0, "", "", tmp_path / "s", "redis-server").broker_service()
    assert embedded and isinstance(embedded.command, tuple)
    for option in ("--appendonly", "--maxmemory-policy"):
        assert told[told.index(option) + 1] == embedded.command[embedded.command.index(option) + 1]


def test_compose_itself_accepts_the_file() -> None:
    compose = shutil.which("docker-compose")
    if compose is None:
        if os.environ.get("CI"):
            pytest.fail("docker-compose is not installed; .ci/run should have brought it")
        pytest.skip("docker-compose is not installed: the file was not checked by compose itself")
    answer = subprocess.run(
        [compose, "--profile", "catcher", "-f", str(ROOT / "docker-compose.yml"), "config", "--services"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "WARNING" not in answer.stderr
    assert set(answer.stdout.split()) == set(COMPOSE["services"])


def test_the_image_holds_what_the_services_need() -> None:
    """What .dockerignore lets through is what the Dockerfile copies; nothing of var/ or .git gets in."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = {
        line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and not line.split()[1].startswith("--from")
    }  # fmt: skip
    assert copied == allowed
