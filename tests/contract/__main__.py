"""Serve a contract server on loopback for people, browsers and other processes, until Ctrl-C.

python -m tests.contract mastodon --port 0 [--kind gotosocial]
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading

from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_kinds import KINDS
from tests.contract.wire import listening


def main() -> None:
    """Start the chosen server, print how to reach it, and wait."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("platform", choices=["mastodon"])
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--kind", choices=sorted(KINDS), default="mastodon", help="the software that it plays")
    parser.add_argument("--rate-limit", type=int, default=300, help="calls that a token may make in five minutes")
    chosen = parser.parse_args()
    server = MastodonServer(chosen.kind, chosen.rate_limit)
    with listening(server, chosen.port) as address, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"address {address}\ntoken   {server.token}\nposts   {address}/\ncontrol {address}/control\n")
        sys.stdout.write(f"Opslag may call it with OPSLAG_ALLOWED_TARGETS={address.removeprefix('http://')}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
