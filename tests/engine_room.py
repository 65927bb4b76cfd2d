"""A whole Opslag in processes of its own (broker, workers, beat, a recording mail server), to be killed at will.

Used by `make chaos`, `make bench` and the system tests; its database and folders are temporary.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import django
import redis
from cryptography.fernet import Fernet
from django.core.management import call_command

from tests.bench import cpu
from tests.migrated import lay_sqlite
from tests.servers import PostgreSQL, postgresql_server, start_broker
from tests.smtp_sink import RunningSink, running_sink

REPOSITORY = Path(__file__).resolve().parent.parent
WORKERS = {"bulk": "bulk", "rest": "tick,urgent,prepare,social,collect,track"}


class EngineRoom:
    """The running processes, to be killed; `revive` brings back what is missing, as a supervisor would.

    `together`: workers and beat are forks of one process, `opslag workers`, which brings them back itself. `workers`
    names the others with their queues.
    """

    def __init__(
        self,
        folder: Path,
        sink: RunningSink,
        database: PostgreSQL | None,
        web_port: int = 0,
        *,
        together: bool = False,
        workers: Mapping[str, str] = WORKERS,
    ) -> None:
        self.workers = workers
        self.folder, self.sink, self.database, self.web_port = folder, sink, database, web_port
        self.together = together
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.logs = folder / "log"
        self.logs.mkdir()

    def revive(self) -> None:
        """Start whatever is not running: broker, workers, beat, and the web server if it has a port."""
        if not self._runs("broker"):
            self.processes["broker"] = start_broker(self.folder)
        if self.together:
            self._revive("workers")
        else:
            for name, queues in self.workers.items():
                self._revive(name, "worker", "--queues", queues)
            self._revive("beat")
        if self.web_port:
            self._revive("web", "web", "--port", str(self.web_port))

    def wait_until_ready(self) -> None:
        """Until every worker answers."""
        from tasks.celery import app

        deadline = time.monotonic() + 60
        while len(app.control.ping(timeout=1.0)) < len(self.workers) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def _revive(self, name: str, *arguments: str) -> None:
        """Start a service of ours unless it runs; its command is its name if no other is given."""
        if self._runs(name):
            return
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "publisher", *(arguments or (name,))],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """The process id of a service; 0 if it is a fork of `opslag workers` that does not run now."""
        if name in self.processes:
            return self.processes[name].pid
        forks = _children(self.processes["workers"].pid)
        return next((pid for pid in forks if cpu.name(pid) == f"opslag-{name}"), 0)

    def children(self, name: str) -> list[int]:
        """The process ids of a worker's children."""
        return _children(self.pid(name))

    def processes_of_ours(self) -> list[int]:
        """Every living process of this installation, orphans included: they carry its home in their environment."""
        mark = f"OPSLAG_HOME={self.folder}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                is_ours = mark in path.read_bytes().split(b"\0") and int(path.parent.name) != os.getpid()
                if is_ours and (path.parent / "exe").readlink().name.startswith("python"):
                    found.append(int(path.parent.name))
        return found

    def kill_children(self, name: str) -> int:
        """`kill -9` every child of a worker; answers how many."""
        return sum(kill_process(pid) for pid in self.children(name))

    def kill_group(self, name: str) -> None:
        """`kill -9` a process with all that it started and that is still in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def kill(self, name: str) -> None:
        """`kill -9` a process itself; a worker's children are left as orphans, as they would be."""
        self.processes[name].kill()
        self.processes[name].wait()

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
        for pid in self.processes_of_ours():
            kill_process(pid)


def _children(pid: int) -> list[int]:
    return [child for child in cpu.tree(pid) if cpu.parent(child) == pid]


def _a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def kill_process(pid: int) -> bool:
    """`kill -9`; false if it had ended before."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def engine_room(
    database: str,
    *,
    start: bool = True,
    web: bool = False,
    together: bool = False,
    sink: Mapping[str, Any] | None = None,
    workers: Mapping[str, str] = WORKERS,
    **settings: str,
) -> Iterator[EngineRoom]:
    """Set up Django in this process for a fresh installation on `database` (sqlite or postgresql), and its processes.

    Without `start` they wait for `revive`; `together`: as forks of one process; `sink` are the options of the mail
    server (running_sink), `workers` the names of the processes with their queues. Must be the first thing in its
    process that touches Django's settings.
    """
    with contextlib.ExitStack() as stack:
        # Stopped from outside it clears up, too: what it leaves behind would spoil whatever is measured next.
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _end))
        folder = Path(tempfile.mkdtemp(prefix="opslag-engine-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server_of_mail = stack.enter_context(running_sink(folder / "sink", **(sink or {})))
        server = None
        if database == "postgresql":
            server = stack.enter_context(postgresql_server())
            os.environ["DATABASE_URL"] = server.url
        else:
            lay_sqlite(folder / "opslag.sqlite3")
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "publisher.settings",
            "OPSLAG_HOME": str(folder),
            "OPSLAG_SECRET_KEY": "only-for-tests-" + "x" * 40,
            "OPSLAG_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "OPSLAG_ADDRESS_KEY": "only-for-tests",
            "OPSLAG_HOST": "engine-room",
            "OPSLAG_BASE_URL": "https://opslag.test",
            "OPSLAG_SMTP_URL": server_of_mail.url,
            "OPSLAG_LOG_LEVEL": "WARNING",
            "REDIS_URL": f"redis+socket://{folder}/valkey.sock",
            **settings,
        }
        django.setup()
        call_command("migrate", verbosity=0)
        room = EngineRoom(
            folder, server_of_mail, server, _a_free_port() if web else 0, together=together, workers=workers
        )
        stack.callback(room.stop)
        if start:
            room.revive()
        yield room
