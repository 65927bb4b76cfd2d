"""Services as forks: what they find, how they end, and that none of them goes on with its parent's work.

Each scene is a program of its own: pytest's process has threads, and must not be forked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from publisher.operate import processes
from publisher.operate.supervisor import Service, Stage, Supervisor

ROOT = Path(__file__).resolve().parents[2]
BEGIN = """
import json, os, random, signal, sys, time
from pathlib import Path
import django
django.setup()
from publisher.operate.supervisor import Service, Stage, Supervisor
home = Path(sys.argv[1])

def told(file, **facts):
    half = home / f"{file}.half"
    half.write_text(json.dumps(facts | {"pid": os.getpid()}))
    half.rename(home / f"{file}.json")

def sleeper(name="sleeper"):
    told(name)
    time.sleep(600)

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper()

def polite():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    sleeper()

def careful():
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.5), sys.exit(3)))
    sleeper()

watcher = Supervisor({}, home, home / "log", lambda line: print(line, flush=True), first_pause_s=0.05)
def supervise(*services):
    with watcher.signals():
        try:
            for service in services:
                watcher.start(service)
            return watcher.run()
        finally:
            watcher.stop()
            codes = {name: child.exit_code for name, child in watcher.children.items()}
            print("parent", os.getpid(), codes, flush=True)
"""
# Children must not come here.
END = "\nprint('the end of', os.getpid(), flush=True)\nsys.exit(code)\n"


class Scene:
    """A supervisor with forks, in a process and a folder of its own."""

    def __init__(self, home: Path, code: str) -> None:
        self.home = home
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + code + END, str(home)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def told(self, name: str, is_new: Callable[[dict[str, object]], bool] = bool) -> dict[str, object]:
        """What a fork wrote down."""
        path = self.home / f"{name}.json"
        deadline = time.monotonic() + 30
        while not (path.exists() and is_new(json.loads(path.read_text()))):
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.02)
        facts: dict[str, object] = json.loads(path.read_text())
        return facts

    def fork(self, name: str) -> processes.ProcessId:
        return processes.identify(int(str(self.told(name)["pid"])))

    def log(self, name: str) -> str:
        path = self.home / "log" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def ended(self) -> tuple[int, str]:
        shown, _ = self.process.communicate(timeout=30)
        # Only the parent ever goes on.
        assert shown.count("the end of") == 1 and f"the end of {self.process.pid}" in shown
        return self.process.returncode, shown


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[[str], Scene]]:
    begun: list[Scene] = []

    def begin(code: str) -> Scene:
        begun.append(Scene(tmp_path, code))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.wait()
        if each.process.stdout:
            each.process.stdout.close()


def gone(process: processes.ProcessId) -> bool:
    deadline = time.monotonic() + 20
    while processes.is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not processes.is_alive(process)


FINDS = """
random.seed(1)
def finds(name):
    def body():
        print("hello from", name)
        told(name, session=os.getsid(0), group=os.getpgid(0), drawn=random.random(), stdin=os.readlink("/dev/fd/0"),
             handled=[int(n) for n in signal.valid_signals() if callable(signal.getsignal(n))],
             wakes=signal.set_wakeup_fd(-1), blocked=len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
             pipes=sum(os.readlink(f"/proc/self/fd/{fd}").startswith(("pipe:", "anon")) for fd in range(3, 30)
                       if os.path.exists(f"/proc/self/fd/{fd}")),
             name=Path("/proc/self/comm").read_text().strip())
        time.sleep(600)
    return body
code = supervise(Service("one", finds("one"), Stage.WORKER), Service("two", finds("two"), Stage.WORKER))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_fork_finds_what_a_new_program_finds(scene: Callable[[str], Scene]) -> None:
    running = scene(FINDS)
    one, two = running.told("one"), running.told("two")
    for facts in (one, two):
        assert facts["session"] == facts["group"] == facts["pid"]
        assert facts["handled"] == [signal.SIGINT]
        assert (facts["wakes"], facts["blocked"], facts["stdin"]) == (-1, 0, "/dev/null")
        # The reading end of its own pipe, so that last words to a killed supervisor do not break it.
        assert facts["pipes"] == 1
    assert one["drawn"] != two["drawn"]
    assert (one["name"], two["name"]) == ("opslag-one", "opslag-two")
    running.process.terminate()
    code, shown = running.ended()
    assert (code, shown.count("parent ")) == (0, 1) and "{'one': -15, 'two': -15}" in shown
    assert running.log("one").splitlines() == ["hello from one"]


def test_a_fork_that_is_killed_is_forked_again(scene: Callable[[str], Scene]) -> None:
    running = scene('code = supervise(Service("sleeper", sleeper, Stage.WORKER))')
    first = running.fork("sleeper")
    os.kill(first.pid, signal.SIGKILL)
    running.told("sleeper", lambda facts: facts["pid"] != first.pid)
    running.process.terminate()
    code, shown = running.ended()
    assert code == 0 and "sleeper" in shown and "-9" in shown


