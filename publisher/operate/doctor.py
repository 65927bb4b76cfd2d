"""The doctor: looks at everything that sending needs, and says in words what is wrong and what to do about it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation, OpslagError
from publisher.models import StopStamp
from publisher.operate import broker, database, heartbeat
from publisher.operate.esp_checks import look_at_esp
from publisher.operate.findings import Finding, Found, fail, ok, warn
from publisher.operate.moments import moment
from publisher.operate.received import ABOUT, look_at_last_received
from publisher.operate.returns import look_at_returns
from publisher.schedule.destinations import resting
from publisher.schedule.warm_up import warm_ups
from publisher.transports import configured_transport
from publisher.vocabulary import Queue

OLDEST_SQLITE = (3, 35)
CLOCK_TOLERANCE = timedelta(seconds=2)
# proc(5), mounts: file systems that reach another machine, where locks and WAL cannot be trusted.
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def examine() -> Iterator[Finding]:
    """Look at one thing after the other; a look that fails is a finding too."""
    for about, look in _LOOKS.items():
        for level, msgid, params in look():
            yield Finding(level, about, Explanation(msgid, params))


def _settings() -> Found:
    if settings.OPSLAG_NEVER_SEND:
        yield warn(gettext_noop("OPSLAG_NEVER_SEND is on: nothing leaves. Take it away where mail should go out."))
    if settings.DEBUG and not settings.EMBEDDED:
        yield fail(gettext_noop("OPSLAG_DEBUG is on in production and shows secrets on error pages. Take it away."))
    yield ok(gettext_noop("read from the environment; folder %(home)s"), home=settings.OPSLAG_HOME)


def _database() -> Found:
    try:
        pending, version = database.pending_migrations(), database.version()
    except DatabaseError as error:
        yield fail(gettext_noop("cannot be reached (%(detail)s). Check DATABASE_URL and that it runs."), detail=error)
        return
    if pending:
        yield fail(
            gettext_noop("%(number)s migrations are missing, the first is %(first)s. Run `opslag migrate`."),
            number=len(pending),
            first=pending[0],
        )
    yield from _sqlite() if connection.vendor == "sqlite" else _postgresql()
    if not pending:
        yield ok(gettext_noop("%(version)s, up to date"), version=version)


def _sqlite() -> Found:
    version = tuple(connection.get_database_version())
    if version < OLDEST_SQLITE:
        wanted = ".".join(str(part) for part in OLDEST_SQLITE)
        yield fail(gettext_noop("SQLite is older than %(wanted)s. Use a newer Python, or PostgreSQL."), wanted=wanted)
    if _value("PRAGMA journal_mode") != "wal":
        yield fail(gettext_noop("SQLite could not switch to WAL. Put OPSLAG_HOME on a disk of this machine."))
    if remote := remote_file_system(Path(settings.OPSLAG_HOME)):
        yield fail(gettext_noop("lies on %(kind)s. Put OPSLAG_HOME on a disk of this machine."), kind=remote)


def _postgresql() -> Found:
    for name in ("synchronous_commit", "fsync"):
        if _value(f"SHOW {name}") != "on":
            yield fail(
                gettext_noop("PostgreSQL's %(name)s is off: after a power cut mails could be sent twice. Set it on."),
                name=name,
            )


def _value(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _broker() -> Found:
    if not settings.REDIS_URL:
        yield fail(gettext_noop("REDIS_URL is not set and `opslag run` does not run here: workers are not woken."))
        return
    try:
        with broker.client(settings.REDIS_URL) as client:
            client.ping()
            kept = {name: client.config_get(name).get(name) for name in ("maxmemory-policy", "appendonly")}
            seconds, micros = client.time()
    except redis.RedisError as error:
        yield fail(gettext_noop("does not answer (%(detail)s). Check REDIS_URL and that it runs."), detail=error)
        return
    if kept["maxmemory-policy"] != "noeviction":
        yield fail(gettext_noop("Redis may throw work away when memory is short. Set maxmemory-policy noeviction."))
    if kept["appendonly"] != "yes":
        yield warn(
            gettext_noop("Redis forgets what is queued when it restarts; that costs seconds. Set appendonly yes.")
        )
    yield from clock_against(datetime.fromtimestamp(seconds + micros / 1e6, UTC))
    yield ok(gettext_noop("answers"))


def clock_against(theirs: datetime) -> Found:
    """A warning if another machine's clock and ours are more than two seconds apart."""
    apart = abs(timezone.now() - theirs)
    if apart > CLOCK_TOLERANCE:
        yield warn(
            gettext_noop("its clock and ours are %(seconds)s s apart. Turn on time synchronisation (NTP) on both."),
            seconds=round(apart.total_seconds(), 1),
        )


def _workers() -> Found:
    try:
        silent = heartbeat.silent(Queue, timezone.now())
    except DatabaseError:
        return
    if len(silent) == len(Queue):
        yield fail(
            gettext_noop(
                "none answers, or beat does not ask. Start `opslag run`, or beat and the workers; then wait 20 seconds."
            )
        )
    elif silent:
        names = ",".join(silent)
        yield fail(gettext_noop("nobody works on %(names)s. Start `opslag worker --queues %(names)s`."), names=names)
    else:
        yield ok(gettext_noop("every queue is being worked on, and beat asks"))


