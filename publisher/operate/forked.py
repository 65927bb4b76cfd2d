"""A service as a fork of this process: it shares what was imported here, and is looked after like a program.

To be called while this process has one thread and no connection to a database or broker: a fork would share them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from publisher.operate import leash

Body = Callable[[], int]


class Forked:
    """A child process made by fork; what a supervisor asks of a subprocess.Popen can be asked of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code (negative: the signal that killed it); None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for its end."""
        return self._reap(0)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal if it runs. Until it is waited for its pid belongs to nobody else."""
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(body: Body, name: str, *, output: int, let_go: Callable[[], None]) -> Forked:
    """Let a child do `body`, whose answer is its exit code: in a session of its own, on the leash, writing to `output`.

    `let_go` is called in the child, to close what belongs to this process alone.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # A signal for the child must not meet our handlers, which would only note it in the child's copy.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if not pid:
            _be_child(body, name, parent, output, let_go)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return Forked(pid)


def _be_child(body: Body, name: str, parent: int, output: int, let_go: Callable[[], None]) -> NoReturn:
    """Never returns, whatever happens: what follows in the caller is the parent's."""
    code = 1
    try:
        os.setsid()
        _as_at_the_start(output)
        let_go()
        leash.put_on(parent, f"opslag-{name}")
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        code = body()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001 -- this is where it ends
        traceback.print_exc()
    finally:
        _end(code)


def _as_at_the_start(output: int) -> None:
    """Signals and the three standard descriptors, as a new program finds them."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, becomes in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, becomes)
    os.close(nothing)
    os.close(output)


def _end(code: int) -> NoReturn:
    try:
        # Celery puts loggers in the place of sys.stdout and sys.stderr.
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream:
                stream.flush()
    finally:
        os._exit(code)
