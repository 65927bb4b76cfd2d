"""What hostile feeds cost: each of tests/sources/hostile is read over the wire by a process of its own.

    python -m tests.bench.hostile [--only NAME]

Read as a poll reads it, and cleaned as items are. Exit 1 unless each ends in news or in a refusal with a sentence, in
less than 30 s and with less than 200 MB beside what the process had before. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import django
from cryptography.fernet import Fernet

from tests.bench import cpu
from tests.http.loopback import Page, Visit, site
from tests.sources.hostile import ANSWERS, PAGES

MOST_S, MOST_MB = 30.0, 200.0
REPOSITORY = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024


def main() -> int:
    """Read them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the name of one")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        return serve()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.hostile", "--serve"], cwd=REPOSITORY, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout and server.stdin
        target = server.stdout.readline().strip()
        set_up(target)
        names = [wanted.only] if wanted.only else [*ANSWERS, *PAGES]
        results = {name: measured(f"http://{target}/{name}") for name in names}
        server.stdin.close()
    return report(results)


def report(results: dict[str, dict[str, Any]]) -> int:
    """Print them; the exit code says whether all is well."""
    for name, result in results.items():
        print(f"{name:44} {result['s']:6.2f} s {result['mb']:7.1f} MB  {result['ended'][:110]}")
    bad = [name for name, each in results.items() if not each["good"] or each["s"] > MOST_S or each["mb"] > MOST_MB]
    slowest, largest = (max(results, key=lambda name: results[name][what]) for what in ("s", "mb"))
    figures = {
        "feeds": len(results),
        "bad": bad,
        "slowest": slowest,
        "slowest_s": results[slowest]["s"],
        "largest": largest,
        "most_mb": results[largest]["mb"],
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)
    return 1 if bad else 0


def serve() -> int:
    """Be the server until standard input ends."""
    with site() as here:
        for name, make in ANSWERS.items():
            here.pages[f"/{name}"] = answering(make)
        for name, page in PAGES.items():
            here.pages[f"/{name}"] = page
        circle = here.pages["/goes_in_circles"]
        here.pages |= {f"/goes_in_circles{'x' * number}": circle for number in range(1, 20)}
        print(here.target, flush=True)
        sys.stdin.read()
    return 0


def answering(make: Any) -> Page:
    """A page that gives what is made when it is asked for."""

    def page(visit: Visit) -> None:
        answer = make()
        visit.send_response(answer.status)
        for name, value in answer.headers.items():
            visit.send_header(name, value)
        visit.send_header("Content-Length", str(len(answer.body)))
        visit.end_headers()
        visit.wfile.write(answer.body)

    return page


def set_up(target: str) -> None:
    """Django for this process, which may ask the server and nobody else; no database is used."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "publisher.settings",
        "OPSLAG_HOME": tempfile.mkdtemp(prefix="opslag-hostile-"),
        "OPSLAG_SECRET_KEY": "only-for-tests-" + "x" * 40,
        "OPSLAG_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "OPSLAG_ADDRESS_KEY": "only-for-tests",
        "OPSLAG_BASE_URL": "https://opslag.test",
        "OPSLAG_ALLOWED_TARGETS": target,
    }
    django.setup()
    read(f"http://{target}/nothing")


def measured(url: str) -> dict[str, Any]:
    """Read it in a fork: seconds, megabytes beside what it had before, how it ended, whether that is an end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        before, began = cpu.peak_mb(os.getpid()), time.monotonic()
        try:
            ended, good = read(url), True
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is what this looks for
            ended, good = f"{type(error).__name__}: {error}", False
        seconds = round(time.monotonic() - began, 2)
        result = {"s": seconds, "mb": round(cpu.peak_mb(os.getpid()) - before, 1), "ended": ended, "good": good}
        os.write(writing, json.dumps(result).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else {"s": 0.0, "mb": 0.0, "ended": "died", "good": False}


def read(url: str) -> str:
    """As a poll does; what came of it in words."""
    from publisher.errors import PermanentError, TransientError
    from publisher.items.entries import entries_of
    from publisher.sources.feed import FeedConfig, FeedSource

    try:
        poll = FeedSource().poll(FeedConfig(url), {})
    except (PermanentError, TransientError) as error:
        return str(error)
    return f"{len(entries_of(poll.candidates, url))} news items"


if __name__ == "__main__":
    sys.exit(main())