@pytest.mark.parametrize(
    ("body", "words"),
    [("lambda: 1 / 0", "ZeroDivisionError"), ("lambda: sys.exit(7)", "(7)"), ("lambda: 7", "(7)")],
)
def test_a_fork_that_fails_is_given_up_after_five_times(scene: Callable[[str], Scene], body: str, words: str) -> None:
    code, shown = scene(f'code = supervise(Service("doomed", {body}, Stage.WORKER))').ended()
    assert code == 1 and words in shown
    assert shown.count("parent ") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_a_fork_does_not_outlive_a_killed_parent(scene: Callable[[str], Scene]) -> None:
    running = scene('code = supervise(Service("sleeper", sleeper, Stage.WORKER))')
    fork = running.fork("sleeper")
    assert processes.is_alive(fork)
    running.process.kill()
    assert gone(fork)


def test_one_that_ends_politely_is_waited_for(scene: Callable[[str], Scene]) -> None:
    running = scene('code = supervise(Service("sleeper", polite, Stage.WORKER))')
    running.told("sleeper")
    running.process.send_signal(signal.SIGINT)
    code, shown = running.ended()
    assert code == 0 and "{'sleeper': 3}" in shown


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT), (signal.SIGTERM, signal.SIGQUIT)),
        (None, signal.SIGQUIT),
    ],
)
def test_ctrl_c_again_or_quit_ends_by_force(
    scene: Callable[[str], Scene], first: signal.Signals | None, second: signal.Signals
) -> None:
    running = scene('code = supervise(Service("sleeper", stubborn, Stage.WORKER, 60.0))')
    fork = running.fork("sleeper")
    if first is not None:
        running.process.send_signal(first)
        time.sleep(0.5)
    assert processes.is_alive(fork)
    running.process.send_signal(second)
    code, shown = running.ended()
    assert code == 0 and "{'sleeper': -9}" in shown
    assert gone(fork)


def test_quit_ends_by_force_also_what_a_shell_started_in_the_background(scene: Callable[[str], Scene]) -> None:
    running = scene("signal.signal(signal.SIGQUIT, signal.SIG_IGN)\n" + INNER)
    running.told("sleeper")
    running.process.send_signal(signal.SIGQUIT)
    assert "{'sleeper': -9}" in running.ended()[1]


def test_the_same_request_again_leaves_a_fork_the_time_that_it_has(scene: Callable[[str], Scene]) -> None:
    running = scene('code = supervise(Service("sleeper", careful, Stage.WORKER, 60.0))')
    running.told("sleeper")
    # As the leash does, and then the next start.
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
        running.process.send_signal(number)
        time.sleep(0.3)
    code, shown = running.ended()
    assert code == 0 and "{'sleeper': 3}" in shown


INNER = 'code = supervise(Service("sleeper", stubborn, Stage.WORKER, 60.0))'


def supervised(watcher: Supervisor, tmp_path: Path, code: str, grace_s: float = 0.3) -> None:
    command = (sys.executable, "-c", BEGIN + code + END, str(tmp_path))
    watcher.start(Service("inner", command, Stage.WORKER, grace_s, supervises=True))


def test_a_supervisor_under_another_ends_its_forks_when_it_is_ended_by_force(tmp_path: Path) -> None:
    said: list[str] = []
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    watcher = Supervisor(environment, ROOT, tmp_path / "outer", said.append)
    with watcher.signals():
        supervised(watcher, tmp_path, INNER)
        assert watcher.wait((tmp_path / "sleeper.json").exists, timeout_s=20, look_every_s=0.05)
        fork = processes.identify(json.loads((tmp_path / "sleeper.json").read_text())["pid"])
        watcher.stop()
    assert watcher.identities() == {}
    assert gone(fork)


def test_ctrl_c_again_before_its_turn_ends_a_supervisor_with_its_forks(tmp_path: Path) -> None:
    said: list[str] = []
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    watcher = Supervisor(environment, ROOT, tmp_path / "outer", said.append)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"
    with watcher.signals():
        supervised(watcher, tmp_path, INNER, 60.0)
        watcher.start(Service("web", (sys.executable, "-c", f"{stubborn}; time.sleep(600)"), Stage.WEB, 60.0))
        assert watcher.wait((tmp_path / "sleeper.json").exists, timeout_s=20, look_every_s=0.05)
        assert watcher.wait(lambda: "up" in watcher.children["web"].output.tail, timeout_s=20)
        fork = processes.identify(json.loads((tmp_path / "sleeper.json").read_text())["pid"])
        again = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        again.start()
        watcher.stop()
        again.join()
    # It came to its own end, and did not leave that of its fork to others.
    assert watcher.children["inner"].exit_code == 0
    assert gone(fork)


def test_what_a_supervisor_under_another_gives_up_is_given_up(tmp_path: Path) -> None:
    said: list[str] = []
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "publisher.settings"}
    watcher = Supervisor(environment, ROOT, tmp_path / "outer", said.append)
    with watcher.signals():
        supervised(watcher, tmp_path, 'code = supervise(Service("doomed", lambda: 1 / 0, Stage.WORKER))')
        assert watcher.run() == 1
        watcher.stop()
    assert len(watcher.children["inner"].deaths) == 1
    # The name of who speaks stands in front once.
    assert any(line.startswith("doomed   │ ZeroDivisionError") for line in said)
    assert not any(line.startswith("inner    │") for line in said)
