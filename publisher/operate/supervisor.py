"""Run services as child processes: start them, keep what they print, restart what dies, stop them in order.

A service is a program, or a function for a fork of this process (publisher.operate.forked).

One thread waits for all: for output, for signals and for the end of a child, through pipes and never in a busy loop.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import FrameType

from django.utils.translation import gettext as _

from publisher.operate import leash
from publisher.operate.forked import Body, Forked, fork
from publisher.operate.output import Echo, ServiceOutput
from publisher.operate.processes import ProcessId, identify, kill_group

LONGEST_PAUSE_S = 30.0
DEATHS_ALLOWED = 5
DEATHS_WITHIN_S = 60.0
# A supervisor below us kills its services at once when it is told to end them by force.
SUPERVISED_GRACE_S = 5.0
BY_FORCE = signal.SIGQUIT
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, BY_FORCE)


class Stage(IntEnum):
    """The order in which services are stopped: what gives work first, what the others stand on last."""

    JOB = 0
    BEAT = 1
    WEB = 2
    WORKER = 3
    NEIGHBOUR = 4
    BROKER = 5


@dataclass(frozen=True)
class Service:
    """One program to run, or a function. A JOB ends by itself, is not restarted and writes straight to the terminal.

    `grace_s`: seconds between the request to stop and the end by force. A `chatty` one warns of what is in order here,
    so its lines go to its file alone. One that `supervises` others chooses itself what to show, with their names in
    front, and ends them by force when it is sent BY_FORCE.
    """

    name: str
    command: tuple[str, ...] | Body
    stage: Stage
    grace_s: float = 10.0
    chatty: bool = False
    supervises: bool = False


@dataclass
class Child:
    """A service as it runs now."""

    service: Service
    output: ServiceOutput
    process: subprocess.Popen[bytes] | Forked | None = None
    identity: ProcessId | None = None
    reading: int | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_ALLOWED))
    restart_at: float | None = None
    exit_code: int | None = None

    def pause(self, first_s: float = 1.0) -> float:
        """Seconds until the next start: 1, 2, 4 … 30 with each death in the last minute."""
        recent = sum(death > time.monotonic() - DEATHS_WITHIN_S for death in self.deaths)
        return min(first_s * 2.0 ** max(recent - 1, 0), LONGEST_PAUSE_S)

    def dies_too_often(self) -> bool:
        """Five times within a minute."""
        return len(self.deaths) == DEATHS_ALLOWED and self.deaths[-1] - self.deaths[0] < DEATHS_WITHIN_S

    def has_given_up(self) -> bool:
        """Whether it supervised others, and ended because it could not keep them alive."""
        return self.service.supervises and (self.exit_code or 0) > 0


class Supervisor:
    """Starts and watches services. `keep_open` are descriptors that every child inherits (the lock of the instance).

    `on_change` is called after each start, so that the pids can be written down.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        log_folder: Path,
        echo: Echo,
        *,
        keep_open: tuple[int, ...] = (),
        show_all: bool = False,
        first_pause_s: float = 1.0,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.environment = dict(environment)
        self.children: dict[str, Child] = {}
        self.requests_to_stop = 0
        self.exit_code = 0
        self._folder = folder
        self._log_folder = log_folder
        self._echo = echo
        self._keep_open = keep_open
        self._show_all = show_all
        self._first_pause_s = first_pause_s
        self._on_change = on_change
        self._selector = selectors.DefaultSelector()
        self._wakes: int | None = None
        self._by_force = False
        log_folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """While inside, the STOP_SIGNALS ask to stop, and a child's end wakes the wait."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        self._selector.register(reading, selectors.EVENT_READ, None)
        self._wakes = writing
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        # A hang-up that was ignored when we started (nohup) stays ignored. BY_FORCE is ignored in whatever a shell
        # starts in the background, but is more than a key to us.
        asked = [number for number in STOP_SIGNALS if number == BY_FORCE or signal.getsignal(number) != signal.SIG_IGN]
        handlers = {number: signal.signal(number, self._ask_to_stop) for number in asked}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            self._wakes = None
            self._selector.unregister(reading)
            os.close(reading)
            os.close(writing)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.requests_to_stop += 1
        else:
            # Said again, it is by another who wants the same: the leash, and then the next start.
            self.requests_to_stop = max(self.requests_to_stop, 1)
        self._by_force |= number == BY_FORCE

    def start(self, service: Service) -> None:
        """Start a service; its end is noticed by `wait`."""
        echo = self._echo if self._show_all or not service.chatty else lambda line: None
        show_all = self._show_all or service.supervises
        output = ServiceOutput(service.name, self._log_folder, echo, show_all=show_all, named=service.supervises)
        self.children[service.name] = Child(service, output)
        self._spawn(self.children[service.name])

    def _spawn(self, child: Child) -> None:
        child.restart_at = None
        command = child.service.command
        if child.service.stage is Stage.JOB and not callable(command):
            child.process = self._popen(command, None, self._keep_open)
        else:
            # The child holds the reading end too: when we are killed, what it says on its way out must not break it
            # (Celery forgets to stop when its last words meet a closed pipe).
            child.reading, writing = os.pipe()
            os.set_blocking(child.reading, False)
            if callable(command):
                child.process = fork(command, child.service.name, output=writing, let_go=lambda: self._let_go(child))
            else:
                child.process = self._popen(command, writing, (*self._keep_open, child.reading))
            os.close(writing)
            self._selector.register(child.reading, selectors.EVENT_READ, child)
        child.identity = identify(child.process.pid)
        self._on_change()

    def _let_go(self, forked: Child) -> None:
        """In a fork: close what only the supervisor needs; it keeps the reading end of its own pipe."""
        ours = {key.fd for key in self._selector.get_map().values()}
        ours |= {child.reading for child in self.children.values() if child.reading is not None}
        ours |= {self._wakes} if self._wakes is not None else set()
        self._selector.close()
        for descriptor in ours - {forked.reading}:
            os.close(descriptor)

    def _popen(self, command: tuple[str, ...], output: int | None, passed: tuple[int, ...]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 -- our own command lines
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=self._folder,
            env=self.environment,
            start_new_session=True,
            pass_fds=passed,
        )

    def wait(self, until: Callable[[], bool], *, timeout_s: float, look_every_s: float = 1.0) -> bool:
        """Serve all children until `until()`, `timeout_s` seconds have passed or somebody asks to stop.

        Answers whether `until()` came true; it is asked after each event and every `look_every_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not until():
            left = deadline - time.monotonic()
            if left <= 0 or self.requests_to_stop:
                return False
            self._serve(min(left, look_every_s))
        return True

    def run(self) -> int:
        """Serve all children until somebody asks to stop or a service cannot be kept alive; answers the exit code."""
        while not self.requests_to_stop:
            self._serve(LONGEST_PAUSE_S)
        return self.exit_code

    def _serve(self, longest_s: float) -> None:
        starts = [child.restart_at for child in self.children.values() if child.restart_at is not None]
        pause = min([longest_s, *(max(start - time.monotonic(), 0.0) for start in starts)])
        for key, _events in self._selector.select(pause):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 1024)
            elif not key.data.output.read(key.fd):
                self._selector.unregister(key.fd)
        for child in list(self.children.values()):
            self._look_after(child)

    def _look_after(self, child: Child) -> None:
        if child.process and child.process.poll() is not None:
            self._ended(child)
        due = child.restart_at is not None and child.restart_at <= time.monotonic()
        if due and not self.requests_to_stop:
            self._spawn(child)

    def _ended(self, child: Child) -> None:
        process, child.process, child.identity = child.process, None, None
        if process is None:
            return
        kill_group(process.pid)
        if child.reading is not None:
            self._drain(child, child.reading)
            os.close(child.reading)
            child.reading = None
        child.exit_code = process.returncode
        if self.requests_to_stop or child.service.stage is Stage.JOB:
            return
        child.deaths.append(time.monotonic())
        if child.dies_too_often() or child.has_given_up():
            self._give_up(child)
            return
        pause = child.pause(self._first_pause_s)
        child.restart_at = time.monotonic() + pause
        words = _("%(service)s ended (%(code)s); starting it again in %(seconds)d s.")
        self._say(words, service=child.service.name, code=child.exit_code, seconds=pause)

    def _drain(self, child: Child, descriptor: int) -> None:
        # Its group is gone, so the pipe is closed at the other end and ends after what was still written to it.
        while child.output.read(descriptor) and self._readable(descriptor):
            pass
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    @staticmethod
    def _readable(descriptor: int) -> bool:
        with selectors.DefaultSelector() as once:
            once.register(descriptor, selectors.EVENT_READ)
            return bool(once.select(0))

    def _give_up(self, child: Child) -> None:
        if child.has_given_up():
            # What it said of the reason was shown.
            self._say(_("%(service)s gave up (%(code)s)."), service=child.service.name, code=child.exit_code)
        else:
            words = _("%(service)s ended five times within a minute. Its last lines (all of them: %(log)s):")
            self._say(words, service=child.service.name, log=child.output.path)
            for line in child.output.tail:
                self._echo(child.output.prefixed(line))
        self.exit_code = 1
        self.requests_to_stop += 1

    def stop(self) -> None:
        """Stop everything, stage by stage; Ctrl-C again, or BY_FORCE, ends what is left by force."""
        self.requests_to_stop = max(self.requests_to_stop, 1)
        patience = self.requests_to_stop
        for stage in Stage:
            staged = [child for child in self.children.values() if child.service.stage is stage and child.process]
            for child in staged:
                if child.process:
                    child.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + max((child.service.grace_s for child in staged), default=0.0)
            while any(child.process for child in staged):
                if time.monotonic() > deadline or self._by_force or self.requests_to_stop > patience:
                    self._end_by_force(staged)
                self._serve(0.1)

    def _end_by_force(self, children: list[Child]) -> None:
        for child in children:
            if child.process:
                self._say(_("%(service)s did not stop in time and was ended."), service=child.service.name)
                if child.service.supervises:
                    # Its children are in sessions of their own: it must end them.
                    child.process.send_signal(BY_FORCE)
                    self._serve_until_ended(child, SUPERVISED_GRACE_S)
            if child.process:
                kill_group(child.process.pid)
                child.process.wait()

    def _serve_until_ended(self, child: Child, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while child.process and time.monotonic() < deadline:
            self._serve(0.1)

    def identities(self) -> dict[str, ProcessId]:
        """Name and identity of every child that runs."""
        return {name: child.identity for name, child in self.children.items() if child.identity}

    def _say(self, words: str, **values: object) -> None:
        self._echo(words % values)
