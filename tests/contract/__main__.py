"""Serve contract servers on loopback for people, browsers and other processes, until Ctrl-C.

python -m tests.contract                    what there is
python -m tests.contract mastodon [--port 8123]
python -m tests.contract mastodon gotosocial
python -m tests.contract all

What they play is changed while they run:

"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Mapping, Sequence

from tests.contract.control import HELP
from tests.contract.registry import SERVERS
from tests.contract.wire import listening


def main(given: Sequence[str] | None = None) -> None:
    """Start the chosen servers, print how to reach each and how to start Opslag with them, and wait."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract",
        description=f"{__doc__}{HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("servers", nargs="*", metavar="NAME", help="or all; nothing: list what there is")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 for a single server; 0: any free one")
    chosen = parser.parse_args(given)
    names = list(SERVERS) if "all" in chosen.servers else list(dict.fromkeys(chosen.servers))
    if unknown := set(names) - set(SERVERS):
        parser.error(f"no server {', '.join(sorted(unknown))}; there are {', '.join(SERVERS)}")
    if not names:
        sys.stdout.write(listed())
    elif chosen.port and len(names) > 1:
        parser.error("--port is for a single server")
    else:
        serve(names, chosen.port)


def listed() -> str:
    """The servers that there are, one a line."""
    return "".join(f"{name:12} {served.what}\n" for name, served in SERVERS.items())


def serve(names: Sequence[str], port: int) -> None:
    """Serve until Ctrl-C."""
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        addresses = {}
        for name in names:
            server = SERVERS[name].make()
            addresses[name] = stack.enter_context(listening(server, port))
            sys.stdout.write(_how_to_reach(name, addresses[name], server))
        sys.stdout.write(f"Start Opslag with:\n{settings_for(addresses)}")
        sys.stdout.flush()
        threading.Event().wait()


def settings_for(addresses: Mapping[str, str]) -> str:
    """The settings with which Opslag calls these servers instead of the platforms, as lines of a shell."""
    instead = ",".join(f"{name}={address}" for name, address in addresses.items() if SERVERS[name].one_address)
    targets = ",".join(address.removeprefix("http://") for address in addresses.values())
    lines = [f"export OPSLAG_PLATFORM_ADDRESSES={instead}"] if instead else []
    return "\n".join([*lines, f"export OPSLAG_ALLOWED_TARGETS={targets}", ""])


def _how_to_reach(name: str, address: str, server: object) -> str:
    shown = {"address": address, **SERVERS[name].connect_with(server, address)}
    shown |= {"posts": f"{address}/", "control": f"{address}/control"}
    return f"{name}\n" + "".join(f"  {word:10} {value}\n" for word, value in shown.items())


if __name__ == "__main__":
    main()
