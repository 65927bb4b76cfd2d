"""A person who signs in at a contract server's own pages, as a browser would."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.contract.wire import Request, Response

REDIRECT = "https://opslag.example.org/channels/back"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-and-then-some"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_FIELD = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_ACTION = re.compile(r'action="([^"]*)"')


def clicked(server: Callable[[Request], Response], address: str, *, deny: bool = False) -> dict[str, str]:
    """What the browser brings back to us after a click on “Allow” (or “Deny”)."""
    asked = server(Request("GET", address, {}, lambda: b""))
    html = asked.body.decode()
    assert asked.status == 200, html
    fields = {unescape(name): unescape(value) for name, value in _FIELD.findall(html)}
    form = urlencode(fields | ({"denied": "yes"} if deny else {})).encode()
    where = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}{_ACTION.findall(html)[0]}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    back = server(Request("POST", where, headers, lambda: form))
    assert back.status == 302
    assert back.headers["Location"].startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["Location"]).query).items()}
