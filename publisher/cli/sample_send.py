"""`opslag sample-send`: the sample news on its way from the feed to mails and a post, seen through the rows.

It only asks for work, as a page does (a source is due now); real workers do it. Done once, it shows the receipt again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rich.console import Console

from publisher.cli.progress import ENDED, Watch
from publisher.cli.receipt import print_receipt
from publisher.errors import Explanation, InputError
from publisher.models import Campaign, Rule
from publisher.operate import samples
from publisher.operate.health import web_answers
from publisher.operate.sample_news import AT_FIRST, SampleNews

LOOK_EVERY_S = 0.2
PATIENCE_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the sample feed is served."""
    parser.add_argument("--feed", default="http://127.0.0.1:8010/feed.xml", help=_("address of the sample feed"))


def run(arguments: argparse.Namespace) -> int:
    """Answers 1 if something does not come along in two minutes."""
    found = samples.load()
    if found is None:
        raise InputError(
            gettext_noop("This installation has organisations of its own; no sample data is sent from it.")
        )
    console = Console(highlight=False)
    # Checking a password takes its time on purpose; here it passes while the web server starts.
    password = _password()
    _wait_for(f"{settings.OPSLAG_PRACTICE_URL}/healthz")
    rule = samples.begin(found, arguments.feed)
    campaign = samples.latest_campaign(rule)
    if campaign is None:
        _wait_for(arguments.feed)
        _collect_back_catalogue(rule, console)
        campaign = _publish_one_more(rule, console)
    elif all(message.status in ENDED for message in campaign.messages.all()):
        console.print(_("An earlier run sent the sample news; nothing is sent again."))
    finished = Watch(campaign, console).until_finished(patience_s=PATIENCE_S)
    print_receipt(campaign, console)
    if not finished:
        console.print(_("It did not finish. `opslag doctor` says what is missing."), style="bold red")
    _print_way_in(rule, arguments.feed, password, console)
    return 0 if finished else 1


def _wait_for(address: str) -> None:
    """`opslag run` starts this command beside the servers that it needs."""
    parts = urlsplit(address)
    deadline = time.monotonic() + PATIENCE_S
    while not web_answers(parts.hostname or "", parts.port or 80, parts.path):
        if time.monotonic() > deadline:
            raise InputError(gettext_noop("Nothing answers at %(address)s."), address=address)
        time.sleep(LOOK_EVERY_S)


def _collect_back_catalogue(rule: Rule, console: Console) -> None:
    """The first look at a source: what stands there is known from then on, and never sent by itself."""
    source = samples.source_of(rule)
    if not source.first_poll_done:
        samples.poll_now(source)
        _until(rule, lambda: samples.source_of(rule).first_poll_done)
    seen = samples.items_of(rule)
    console.print(
        _("Looked at the sample feed: %(number)d stories from before, none of them to be sent.") % {"number": seen}
    )


def _publish_one_more(rule: Rule, console: Console) -> Campaign:
    """A new story appears; the next look finds it, and the rule makes a send-out of it."""
    news = SampleNews(Path(settings.OPSLAG_HOME) / "sample-news.json")
    if len(news.published()) <= AT_FIRST:
        news.publish_next()
    words = _("The sample website published “%(title)s”.")
    console.print(words % {"title": news.published()[0].story.title}, markup=False, soft_wrap=True)
    samples.poll_now(samples.source_of(rule))
    _until(rule, lambda: samples.latest_campaign(rule) is not None)
    campaign = samples.latest_campaign(rule)
    if campaign is None:
        raise InputError(gettext_noop("The rule made no send-out of the new story."))
    console.print(_("Found it; the rule “%(rule)s” sends it.") % {"rule": rule.name}, markup=False, soft_wrap=True)
    return campaign


def _until(rule: Rule, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            why = Explanation.from_json(samples.source_of(rule).last_error)
            raise InputError(
                gettext_noop("The workers did not take up the sample feed. `opslag doctor` says more. %(why)s"), why=why
            )
        time.sleep(LOOK_EVERY_S)


def _password() -> str:
    """The sample administrator's password, unless it was changed since."""
    person, password = samples.administrator(), samples.sample_password()
    return _("(the one that you chose)") if person and not person.check_password(password) else password


def _print_way_in(rule: Rule, feed: str, password: str, console: Console) -> None:
    """Where to go and how to sign in."""
    person = samples.administrator()
    mails = f"{settings.OPSLAG_BASE_URL}/catcher/" if settings.OPSLAG_CATCHER_DIR else ""
    lines = [
        (_("Open"), settings.OPSLAG_BASE_URL),
        (_("Sign in as"), person.email if person else ""),
        (_("Password"), password),
        *((_("Practice channel"), account.url) for account in rule.accounts.all()),
        (_("Sample website"), f"{feed.removesuffix('feed.xml')}"),
        *([(_("Caught mail"), mails)] if mails else []),
        (_("Stop"), "Ctrl-C"),
    ]
    width = max(len(name) for name, _value in lines)
    console.print()
    for name, value in lines:
        console.print(f"  {name:<{width}}  {value}", markup=False, soft_wrap=True)
