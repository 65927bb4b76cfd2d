"""The platforms of `make chaos-social`: every contract server on loopback, watched, misbehaving as the seed says.

What is public is counted here and nowhere else: each public call carries a mark in its text ("Nr41x0" is the first part
of post 41), and the servers' own posts say which marks everybody sees, how often, and when a call for one first came.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_state import bearer
from tests.contract.practice import PracticeServer
from tests.contract.registry import SERVERS
from tests.contract.wire import Request, Response, listening

MARK = re.compile(r"Nr\d+x\d+")
_CONTAINER = re.compile(rb"\d{6,}")
# Calls after which something is public, and those that bring pictures, by kind of platform.
PUBLISHING = {
    "mastodon": r"POST /api/v1/statuses",
    "facebook": r"POST /v[\d.]+/\w+/(feed|comments)",
    "instagram": r"POST /v[\d.]+/\w+/(media_publish|comments)",
    "threads": r"POST /v[\d.]+/\w+/threads_publish",
    "linkedin": r"POST /rest/(posts|socialActions/[^/]+/comments)",
    "x": r"POST /2/tweets",
    "telegram": r"POST /bot[^/]+/send\w+",
    "webhook": r"POST /hook",
    "bluesky": r"POST /xrpc/com\.atproto\.repo\.putRecord",
    "practice": r"POST /practice/api/proeve/posts",
}
UPLOADING = {
    "mastodon": r"GET /api/v1/media/.*",
    "facebook": r"POST /v[\d.]+/\w+/photos",
    "instagram": r"POST /v[\d.]+/\w+/media",
    "threads": r"POST /v[\d.]+/\w+/threads",
    "linkedin": r"POST /rest/images",
    "x": r"POST /2/media/upload",
    "bluesky": r"POST /xrpc/com\.atproto\.repo\.uploadBlob",
    "practice": r"POST /practice/api/proeve/media",
}
# What strikes, and how often compared with the others; each server plays those that it knows.
WHILE_PUBLISHING = {
    "drop_before_read": 3.0,
    "commit_then_drop": 4.0,
    "commit_then_500": 3.0,
    "commit_then_page": 1.0,
    "500": 2.0,
    "503_retry_after": 1.0,
    "429": 2.0,
    "latency": 1.0,
    "slow": 1.0,
    "expire_token": 1.0,
    "revoke_token": 0.5,
}
WHILE_UPLOADING = {"media_slow": 6.0, "media_never_ready": 6.0, "media_fails": 0.3, "500": 1.0, "latency": 0.5}


class Watched:
    """One contract server with its `name`, as a handler: notes who asks for what when, and has faults strike."""

    def __init__(self, name: str, server: Any, luck: Luck) -> None:
        self.name, self.server, self.luck = name, server, luck
        self.kind = "mastodon" if isinstance(server, MastodonServer) else name
        self.address = ""
        # Unix time of each call that publishes, by mark, as it arrived.
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.struck: Counter[str] = Counter()
        self._publishing = re.compile(PUBLISHING[self.kind])
        self._uploading = re.compile(UPLOADING.get(self.kind, "none"))

    def __call__(self, request: Request) -> Response:
        at = self.server.clock.now().timestamp()
        call = f"{request.method} {request.path}"
        if self._publishing.fullmatch(call):
            fault = self._strike(request, call, WHILE_PUBLISHING)
            # A server that hangs up before it has read the call cannot tell what it was about.
            mark = "" if fault == "drop_before_read" else self._mark_in(request.body)
            if mark:
                self.asked[mark].append(at)
        elif self._uploading.fullmatch(call):
            self._strike(request, call, WHILE_UPLOADING)
        answered: Response = self.server(request)
        return answered

    def public(self) -> Counter[str]:
        """How often everybody sees each mark."""
        found = self.server.posts() if self.kind == "mastodon" else self.server.public()
        return Counter(mark[0] for post in list(found) if (mark := MARK.search(post.text)))

    def _strike(self, request: Request, call: str, faults: Mapping[str, float]) -> str:
        known = [*self.server.faults.known, "revoke_token"]
        fault = self.luck.draw({name: weight for name, weight in faults.items() if name in known})
        if fault:
            self.struck[fault] += 1
        if fault in self.server.faults.known:
            self.server.faults.set(fault, on=call)
        elif fault == "revoke_token":
            self.server.revoke(bearer(request))
        return fault

    def _mark_in(self, body: bytes) -> str:
        """The mark of what is to be published: in the text itself, or in that of the container that is named."""
        if found := MARK.search(body.decode(errors="replace")):
            return found[0]
        boxes = getattr(self.server, "boxes", {})
        named = (boxes[box] for raw in _CONTAINER.findall(body) if (box := raw.decode()) in boxes)
        return next((mark[0] for box in named if (mark := MARK.search(box.text))), "")


class Luck:
    """Draws faults: a `share` of the calls meets one, none while `share` is 0."""

    def __init__(self, seed: int) -> None:
        self.share = 0.0
        self._random, self._lock = random.Random(seed), threading.Lock()

    def draw(self, faults: Mapping[str, float]) -> str:
        """The name of a fault, "" for none."""
        with self._lock:
            if not faults or self._random.random() >= self.share:
                return ""
            return self._random.choices(list(faults), list(faults.values()))[0]


class Platforms:
    """All of them. `luck` decides what goes wrong."""

    def __init__(self, seed: int, slow_s: float) -> None:
        self.luck = Luck(seed)
        made = {name: served.make() for name, served in SERVERS.items()} | {"practice": PracticeServer()}
        self.all = [Watched(name, server, self.luck) for name, server in made.items()]
        for each in self.all:
            _open_up(each.server)
            each.server.slow_s = slow_s

    def named(self, name: str) -> Watched:
        """One of them."""
        return next(each for each in self.all if each.name == name)

    def public(self) -> Counter[str]:
        """How often everybody sees each mark, over all servers."""
        return sum((each.public() for each in self.all), Counter())

    def first_asked(self) -> dict[str, float]:
        """When (Unix time) the first call for each mark arrived at its server."""
        return {mark: min(times) for each in self.all for mark, times in list(each.asked.items())}

    def struck(self) -> Counter[str]:
        """How often each fault struck."""
        return sum((each.struck for each in self.all), Counter())

    def settings(self) -> dict[str, str]:
        """The settings with which Opslag calls them instead of the platforms."""
        served = {each.name: each.address for each in self.all}
        instead = {name: served[name] for name in served if name in SERVERS and SERVERS[name].one_address}
        return {
            "OPSLAG_PLATFORM_ADDRESSES": ",".join(f"{name}={address}" for name, address in instead.items()),
            "OPSLAG_ALLOWED_TARGETS": ",".join(address.removeprefix("http://") for address in served.values()),
            "OPSLAG_PRACTICE_URL": served["practice"],
        }


@contextlib.contextmanager
def platforms_served(seed: int, slow_s: float) -> Iterator[Platforms]:
    """Serve all of them while the context lasts; a slow answer takes `slow_s` seconds."""
    platforms = Platforms(seed, slow_s)
    with contextlib.ExitStack() as stack:
        for each in platforms.all:
            each.address = stack.enter_context(listening(each))
        yield platforms


def wait_until(question: Any, patience_s: float, every_s: float = 0.2) -> bool:
    """Wait for it; whether it came true in time."""
    deadline = time.monotonic() + patience_s
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def _open_up(server: Any) -> None:
    """What a channel may do in a day is not what is tried here."""
    plenty = 10**9
    for name in ("rate_limit", "seldom_limit", "quota", "rate", "delete_rate"):
        if hasattr(server, name):
            setattr(server, name, plenty)
    if hasattr(server, "quotas"):
        server.quotas = dict.fromkeys(server.quotas, plenty)
