"""A real Postfix as the mail server: it will be the limit, and more connections help it (Debian package `postfix`).

    python -m tests.bench.postfix [--recipients 4000] [--connections 1 4 16]

An instance of its own in a temporary folder, on loopback only; whatever it takes goes to its `discard` transport, so
nothing can leave. For each number of connections one send-out by tests.bench.send with one lane; Postfix's own
processor time stands beside ours. Skipped, in capital letters, where Postfix is not installed or we are not root.
Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import cpu

REPOSITORY = Path(__file__).resolve().parents[2]
# Every queue file is written and synced as in production; only the last step, delivery, is left out.
MAIN_CF = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/lib
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
default_transport = discard:
relay_transport = discard:
local_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
"""
MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def main() -> int:
    """Run it; the exit code says whether everything arrived each time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=4000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    wanted = parser.parse_args()
    if not shutil.which("postfix") or os.geteuid() != 0:
        print("SKIPPED: NO POSTFIX, OR NOT ROOT. `apt-get install --no-install-recommends postfix`, and run as root.")
        return 0
    print(f"load {os.getloadavg()[0]:.1f}, {wanted.recipients} recipients each time", flush=True)
    rows = []
    with postfix() as server:
        for connections in wanted.connections:
            rows.append(sent(server, wanted.recipients, connections))
            print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    figures = {"recipients": wanted.recipients, "runs": rows, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(figures), flush=True)
    return 0 if all(row["arrived"] == wanted.recipients for row in rows) else 1


@dataclass(frozen=True)
class Postfix:
    """A running instance."""

    port: int
    master: int


@contextmanager
def postfix() -> Iterator[Postfix]:
    """Run one; it and its folder are gone afterwards. Raises CalledProcessError if it will not start."""
    home = Path(tempfile.mkdtemp(prefix="opslag-postfix-"))
    home.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for folder in ("etc", "spool", "lib"):
        (home / folder).mkdir()
    shutil.chown(home / "lib", "postfix")
    (home / "etc" / "main.cf").write_text(MAIN_CF.format(home=home))
    (home / "etc" / "master.cf").write_text(MASTER_CF.format(port=port))
    command = ["postfix", "-c", str(home / "etc")]
    subprocess.run([*command, "start"], check=True, timeout=60, capture_output=True)
    try:
        yield Postfix(port, int((home / "spool" / "pid" / "master.pid").read_text()))
    finally:
        subprocess.run([*command, "stop"], check=False, timeout=60, capture_output=True)
        time.sleep(0.5)
        shutil.rmtree(home, ignore_errors=True)


def sent(server: Postfix, recipients: int, connections: int) -> dict[str, Any]:
    """One send-out over so many connections."""
    before_s = cpu.seconds(cpu.tree(server.master))
    command = [sys.executable, "-m", "tests.bench.send", "--server", f"127.0.0.1:{server.port}", "--lanes", "1"]
    command += ["--connections", str(connections), "--recipients", str(recipients)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(ended.stdout + ended.stderr)
    figures = json.loads(ended.stdout.splitlines()[-1])
    spent_s = cpu.seconds(cpu.tree(server.master)) - before_s
    wanted = ("connections", "arrived", "messages_per_s", "cpu_ms_per_message")
    return {name: figures[name] for name in wanted} | {"postfix_cpu_ms": round(1000 * spent_s / recipients, 2)}


if __name__ == "__main__":
    sys.exit(main())
