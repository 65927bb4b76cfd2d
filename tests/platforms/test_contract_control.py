"""The control page of every contract server: faults aimed from outside, what the public does, what was asked."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import pytest

from tests.contract import __main__ as by_hand
from tests.contract import control as control_page
from tests.contract import mastodon_media, mastodon_statuses, wire
from tests.contract import server as base
from tests.contract.control import HELP
from tests.contract.facebook import FacebookServer
from tests.contract.faults import Faults, Known
from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_kinds import KINDS
from tests.contract.practice import PracticeServer
from tests.contract.registry import SERVERS
from tests.contract.wire import DroppedError, Request, Response

ALL: dict[str, Any] = {name: served.make for name, served in SERVERS.items()} | {"practice": PracticeServer}
HEADERS = {"accept": "*/*", "content-type": "application/json", "authorization": "Bearer t", "user-agent": "Opslag"}


def call(server: Any, method: str, path: str, body: object = None, **headers: str) -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    answered: Response = server(Request(method, f"https://platform.example.org{path}", given, lambda: content))
    return answered


def control(server: Any, **given: Any) -> dict[str, Any]:
    answered = call(server, "POST", "/control", given)
    assert answered.status == 200, answered.body
    told: dict[str, Any] = json.loads(answered.body)
    return told


@pytest.mark.parametrize("name", ALL)
class TestAll:
    def test_it_shows_what_it_is_asked_with_headers(self, name: str) -> None:
        server = ALL[name]()
        call(server, "GET", "/somewhere", x_trace="17")
        (seen,) = json.loads(call(server, "GET", "/control").body)["calls"]
        assert seen["call"] == "GET /somewhere" and seen["headers"]["x-trace"] == "17"
        assert server.headers_seen[0]["x-trace"] == "17"
        assert control(server, forget=True)["calls"] == []

    @pytest.mark.parametrize("times", ["2", -1, 1.5, True, {"times": "x"}, {"on": "v1/posts"}, {"on": "POST v1"},
                                       [1, "x"], {"times": 1, "colour": "blue"}, {"account": 7}])  # fmt: skip
    def test_a_malformed_aim_is_refused_and_changes_nothing(self, name: str, times: Any) -> None:
        server = ALL[name]()
        assert call(server, "POST", "/control", {"faults": {"latency": 1, "500": times}}).status == 422
        assert server.faults.state() == {}

    @pytest.mark.parametrize("given", [{"faults": {"gremlins": 1}}, {"colour": "blue"}, {"text_limit": "long"},
                                       {"advance_s": "1"}, {"revoke": 7}, {"react": {"claps": 1}}, {"reset_s": -1},
                                       {"react": {"comments": "Hvor?"}}, {"react": {"post": "nowhere"}}])  # fmt: skip
    def test_what_it_does_not_know_is_refused(self, name: str, given: dict[str, Any]) -> None:
        assert call(ALL[name](), "POST", "/control", given).status == 422

    def test_a_throttle_ends_when_it_is_told_to(self, name: str) -> None:
        if name == "linkedin":
            assert call(ALL[name](), "POST", "/control", {"reset_s": 90}).status == 422
            return
        server = ALL[name]()
        control(server, faults={"429": {"times": 2, "on": "GET"}})
        usual = call(server, "GET", "/api/v1/instance")
        control(server, reset_s=7200)
        later = call(server, "GET", "/api/v1/instance")
        assert {usual.status, later.status} <= {403, 429}
        assert (usual.body, [*usual.headers.values()]) != (later.body, [*later.headers.values()])

    def test_access_ends_by_itself_or_not(self, name: str) -> None:
        server = ALL[name]()
        lasts = name in {"telegram", "webhook", "practice"}
        assert ("expire_token" in server.faults.known) is not lasts
        assert call(server, "POST", "/control", {"expire": True}).status == (422 if lasts else 200)

    def test_every_fault_that_is_listed_is_played_somewhere(self, name: str) -> None:
        """Where pictures cannot be slow or fail, nothing says that they can."""
        server = ALL[name]()
        works_on_them = isinstance(server, MastodonServer) or name in {"instagram", "threads", "linkedin", "x"}
        assert ("media_slow" in server.faults.known) is works_on_them
        assert ("media_fails" in server.faults.known) is (name != "webhook")


@pytest.mark.parametrize("name", ALL)
def test_every_fault_that_is_listed_is_played_by_somebody(name: str) -> None:
    """Its name stands where it is declared, and once more where a call takes it."""
    modules = [sys.modules[each.__module__] for each in type(ALL[name]()).__mro__ if "contract" in each.__module__]
    beside = [mastodon_statuses, mastodon_media] if name in KINDS else []
    told = "".join(inspect.getsource(module) for module in {*modules, *beside})
    shared = "".join(map(inspect.getsource, {base, control_page}))
    unplayed = [fault for fault in ALL[name]().faults.known if (told + shared).count(f'"{fault}"') < 2]
    assert unplayed == []


@pytest.mark.parametrize(("name", "path"), [("telegram", "/bot{token}/sendMessage"), ("webhook", "/hook"),
                                            ("practice", "/practice/api/proeve/posts")])  # fmt: skip
def test_what_was_taken_back_stays_so(name: str, path: str) -> None:
    server = ALL[name]()
    path, was = path.format(token=server.token), server.token
    control(server, faults={"revoke_token": 1})
    answers = [call(server, "POST", path, {}, authorization=f"Bearer {was}").status for _ in range(2)]
    assert answers[0] == 401 and answers[1] in {400, 401}
    assert was in getattr(server, "_revoked", ()) or was not in getattr(server, "secrets", [server.token])


class TestAim:
    def test_at_a_route(self) -> None:
        server = FacebookServer()
        control(server, faults={"500": {"times": None, "on": "POST /v*/*/comments"}})
        tried = ["/v26.0/1001_5/comments", "/v25.0/1003_7/comments", "/v26.0/1001/feed", "/comments"]
        assert [call(server, "POST", path, {}).status == 500 for path in tried] == [True, True, False, False]

    def test_its_usual_call_is_any_pages(self) -> None:
        server = FacebookServer()
        for page_id in ("1001", "1003"):
            control(server, faults={"500": 1})
            assert call(server, "POST", f"/v26.0/{page_id}/feed", {}).status == 500

    def test_at_an_account(self) -> None:
        server = FacebookServer()
        token = server.page_token("1003")
        control(server, faults={"500": [{"times": 1, "account": "1003"}, {"times": 2, "account": "1001"}]})

        def status(page_id: str, bearer: str) -> int:
            return call(server, "POST", f"/v26.0/{page_id}/feed", {}, authorization=f"Bearer {bearer}").status

        own = ("1001", server.token), ("me", token), ("me", token), ("me", server.token), ("1001", server.token)
        assert [status(*each) == 500 for each in own] == [True, True, False, True, False]

    @pytest.mark.parametrize(
        ("name", "path", "body", "account"),
        [
            ("mastodon", "/api/v1/statuses", {}, "kultur"),
            ("linkedin", "/rest/posts", {"author": "urn:li:organization:2"}, "urn:li:organization:2"),
            ("telegram", "/bot{token}/sendMessage", {"chat_id": -1001234567890}, "-1001234567890"),
            ("x", "/2/tweets", {"text": "Hej"}, "kultur"),
            ("bluesky", "/xrpc/com.atproto.repo.putRecord", {}, "kultur.example.org"),
            ("threads", "/v1.0/me/threads_publish", {}, "2001"),
            ("instagram", "/v26.0/17841/media_publish", {}, "17841"),
        ],
    )
    def test_every_platform_names_its_accounts(self, name: str, path: str, body: Any, account: str) -> None:
        server = ALL[name]()
        headers = {"authorization": f"Bearer {server.token}"}
        for whose, struck in (("somebody-else", False), (account, True)):
            control(server, clear=True, faults={"drop_before_read": {"account": whose}})
            if struck:
                with pytest.raises(DroppedError):
                    call(server, "POST", path.format(token=server.token), body, **headers)
            else:
                call(server, "POST", path.format(token=server.token), body, **headers)
                assert server.faults.state()

    def test_it_counts_down_to_nothing(self) -> None:
        faults = Faults({"500": Known("POST /a", "")})
        faults.set("500", times=2)
        struck = [faults.take("500", Request("POST", "https://x.org/a/b", {}, bytes)) for _ in range(3)]
        assert struck == [True, True, False] and faults.state() == {}


def test_a_client_that_hangs_up_is_nothing_to_tell_of(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (BrokenPipeError(), KeyError()):
        try:
            raise wrong
        except (BrokenPipeError, KeyError):
            wire._Server.handle_error(object.__new__(wire._Server), None, None)
        assert bool(capsys.readouterr().err) is isinstance(wrong, KeyError)


def test_a_person_finds_it_all_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        by_hand.main(["--help"])
    assert HELP.splitlines()[0] in capsys.readouterr().out


def test_the_examples_of_the_help_work() -> None:
    server = FacebookServer()
    for line in HELP.splitlines():
        if line.lstrip().startswith(("{", "faults ")):
            control(server, faults=json.loads(line[line.index("{") : line.rindex("}") + 1]))
    assert {"429", "500", "commit_then_drop"} <= set(server.faults.state())