def _stops() -> Found:
    try:
        stops = list(StopStamp.objects.select_related("organisation"))
    except DatabaseError:
        return
    for stop in stops:
        since = moment(stop.stopped_at)
        if stop.organisation is None:
            yield warn(gettext_noop("“Stop everything” is on for the whole installation since %(since)s."), since=since)
        else:
            yield warn(
                gettext_noop("“Stop everything” is on for %(whom)s since %(since)s."),
                whom=stop.organisation.name,
                since=since,
            )


def _mail() -> Found:
    try:
        answer = configured_transport().check()
    except KeyError:
        yield fail(gettext_noop("OPSLAG_TRANSPORT names no way of sending that we know: use smtp, esp or capture."))
    except (OpslagError, OSError) as error:
        words = {
            "smtp": gettext_noop("the mail server does not take us (%(detail)s). Check OPSLAG_SMTP_URL."),
            "esp": gettext_noop("the e-mail service does not take us (%(detail)s). Check OPSLAG_ESP and its key."),
        }
        yield fail(words.get(settings.OPSLAG_TRANSPORT, words["smtp"]), detail=error)
    else:
        yield ok(gettext_noop("answers: %(answer)s"), answer=answer)


def _pace() -> Found:
    pace = settings.OPSLAG_SMTP_PACE
    if pace is None:
        yield ok(gettext_noop("no limit is set (OPSLAG_SMTP_PACE)"))
    else:
        yield ok(gettext_noop("%(pace)s, %(burst)s of them at once"), pace=pace.name, burst=pace.burst)
    now = timezone.now()
    try:
        slow, warming = resting(now), warm_ups(now)
    except DatabaseError:
        return
    for row in slow:
        yield warn(
            gettext_noop("%(name)s asked us to slow down; mail to it goes on, a little at first, %(until)s (%(said)s)"),
            name=row.name,
            until=moment(row.rest_until),
            said=Explanation.from_json(row.last_error),
        )
    for each in warming:
        yield ok(
            gettext_noop("warm-up of %(domain)s: day %(day)s, %(left)s of %(most)s left today"),
            domain=each.domain,
            day=each.day,
            left=each.left,
            most=each.most,
        )


def _folders() -> Found:
    for name in ("OPSLAG_MEDIA_DIR", "OPSLAG_JOURNAL_DIR"):
        folder = Path(getattr(settings, name))
        if problem := _unwritable(folder):
            yield fail(
                gettext_noop("cannot write to %(folder)s (%(detail)s). Check %(name)s and its owner."),
                folder=folder,
                detail=problem,
                name=name,
            )
        else:
            yield ok(gettext_noop("%(folder)s can be written to"), folder=folder)
    if remote := remote_file_system(Path(settings.OPSLAG_JOURNAL_DIR)):
        yield fail(gettext_noop("OPSLAG_JOURNAL_DIR lies on %(kind)s. It must be a disk of this machine."), kind=remote)


def _unwritable(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def remote_file_system(path: Path, table: Path = Path("/proc/mounts")) -> str:
    """The kind of network file system that `path` lies on, "" if it is a local one or nobody can tell."""
    try:
        mounts = [line.split()[1:3] for line in table.read_text().splitlines()]
    except OSError:
        return ""
    whole = str(path.resolve())
    holding = [(place, kind) for place, kind in mounts if f"{whole}/".startswith(f"{place.rstrip('/')}/")]
    _place, kind = max(holding, key=lambda mount: len(mount[0]), default=("", ""))
    return kind if kind in _REMOTE else ""


def _address() -> Found:
    parts = urlsplit(settings.OPSLAG_BASE_URL)
    if parts.hostname in _LOOPBACK and not settings.EMBEDDED:
        yield fail(
            gettext_noop("OPSLAG_BASE_URL is %(url)s: links in mails would lead nowhere. Set the public address."),
            url=settings.OPSLAG_BASE_URL,
        )
    elif parts.hostname not in _LOOPBACK and parts.scheme != "https":
        yield warn(
            gettext_noop("%(url)s is not https: one-click unsubscribing asks for it, and passwords need it."),
            url=settings.OPSLAG_BASE_URL,
        )
    else:
        yield ok(gettext_noop("links lead to %(url)s"), url=settings.OPSLAG_BASE_URL)


_LOOKS: dict[str, Callable[[], Found]] = {
    gettext_noop("Settings"): _settings,
    gettext_noop("Database"): _database,
    gettext_noop("Broker"): _broker,
    gettext_noop("Workers"): _workers,
    gettext_noop("Stop"): _stops,
    gettext_noop("Mail"): _mail,
    ABOUT: look_at_last_received,
    gettext_noop("E-mail service"): look_at_esp,
    gettext_noop("Returned mail"): look_at_returns,
    gettext_noop("Pace"): _pace,
    gettext_noop("Folders"): _folders,
    gettext_noop("Address"): _address,
}
