"""`opslag run`, as a person starts it: the main job once, a second run that sends nothing, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from publisher.operate import instance, processes
from publisher.operate.ports import free_port
from tests.migrated import lay_sqlite

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.system
PATIENCE_S = 180


class Running:
    """A run in a folder of its own, with a bare environment, as after `make run`."""

    def __init__(self, home: Path, *arguments: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.home = home
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "publisher", "run", "--port", str(free_port("127.0.0.1", 28_000)), *arguments],
            cwd=ROOT,
            env={**kept, "OPSLAG_HOME": str(home), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def until(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(words in line for line in self.lines):
            assert self.process.poll() is None and time.monotonic() < deadline, "\n".join(self.lines)
            time.sleep(0.1)

    def ended(self) -> int:
        code = self.process.wait(timeout=PATIENCE_S)
        self.reader.join()
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def children(self) -> dict[str, processes.ProcessId]:
        note = instance.read_note(self.home)
        assert note
        return dict(note.processes)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose processes, if a test leaves any, do not outlive it."""
    yield tmp_path / "home"
    note = instance.read_note(tmp_path / "home")
    if note:
        forks = instance.read_forks(tmp_path / "home")
        processes.stop_groups([note.supervisor, *note.processes.values(), *forks])


@pytest.fixture
def migrated_home(home: Path) -> Path:
    """A home whose database is there already."""
    home.mkdir()
    lay_sqlite(home / "opslag.sqlite3")
    return home


def forks(home: Path) -> dict[str, processes.ProcessId]:
    """Both workers and beat, once they are there."""
    deadline = time.monotonic() + PATIENCE_S
    while len(noted := instance.read_forks(home)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return {str(fork.pid): fork for fork in noted}


def opslag(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command beside the run, as a person types it."""
    command = [sys.executable, "-m", "publisher", *arguments]
    environment = {"PATH": os.environ["PATH"], "OPSLAG_HOME": str(home), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


def caught(home: Path) -> list[str]:
    """The Message-IDs of all mail that was caught."""
    return [str(message_from_bytes(path.read_bytes())["Message-ID"]) for path in (home / "mail").glob("*.eml")]


def alive(children: dict[str, processes.ProcessId]) -> list[str]:
    return [name for name, process in children.items() if processes.is_alive(process)]


def test_the_sample_news_reaches_two_hundred_people_and_a_channel_once_and_once_only(home: Path) -> None:
    first = Running(home, "--once")
    assert first.ended() == 0, "\n".join(first.lines)
    shown = "\n".join(first.lines)
    assert "Kulturnyt: adds up" in shown
    assert any(line.split("│")[1:4:2] == [" Sent                              ", " 200 "] for line in first.lines), (
        shown
    )
    assert "Looked at the sample feed: 5 stories from before" in shown
    assert len(caught(home)) == len(set(caught(home))) == 200
    assert alive(first.children()) == []

    second = Running(home)
    second.until("Ctrl-C")
    assert any("nothing is sent again" in line for line in second.lines)
    assert any(line.endswith("/catcher/") for line in second.lines)
    children = second.children()
    # It reads the feed that this run serves, although the address guard knows no such address by itself.
    note = instance.read_note(home)
    assert note
    looked = opslag(
        home, "collect", f"http://127.0.0.1:{note.feed_port}/feed.xml", "--organisation", "kulturfaellesskabet"
    )
    assert (looked.returncode, looked.stderr) == (0, "")
    assert set(alive(children)) >= {"broker", "workers", "web", "catcher", "feed"}
    written = {path.stem for path in (home / "log").glob("*.log")}
    assert written >= {"bulk", "rest", "beat", "web", "catcher", "feed"}
    refused = Running(home)
    assert refused.ended() == 1
    assert any("already runs here" in line for line in refused.lines)
    # What Ctrl-C sends reaches the supervisor alone; everybody else is in a session of their own.
    os.killpg(second.process.pid, signal.SIGINT)
    assert second.ended() == 0
    assert alive(children) == []
    assert len(caught(home)) == 200


def test_a_run_that_was_killed_leaves_nothing_that_could_disturb_the_next(migrated_home: Path) -> None:
    killed = Running(migrated_home, "--no-samples")
    killed.until("Opslag runs at")
    children = forks(migrated_home) | killed.children()
    assert len(alive(children)) == len(children) >= 7
    killed.process.kill()
    killed.ended()
    again = Running(migrated_home, "--no-samples")
    again.until("Opslag runs at")
    assert alive(children) == []
    children = forks(migrated_home) | again.children()
    again.process.send_signal(signal.SIGTERM)
    assert again.ended() == 0
    assert alive(children) == []
    assert instance.read_forks(migrated_home) == []


def test_workers_that_were_killed_are_started_again_and_their_forks_stop(migrated_home: Path) -> None:
    running = Running(migrated_home, "--no-samples")
    running.until("Opslag runs at")
    left = forks(migrated_home)
    os.kill(running.children()["workers"].pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while alive(left) or len(alive(forks(migrated_home))) != 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = {name: fork for name, fork in forks(migrated_home).items() if name not in left} | running.children()
    assert len(children) >= 7
    assert alive(children) == list(children)
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0
    assert alive(children) == []
