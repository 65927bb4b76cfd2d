"""What `opslag run` opens on this machine: ports, addresses, the services and the environment that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from publisher.operate import broker, services
from publisher.operate.instance import overlaid
from publisher.operate.ports import free_port, is_free
from publisher.operate.supervisor import Service, Stage

WEB_PORT = 8000
CATCHER_PORT = 1025
FEED_PORT = 8010
LOCAL = "127.0.0.1"
# A lane works in slices of ten seconds; a worker asked to stop finishes its own.
WORKER_GRACE_S = 40.0
# Beat is stopped before the workers.
WORKERS_GRACE_S = WORKER_GRACE_S + 15.0


@dataclass(frozen=True)
class Plan:
    """Where everything listens. `socket` is None where REDIS_URL names a broker that somebody else runs."""

    home: Path
    host: str
    web_port: int
    catcher_port: int
    feed_port: int
    redis_url: str
    base_url: str
    socket: Path | None = None
    server: str = ""

    @property
    def mail_folder(self) -> Path:
        """Where the catcher keeps what it catches."""
        return self.home / "mail"

    @property
    def feed_url(self) -> str:
        """The sample website's feed."""
        return f"http://{LOCAL}:{self.feed_port}/feed.xml"

    @property
    def broker_folder(self) -> Path:
        """Where the embedded broker keeps what is queued."""
        return self.home / "broker"

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The environment of every child: `given`, and the addresses that this run opened itself, which come first."""
        return overlaid(given, self.own_environment(given))

    def own_environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The settings that this run chooses: where everything listens; nothing of it is secret."""
        return {
            "OPSLAG_HOME": str(self.home),
            "OPSLAG_BASE_URL": self.base_url,
            "OPSLAG_PRACTICE_URL": f"http://{LOCAL}:{self.web_port}",
            "OPSLAG_TRANSPORT": "smtp",
            "OPSLAG_SMTP_URL": f"smtp+plain://{LOCAL}:{self.catcher_port}",
            "OPSLAG_CATCHER_DIR": str(self.mail_folder),
            "OPSLAG_ALLOWED_TARGETS": self._allowed_targets(given),
            "REDIS_URL": self.redis_url,
            "PYTHONUNBUFFERED": "1",
        }

    def _allowed_targets(self, given: Mapping[str, str]) -> str:
        named = given.get("OPSLAG_ALLOWED_TARGETS", "")
        opened = f"{LOCAL}:{self.web_port},{LOCAL}:{self.feed_port}"
        return f"{named},{opened}" if named else opened

    def broker_service(self) -> Service | None:
        """The embedded broker, if this run starts one."""
        if self.socket is None:
            return None
        command = broker.server_command(self.server, self.broker_folder, self.socket)
        return Service("broker", command, Stage.BROKER, chatty=True)

    def neighbours(self, *, samples: bool) -> list[Service]:
        """What stands for the world outside: where mail goes, and where news comes from."""
        catcher = services.opslag("catcher", "--port", str(self.catcher_port), "--dir", str(self.mail_folder))
        feed = services.opslag("sample-feed", "--port", str(self.feed_port))
        started = [Service("catcher", catcher, Stage.NEIGHBOUR)]
        return [*started, Service("feed", feed, Stage.NEIGHBOUR)] if samples else started

    def web_service(self) -> Service:
        """The web server."""
        return Service("web", services.web_command(self.host, self.web_port), Stage.WEB)

    def workers_service(self, *, verbose: bool) -> Service:
        """Workers and beat, as forks of one process."""
        command = services.workers_command(grace_s=WORKER_GRACE_S, verbose=verbose)
        return Service("workers", command, Stage.WORKER, WORKERS_GRACE_S, supervises=True)


def make_plan(home: Path, host: str, port: int | None, *, redis_url: str, base_url: str, feed_port: int = 0) -> Plan:
    """Choose ports and broker. `port` None: the first free one from 8000 on; `feed_port`: the one of the last run.

    Raises InputError if there is no free port or no broker.
    """
    web_port = free_port(host, WEB_PORT) if port is None else port
    feed_port = feed_port or FEED_PORT
    if feed_port == web_port or not is_free(LOCAL, feed_port):
        feed_port = free_port(LOCAL, FEED_PORT, taken=frozenset({web_port}))
    catcher_port = free_port(LOCAL, CATCHER_PORT, taken=frozenset({web_port, feed_port}))
    socket, server = None, ""
    if not redis_url:
        server = broker.find_server()
        (home / "broker").mkdir(mode=0o700, parents=True, exist_ok=True)
        socket = broker.socket_path(home / "broker")
        redis_url = broker.url_of(socket)
    return Plan(
        home=home,
        host=host,
        web_port=web_port,
        catcher_port=catcher_port,
        feed_port=feed_port,
        redis_url=redis_url,
        base_url=base_url or f"http://{LOCAL if host in {'0.0.0.0', '::'} else host}:{web_port}",  # noqa: S104
        socket=socket,
        server=server,
    )
