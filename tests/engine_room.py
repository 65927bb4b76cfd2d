"""A whole Opslag in processes of its own (broker, workers, beat, a recording mail server), to be killed at will.

Used by `make chaos`, `make bench` and the system tests; its database and folders are temporary.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import django
import redis
from cryptography.fernet import Fernet
from django.core.management import call_command

from tests.servers import PostgreSQL, postgresql_server, start_broker
from tests.smtp_sink import RunningSink, running_sink

REPOSITORY = Path(__file__).resolve().parent.parent
WORKERS = {"bulk": "bulk", "rest": "tick,urgent,prepare,social,collect,track"}


class EngineRoom:
    """The running processes, to be killed; `revive` brings back what is missing, as a supervisor would."""

    def __init__(self, folder: Path, sink: RunningSink, database: PostgreSQL | None) -> None:
        self.folder, self.sink, self.database = folder, sink, database
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.logs = folder / "log"
        self.logs.mkdir()

    def revive(self) -> None:
        """Start whatever is not running: broker, workers, beat."""
        if not self._runs("broker"):
            self.processes["broker"] = start_broker(self.folder)
        for name, queues in WORKERS.items():
            if not self._runs(name):
                self._start(name, "worker", "--queues", queues)
        if not self._runs("beat"):
            self._start("beat", "beat")

    def wait_until_ready(self) -> None:
        """Until every worker answers."""
        from tasks.celery import app

        deadline = time.monotonic() + 60
        while len(app.control.ping(timeout=1.0)) < len(WORKERS) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def _start(self, name: str, *arguments: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "publisher", *arguments],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def children(self, name: str) -> list[int]:
        """The process ids of a worker's children."""
        parent = self.processes[name].pid
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in listed.stdout.split()]

    def kill_children(self, name: str) -> int:
        """`kill -9` every child of a worker; answers how many."""
        killed = 0
        for pid in self.children(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def kill(self, name: str) -> None:
        """`kill -9` a process itself; a worker's children are left as orphans, as they would be."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop_children(self, name: str) -> list[int]:
        """SIGSTOP every child of a worker; answers which, for `go_on`."""
        stopped = self.children(name)
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return stopped

    @staticmethod
    def go_on(pids: list[int]) -> None:
        """SIGCONT."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def flush_broker(self) -> None:
        """FLUSHALL: every queued task is gone."""

        redis.Redis(unix_socket_path=str(self.folder / "valkey.sock")).flushall()

    def stop(self) -> None:
        """End everything, children and orphans included."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


@contextlib.contextmanager
def engine_room(
    database: str, *, sink_delay_s: float = 0.0, sink_faults: float = 0.0, start: bool = True, **settings: str
) -> Iterator[EngineRoom]:
    """Set up Django in this process for a fresh installation on `database` (sqlite or postgresql), and its processes.

    Without `start` they wait for `revive`. Must be the first thing in its process that touches Django's settings.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="opslag-engine-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sink = stack.enter_context(running_sink(folder / "sink", delay_s=sink_delay_s, faults=sink_faults))
        server = None
        if database == "postgresql":
            server = stack.enter_context(postgresql_server())
            os.environ["DATABASE_URL"] = server.url
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "publisher.settings",
            "OPSLAG_HOME": str(folder),
            "OPSLAG_SECRET_KEY": "only-for-tests-" + "x" * 40,
            "OPSLAG_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "OPSLAG_ADDRESS_KEY": "only-for-tests",
            "OPSLAG_HOST": "engine-room",
            "OPSLAG_BASE_URL": "https://opslag.test",
            "OPSLAG_SMTP_URL": sink.url,
            "OPSLAG_LOG_LEVEL": "WARNING",
            "REDIS_URL": f"redis+socket://{folder}/valkey.sock",
            **settings,
        }
        django.setup()
        call_command("migrate", verbosity=0)
        room = EngineRoom(folder, sink, server)
        stack.callback(room.stop)
        if start:
            room.revive()
        yield room
