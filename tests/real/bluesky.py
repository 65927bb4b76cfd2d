"""Starts the real Bluesky server (npm: @atproto/pds, @did-plc/server) on loopback and plays what people do there."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".tools" / "pds"
# Node reads some thousand files; on a busy machine with two cores that takes a while.
START_S = 60.0
ADMIN, PASSWORD = "only-for-tests", "correct-horse-battery"


def missing() -> str:
    """Why the server cannot be started here, "" if it can."""
    if (INSTALLED / "installed").is_file():
        return ""
    why = INSTALLED / "missing"
    return why.read_text().strip() if why.is_file() else "bin/install-pds has not run"


@dataclass
class RealPds:
    """The running server; it knows handles under .test."""

    address: str
    jwt_secret: str
    accounts: int = 0

    def new_account(self) -> tuple[str, str]:
        """Somebody new: their handle, and an app password."""
        self.accounts += 1
        handle = f"kultur{self.accounts}.test"
        who = {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD}
        made = self.call("com.atproto.server.createAccount", **who)
        app = self.call("com.atproto.server.createAppPassword", made["accessJwt"], name="Opslag")
        return handle, str(app["password"])

    def call(self, nsid: str, token: str = "", **content: Any) -> dict[str, Any]:
        """One call with a body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = httpx.post(f"{self.address}/xrpc/{nsid}", json=content, headers=headers, timeout=30)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def use_up_log_ins(self, handle: str) -> None:
        """Thirty log-ins within five minutes, which is what the server takes for a handle."""

        def try_once(_number: int) -> int:
            login = {"identifier": handle, "password": "wrong"}
            address = f"{self.address}/xrpc/com.atproto.server.createSession"
            return httpx.post(address, json=login, timeout=30).status_code

        with ThreadPoolExecutor(10) as at_once:
            assert set(at_once.map(try_once, range(30))) == {401}

    def read(self, nsid: str, **params: str) -> httpx.Response:
        """One call that reads."""
        return httpx.get(f"{self.address}/xrpc/{nsid}", params=params, timeout=30)

    def posts(self, did: str) -> list[dict[str, Any]]:
        """The account's posts, the newest key first."""
        reply = self.read("com.atproto.repo.listRecords", repo=did, collection="app.bsky.feed.post")
        return list(reply.json()["records"])

    def run_out(self, token: str) -> str:
        """The same access token as it will be in some hours: over, and signed by the server's own secret."""
        head, claims, _signature = token.split(".")
        over = _claims(claims) | {"iat": int(time.time()) - 7300, "exp": int(time.time()) - 100}
        signed = f"{head}.{_base64(json.dumps(over).encode())}"
        signature = hmac.new(self.jwt_secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_base64(signature)}"


@contextlib.contextmanager
def real_pds(folder: Path) -> Iterator[RealPds]:
    """The server with nothing in it, its data in `folder`, until the context ends."""
    (folder / "blobs").mkdir(parents=True)
    plc, port = _free_port(), _free_port()
    jwt_secret = secrets.token_hex(16)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NODE_PATH": str(INSTALLED / "node_modules"),
        "LOG_ENABLED": "false",
        "PLC_PORT": str(plc),
        "PDS_PORT": str(port),
        "PDS_HOSTNAME": "localhost",
        "PDS_DEV_MODE": "true",
        "PDS_DATA_DIRECTORY": str(folder),
        "PDS_BLOBSTORE_DISK_LOCATION": str(folder / "blobs"),
        "PDS_ADMIN_PASSWORD": ADMIN,
        "PDS_JWT_SECRET": jwt_secret,
        "PDS_DPOP_SECRET": secrets.token_hex(32),
        "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": secrets.token_hex(32),
        "PDS_DID_PLC_URL": f"http://127.0.0.1:{plc}",
        "PDS_SERVICE_HANDLE_DOMAINS": ".test",
        "PDS_INVITE_REQUIRED": "false",
        "PDS_DISABLE_SSRF_PROTECTION": "true",
        "PDS_ENABLE_DID_DOC_WITH_SESSION": "true",
        # Nothing listens there: what servers together know (feeds, figures) is not part of a PDS.
        "PDS_BSKY_APP_VIEW_URL": "http://127.0.0.1:9",
        "PDS_BSKY_APP_VIEW_DID": "did:example:invalid",
        "PDS_RATE_LIMITS_ENABLED": "true",
    }
    start = [str(ROOT / "tests" / "real" / "pds" / "start.cjs")]
    with subprocess.Popen(
        ["node", *start], env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            _wait_until_ready(process)
            yield RealPds(f"http://localhost:{port}", jwt_secret)
        finally:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.strip() == "ready":
                ready.set()

    threading.Thread(target=listen, daemon=True).start()
    deadline = time.monotonic() + START_S
    while not ready.wait(0.1):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the real Bluesky server did not start:\n{''.join(said)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _claims(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
