"""Every service of docker-compose.yml, started on this machine by its own command, carries a send-out to its end.

Real PostgreSQL and Redis; only addresses, ports and folders are rewritten, as a container's would be mapped.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml

from publisher.operate.broker import find_server
from publisher.operate.ports import free_port
from tests.servers import postgresql

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "opslag"}
pytestmark = pytest.mark.system


def interpolated(value: str, given: dict[str, str]) -> str:
    """${NAME:-default} as compose reads it."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: given.get(found[1]) or found[2], value)


class Host:
    """One machine that plays all containers."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        first = 29_000
        self.ports = {}
        for name in ("web", "mail", "redis", "feed"):
            self.ports[name] = free_port("127.0.0.1", first)
            first = self.ports[name] + 1
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.rewritten = {
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "OPSLAG_SMTP_URL": f"smtp+plain://127.0.0.1:{self.ports['mail']}",
            "OPSLAG_PRACTICE_URL": f"http://127.0.0.1:{self.ports['web']}",
            "OPSLAG_ALLOWED_TARGETS": f"127.0.0.1:{self.ports['web']},127.0.0.1:{self.ports['feed']}",
        }
        fresh = subprocess.run([ROOT / "bin" / "dotenv"], capture_output=True, text=True, check=True, timeout=30).stdout
        self.dotenv = dict(line.split("=", 1) for line in fresh.splitlines() if line and not line.startswith("#"))

    def environment(self, service: str) -> dict[str, str]:
        """A container's environment, without anything of this test's own."""
        declared = {name: interpolated(value, self.dotenv) for name, value in OURS[service]["environment"].items()}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        # Where the volumes are mounted; OPSLAG_HOME is the image's.
        return kept | declared | self.rewritten | {"OPSLAG_HOME": str(self.folder / "home"), "LANG": "C.UTF-8"}

    def command(self, service: str) -> list[str]:
        """A service's command with its ports and folders mapped."""
        mapped = {"8000": str(self.ports["web"]), "1025": str(self.ports["mail"]), "0.0.0.0": "127.0.0.1"}
        mapped["/var/lib/opslag/caught"] = str(self.folder / "caught")
        return [mapped.get(part, part) for part in OURS[service]["command"]]

    def opslag(self, *arguments: str, service: str = "web") -> subprocess.CompletedProcess[str]:
        """Run one command of ours in a service's environment, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "publisher", *arguments],
            cwd=ROOT, env=self.environment(service), capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def start_service(self, name: str) -> None:
        self.start(name, [sys.executable, "-m", "publisher", *self.command(name)], self.environment(name))

    def start_redis(self) -> None:
        options = COMPOSE["services"]["redis"]["command"]
        (self.folder / "redis").mkdir()
        own = ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--dir", str(self.folder / "redis")]
        binary = shutil.which(options[0]) or find_server()
        self.start("redis", [binary, *options[1:], *own], dict(os.environ))

    def healthy(self, name: str) -> bool:
        test = OURS[name]["healthcheck"]["test"]
        asked = [part if part != "8000" else str(self.ports["web"]) for part in test[4:]]
        return self.opslag(*asked, service=name).returncode == 0

    def logs(self) -> str:
        return "\n".join(f"--- {log.stem}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with postgresql() as url:
        host = Host(tmp_path, url)
        try:
            yield host
        finally:
            host.stop()


def until(host: Host, what: str, ready: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what}\n{host.logs()}"
        time.sleep(0.5)


def test_a_send_out_goes_through_the_services_of_compose(host: Host) -> None:
    host.start_redis()
    migrated = host.opslag(*host.command("migrate"), service="migrate")
    assert migrated.returncode == 0, migrated.stderr
    for name in OURS:
        if name != "migrate":
            host.start_service(name)
    feed = ["sample-feed", "--port", str(host.ports["feed"])]
    host.start("feed", [sys.executable, "-m", "publisher", *feed], host.environment("web"))
    until(host, "the web server does not answer", lambda: host.healthy("web"))

    sent = host.opslag("sample-send", "--feed", f"http://127.0.0.1:{host.ports['feed']}/feed.xml")
    assert sent.returncode == 0, f"{sent.stdout}\n{sent.stderr}\n{host.logs()}"
    assert "Kulturnyt: adds up" in sent.stdout

    caught = list((host.folder / "caught").glob("*.eml"))
    assert len(caught) == 200
    assert len({message_from_bytes(path.read_bytes())["Message-ID"] for path in caught}) == 200
    for name, service in OURS.items():
        if "healthcheck" in service:
            until(host, f"{name} is not well", lambda name=name: host.healthy(name))
    assert [name for name, process in host.running.items() if process.poll() is not None] == []
    told = host.opslag("doctor")
    failed = [line for line in told.stdout.splitlines() if "fail" in line]
    assert failed == [], host.logs()
