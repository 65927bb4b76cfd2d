"""`opslag run`: everything on this machine under one supervisor, and the sample news sent once."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.operate import broker, database, health, instance, samples, services
from publisher.operate.output import to_terminal
from publisher.operate.plan import LOCAL, WEB_PORT, WORKERS_GRACE_S, Plan, make_plan
from publisher.operate.ports import is_free
from publisher.operate.processes import identify
from publisher.operate.supervisor import Service, Stage, Supervisor

BROKER_TIMEOUT_S = 20.0
WEB_TIMEOUT_S = 120.0
JOB = "sample"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to serve, and how much to show."""
    parser.add_argument("--host", default=LOCAL, help=_("address on which the web pages are served"))
    parser.add_argument(
        "--port", type=int, help=_("port of the web pages; the default is the first free one from 8000")
    )
    parser.add_argument("--no-samples", action="store_true", help=_("without sample data: an installation of your own"))
    parser.add_argument("--once", action="store_true", help=_("stop after the sample send-out; for trials and tests"))
    parser.add_argument("--verbose", action="store_true", help=_("show every line that the services write"))


def run(arguments: argparse.Namespace) -> int:
    """Start, serve until Ctrl-C, stop in order. Answers 1 if a service could not be kept alive."""
    home = Path(settings.OPSLAG_HOME)
    lock, orphans = instance.take_lock(home, grace_s=WORKERS_GRACE_S)
    if orphans:
        to_terminal(_("Stopped %(number)d processes that an earlier run had left behind.") % {"number": orphans})
    plan = _plan(arguments, home)
    supervisor = Supervisor(
        plan.environment(os.environ),
        settings.BASE_DIR,
        home / "log",
        to_terminal,
        keep_open=(lock,),
        show_all=arguments.verbose,
        on_change=lambda: _note(plan, supervisor),
    )
    _note(plan, supervisor)
    with supervisor.signals():
        try:
            _start(supervisor, plan, arguments)
            return supervisor.run() if not arguments.once else _once(supervisor)
        finally:
            to_terminal(_("Stopping …"))
            supervisor.stop()
            to_terminal(_("Stopped."))


def _plan(arguments: argparse.Namespace, home: Path) -> Plan:
    if arguments.port is not None and not is_free(arguments.host, arguments.port):
        raise InputError(
            gettext_noop("Port %(port)s on %(host)s is taken. Choose another, or leave --port out."),
            port=arguments.port,
            host=arguments.host,
        )
    earlier = instance.read_note(home)
    plan = make_plan(
        home,
        arguments.host,
        arguments.port,
        redis_url=settings.REDIS_URL,
        base_url=os.environ.get("OPSLAG_BASE_URL", ""),
        feed_port=earlier.feed_port if earlier else 0,
    )
    if arguments.port is None and plan.web_port != WEB_PORT:
        words = _("Port %(usual)d is taken by something else; using %(port)d.")
        to_terminal(words % {"usual": WEB_PORT, "port": plan.web_port})
    return plan


def _note(plan: Plan, supervisor: Supervisor) -> None:
    instance.write_note(
        plan.home,
        instance.Note(
            supervisor=identify(os.getpid()),
            address=plan.base_url,
            feed_port=plan.feed_port,
            environment=plan.own_environment(os.environ),
            processes=supervisor.identities(),
        ),
    )


def _start(supervisor: Supervisor, plan: Plan, arguments: argparse.Namespace) -> None:
    """Bring everything up, in an order in which each finds what it stands on."""
    own_broker = plan.broker_service()
    if own_broker:
        supervisor.start(own_broker)
    applied = database.bring_up_to_date()
    if applied:
        to_terminal(_("Database: %(version)s, made ready.") % {"version": database.version()})
    services.ensure_static()
    with_samples = not arguments.no_samples and samples.load() is not None
    connections.close_all()
    if not supervisor.wait(lambda: broker.answers(plan.redis_url), timeout_s=BROKER_TIMEOUT_S, look_every_s=0.05):
        _unless_stopped(supervisor, gettext_noop("The broker at %(address)s does not answer."), plan.redis_url)
        return
    # First what people wait for: all at once, each would wait for the others' imports.
    supervisor.start(plan.web_service())
    if with_samples:
        supervisor.start(Service(JOB, services.opslag("sample-send", "--feed", plan.feed_url), Stage.JOB))
    local = LOCAL if plan.host in {"0.0.0.0", "::"} else plan.host  # noqa: S104 -- compared, not listened on
    if not supervisor.wait(lambda: health.web_answers(local, plan.web_port), timeout_s=WEB_TIMEOUT_S, look_every_s=0.2):
        _unless_stopped(supervisor, gettext_noop("The web server at %(address)s does not answer."), plan.base_url)
        return
    to_terminal(_("Opslag runs at %(address)s") % {"address": plan.base_url})
    to_terminal(_("The mail it catches: %(address)s") % {"address": f"{plan.base_url}/catcher/"})
    for service in (*plan.neighbours(samples=with_samples), plan.workers_service(verbose=arguments.verbose)):
        supervisor.start(service)


def _unless_stopped(supervisor: Supervisor, msgid: str, address: str) -> None:
    """Whoever asked to stop needs no explanation; anybody else gets one."""
    if not supervisor.requests_to_stop:
        raise InputError(msgid, address=address)


def _once(supervisor: Supervisor) -> int:
    """Serve until the sample send-out has ended; answers its exit code."""

    def ended() -> bool:
        return JOB not in supervisor.children or supervisor.children[JOB].exit_code is not None

    while not supervisor.requests_to_stop and not supervisor.wait(ended, timeout_s=WEB_TIMEOUT_S):
        pass
    job = supervisor.children.get(JOB)
    return supervisor.exit_code or ((job.exit_code or 0) if job else 0)
