"""The supervisor with real child processes: restarts, order of stopping, output, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import translation

from publisher.operate import processes, supervisor
from publisher.operate.supervisor import Service, Stage, Supervisor

ROOT = Path(__file__).resolve().parents[2]
# Says when it is ready, notes that it was asked to stop, and stops.
POLITE = """
import pathlib, signal, sys, time
def stop(*_):
    with open(sys.argv[1], "a") as notes: notes.write(sys.argv[2] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watched(tmp_path: Path, told: list[str]) -> Iterator[Supervisor]:
    watcher = Supervisor(os.environ, tmp_path, tmp_path / "log", told.append)
    with translation.override("en"), watcher.signals():
        yield watcher
        watcher.requests_to_stop += 2
        watcher.stop()


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code, *arguments)


def says(watcher: Supervisor, name: str, words: str) -> Callable[[], bool]:
    return lambda: any(words in line for line in watcher.children[name].output.tail)


def test_it_keeps_what_a_service_prints(watched: Supervisor, tmp_path: Path, told: list[str]) -> None:
    watched.start(
        Service("talker", python("print('quiet'); print('a WARNING: loud'); print('  with details')"), Stage.WEB)
    )
    assert watched.wait(says(watched, "talker", "with details"), timeout_s=20)
    assert (tmp_path / "log" / "talker.log").read_text().splitlines()[:3] == [
        "quiet",
        "a WARNING: loud",
        "  with details",
    ]
    shown = [line for line in told if "│" in line]
    assert [line.split("│ ")[1] for line in shown[:2]] == ["a WARNING: loud", "  with details"]
    assert not any("quiet" in line for line in told)


def test_a_service_that_dies_is_started_again(watched: Supervisor, told: list[str]) -> None:
    watched.start(Service("mortal", python(POLITE, "/dev/null", "x"), Stage.WEB))
    assert watched.wait(says(watched, "mortal", "ready"), timeout_s=20)
    first = watched.identities()["mortal"]
    os.kill(first.pid, signal.SIGKILL)
    assert watched.wait(lambda: watched.identities().get("mortal") not in (None, first), timeout_s=20)
    assert any("mortal ended (-9)" in line for line in told)


def test_the_pause_grows_with_each_death_and_five_in_a_minute_are_too_many(tmp_path: Path) -> None:
    child = supervisor.Child(Service("x", (), Stage.WEB), output=None)  # type: ignore[arg-type]
    pauses = []
    for _ in range(5):
        assert not child.dies_too_often()
        child.deaths.append(time.monotonic())
        pauses.append(child.pause())
    assert pauses == [1, 2, 4, 8, 16]
    assert child.dies_too_often()
    child.deaths.clear()
    child.deaths.extend(time.monotonic() - 100 + 25 * n for n in range(5))
    assert not child.dies_too_often()


def test_giving_up_shows_the_last_lines_and_ends_with_an_error(tmp_path: Path, told: list[str]) -> None:
    watched = Supervisor(os.environ, tmp_path, tmp_path / "log", told.append, first_pause_s=0.01)
    watched.start(Service("doomed", python("print('no such table: apples'); raise SystemExit(3)"), Stage.WEB))
    with watched.signals():
        assert watched.run() == 1
    assert any("no such table: apples" in line for line in told)
    assert len(watched.children["doomed"].deaths) == 5


def test_a_job_is_not_started_again(watched: Supervisor) -> None:
    watched.start(Service("job", python("raise SystemExit(7)"), Stage.JOB))
    assert watched.wait(lambda: watched.children["job"].exit_code == 7, timeout_s=20)
    assert watched.children["job"].restart_at is None


def test_stages_are_stopped_in_order(watched: Supervisor, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    for stage in reversed(Stage):
        if stage is not Stage.JOB:
            watched.start(Service(stage.name, python(POLITE, str(notes), stage.name), stage))
            assert watched.wait(says(watched, stage.name, "ready"), timeout_s=20)
    watched.stop()
    assert notes.read_text().split() == ["BEAT", "WEB", "WORKER", "NEIGHBOUR", "BROKER"]
    assert watched.identities() == {}


def test_who_does_not_stop_is_ended_with_its_children(watched: Supervisor, tmp_path: Path, told: list[str]) -> None:
    stubborn = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork()\n"
        "if child: print('child', child, flush=True)\n"
        "time.sleep(600)"
    )
    watched.start(Service("stubborn", python(stubborn), Stage.WORKER, grace_s=0.2))
    assert watched.wait(says(watched, "stubborn", "child"), timeout_s=20)
    grandchild = processes.identify(int(watched.children["stubborn"].output.tail[-1].split()[1]))
    leader = watched.identities()["stubborn"]
    watched.stop()
    assert any("did not stop in time" in line for line in told)
    assert not processes.is_alive(leader)
    assert gone(grandchild)


def gone(process: processes.ProcessId) -> bool:
    deadline = time.monotonic() + 20
    while processes.is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


SUPERVISING = """
import os, sys
from pathlib import Path
from publisher.operate.supervisor import Service, Stage, Supervisor
home = Path(sys.argv[1])
watcher = Supervisor(os.environ, home, home, print)
with watcher.signals():
    watcher.start(Service("sleeper", ("/bin/sleep", "600"), Stage.WEB))
    print(next(iter(watcher.identities().values())).pid, flush=True)
    watcher.run()
    watcher.stop()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops what was left")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_however_the_supervisor_ends_its_children_end_too(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    parent = subprocess.Popen(
        [sys.executable, "-c", SUPERVISING, str(tmp_path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = processes.identify(int(parent.stdout.readline()))
    assert processes.is_alive(child)
    parent.send_signal(number)
    parent.wait(timeout=30)
    parent.stdout.close()
    assert gone(child)


TALKATIVE = """
import signal, sys, time
def stop(*_):
    print("last words", flush=True)
    open(sys.argv[1], "w").write("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops what was left")
def test_last_words_to_a_killed_supervisor_stop_nobody_from_stopping(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    service = f"Service('talker', {python(TALKATIVE, str(notes))!r}, Stage.WEB)"
    supervising = SUPERVISING.replace('Service("sleeper", ("/bin/sleep", "600"), Stage.WEB)', service)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    parent = subprocess.Popen(
        [sys.executable, "-c", supervising, str(tmp_path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = processes.identify(int(parent.stdout.readline()))
    log = tmp_path / "talker.log"
    deadline = time.monotonic() + 20
    while not log.exists() or "ready" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(child)
    assert notes.read_text() == "stopped"
