"""The Mastodon contract server is strict: what it would let through, no test of ours could catch."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from tests.contract.mastodon import MastodonServer
from tests.contract.mastodon_entities import Account
from tests.contract.mastodon_oauth import OUT_OF_BAND
from tests.contract.wire import in_process, listening

VERIFIER = "a-verifier-of-at-least-forty-three-characters-as-the-rfc-says"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "https://opslag.example.org/back"
SCOPES = "profile read:statuses write:statuses write:media"


@pytest.fixture
def server() -> MastodonServer:
    return MastodonServer()


@pytest.fixture
def client(server: MastodonServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(transport=in_process(server), base_url="https://m.example.org", headers=headers) as client:
        yield client


def post(client: httpx.Client, key: str = "k1", **changes: Any) -> httpx.Response:
    content = {"status": "Hej", "visibility": "public", "language": "da"} | changes
    return client.post("/api/v1/statuses", json=content, headers={"Idempotency-Key": key} if key else {})


def png(size: int = 8) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(content, "PNG")
    return content.getvalue()


def upload(
    client: httpx.Client, content: bytes | None = None, kind: str = "image/png", alt: str = ""
) -> httpx.Response:
    file = ("p.png", png() if content is None else content, kind)
    return client.post("/api/v2/media", files={"file": file}, data={"description": alt})


def registered(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    content = {"client_name": "Opslag", "redirect_uris": [REDIRECT, OUT_OF_BAND], "scopes": SCOPES} | changes
    answer = client.post("/api/v1/apps", json=content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(app: dict[str, Any], **changes: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "s-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes


def exchange(client: httpx.Client, app: dict[str, Any], handed_out: str, **changes: str) -> httpx.Response:
    content = {
        "grant_type": "authorization_code",
        "code": handed_out,
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return client.post("/oauth/token", data=content | changes)


def code_for(client: httpx.Client, app: dict[str, Any]) -> str:
    answer = client.post("/oauth/authorize", data=asked(app))
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == ["s-1"]
    return back["code"][0]


class TestConnecting:
    def test_from_registration_to_a_post(self, client: httpx.Client, server: MastodonServer) -> None:
        metadata = client.get("/.well-known/oauth-authorization-server").json()
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        app = registered(client)
        question = client.get("/oauth/authorize", params=asked(app))
        assert "Opslag would like to access your account" in question.text
        token = exchange(client, app, code_for(client, app)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert post(client).json()["application"]["name"] == "Opslag"
        form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": token}
        assert client.post("/oauth/revoke", data=form | {"client_secret": "x"}).status_code == 403
        assert client.post("/oauth/revoke", data=form).status_code == 200
        assert post(client).status_code == 401

    def test_out_of_band_shows_the_code(self, client: httpx.Client) -> None:
        app = registered(client)
        shown = client.post("/oauth/authorize", data=asked(app, redirect_uri=OUT_OF_BAND)).text
        code = re.search(r"<code>([^<]+)</code>", shown)
        assert code
        assert exchange(client, app, code[1], redirect_uri=OUT_OF_BAND).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"code_verifier": VERIFIER + "x"}, 400, "invalid_grant"),
            ({"redirect_uri": "https://evil.example.org"}, 400, "invalid_grant"),
            ({"code": "guessed"}, 400, "invalid_grant"),
            ({"client_secret": "guessed"}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ],
    )
    def test_a_wrong_exchange(self, client: httpx.Client, changes: dict[str, str], status: int, error: str) -> None:
        app = registered(client)
        answer = exchange(client, app, code_for(client, app), **changes)
        assert (answer.status_code, answer.json()["error"]) == (status, error)

    def test_a_code_works_once_and_not_for_long(self, client: httpx.Client, server: MastodonServer) -> None:
        app = registered(client)
        code = code_for(client, app)
        assert [exchange(client, app, code).status_code for _ in range(2)] == [200, 400]
        late = code_for(client, app)
        server.clock.advance(601)
        assert exchange(client, app, late).status_code == 400

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_challenge": ""},
            {"code_challenge_method": "plain"},
            {"redirect_uri": "https://evil.example.org"},
            {"scope": "write"},
            {"response_type": "token"},
            {"client_id": "x"},
            {"colour": "blue"},
        ],
    )
    def test_a_wrong_question(self, client: httpx.Client, changes: dict[str, str]) -> None:
        assert client.get("/oauth/authorize", params=asked(registered(client), **changes)).status_code >= 400

    @pytest.mark.parametrize(
        "changes", [{"client_name": ""}, {"redirect_uris": "opslag"}, {"scopes": "everything"}, {"colour": "blue"}]
    )
    def test_a_wrong_registration(self, client: httpx.Client, changes: dict[str, Any]) -> None:
        content = {"client_name": "Opslag", "redirect_uris": REDIRECT, "scopes": SCOPES} | changes
        assert client.post("/api/v1/apps", json=content).status_code == 422


class TestPosting:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"status": " "}, "Validation failed: Text can't be blank"),
            ({"status": "ø" * 501}, "Validation failed: Text character limit of 500 exceeded"),
            ({"visibility": None}, "Contract: visibility"),
            ({"visibility": "everyone"}, "Contract: visibility"),
            ({"language": "dansk"}, "Contract: language"),
            ({"scheduled_at": "2026-12-01T08:00:00Z"}, "Contract: unknown fields: scheduled_at"),
            ({"media_ids": [1]}, "Contract: media_ids"),
            ({"media_ids": ["1"]}, "Media 1 not found or already attached to another post"),
            ({"media_ids": ["1"] * 5}, "Cannot attach more than 4 files"),
            ({"key": ""}, "Contract: Idempotency-Key is missing"),
        ],
    )
    def test_what_it_refuses(self, client: httpx.Client, changes: dict[str, Any], message: str) -> None:
        answer = post(client, **changes)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(message)

    def test_it_counts_as_mastodon_does(self, client: httpx.Client) -> None:
        link = "https://www.obcina.si/novice/2026/zelo-dolg-naslov-clanka?x=1"
        assert post(client, status="ø" * 475 + f"\n{link}.").status_code == 200
        assert post(client, key="k2", status="ø" * 476 + f"\n{link}.").status_code == 422
        assert post(client, key="k3", status="👨‍👩‍👧‍👦" * 500).status_code == 200
        assert post(client, key="k4", status="ø" * 480 + " www.obcina.si/novice").status_code == 422

    def test_a_key_is_kept_for_an_hour_for_its_token(self, client: httpx.Client, server: MastodonServer) -> None:
        first = post(client).json()["id"]
        server.clock.advance(3599)
        assert post(client, status="Noget andet").json()["id"] == first
        server.clock.advance(2)
        assert post(client).json()["id"] != first
        client.headers["Authorization"] = f"Bearer {server.new_token(frozenset({'write'}))}"
        assert post(client).json()["id"] != first

    def test_a_form_is_as_good_as_json(self, client: httpx.Client, server: MastodonServer) -> None:
        form = {"status": "Hej", "visibility": "unlisted"}
        assert client.post("/api/v1/statuses", data=form, headers={"Idempotency-Key": "k"}).status_code == 200
        xml = {"Idempotency-Key": "k2", "Content-Type": "text/xml"}
        assert client.post("/api/v1/statuses", content="<status/>", headers=xml).status_code == 406
        assert client.get("/api/v1/instance", headers={"Accept": "text/html"}).status_code == 406

    def test_reading_and_deleting(self, client: httpx.Client, server: MastodonServer) -> None:
        ids = [post(client, key=f"k{n}", status=f"Hej {n}").json()["id"] for n in range(4)]
        listing = "/api/v1/accounts/109/statuses"
        assert [row["id"] for row in client.get(listing, params={"limit": 2}).json()] == [ids[3], ids[2]]
        assert [row["id"] for row in client.get(listing, params={"max_id": ids[1]}).json()] == [ids[0]]
        assert [row["id"] for row in client.get(listing, params={"since_id": ids[2]}).json()] == [ids[3]]
        assert client.get(listing, params={"limit": 41}).status_code == 422
        assert client.get(listing, params={"page": 2}).status_code == 422
        assert client.get(f"/api/v1/statuses/{ids[0]}/source").json()["text"] == "Hej 0"
        assert client.delete(f"/api/v1/statuses/{ids[0]}").json()["text"] == "Hej 0"
        assert client.get(f"/api/v1/statuses/{ids[0]}").status_code == 404

    def test_private_posts_are_for_their_owner(self, client: httpx.Client, server: MastodonServer) -> None:
        status_id = post(client, visibility="private").json()["id"]
        stranger = server.new_token(frozenset({"read", "write"}), account=Account("7", "sven", "Sven"))
        headers = {"Authorization": f"Bearer {stranger}"}
        assert client.get(f"/api/v1/statuses/{status_id}").status_code == 200
        assert client.get(f"/api/v1/statuses/{status_id}", headers=headers).status_code == 404
        assert client.get("/api/v1/accounts/109/statuses", headers=headers).json() == []
        public = post(client, key="k2").json()["id"]
        assert client.delete(f"/api/v1/statuses/{public}", headers=headers).status_code == 404

    def test_scopes(self, client: httpx.Client, server: MastodonServer) -> None:
        client.headers["Authorization"] = f"Bearer {server.new_token(frozenset({'read:statuses'}))}"
        refused = [post(client), upload(client), client.get("/api/v1/accounts/verify_credentials")]
        assert {answer.status_code for answer in refused} == {403}

    def test_the_rate_limit(self, client: httpx.Client, server: MastodonServer) -> None:
        server.rate_limit = 3
        answers = [post(client, key=f"k{n}") for n in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["X-RateLimit-Remaining"] == "2"
        assert "Retry-After" not in answers[3].headers
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", answers[3].headers["X-RateLimit-Reset"])
        server.clock.advance(301)
        assert post(client, key="k9").status_code == 200


class TestPictures:
    def test_from_upload_to_post(self, client: httpx.Client, server: MastodonServer) -> None:
        first = upload(client, alt="En rød plet")
        media_id = first.json()["id"]
        assert (first.status_code, first.json()["url"]) == (202, None)
        assert "have not finished processing" in post(client, media_ids=[media_id]).json()["error"]
        address = f"/api/v1/media/{media_id}"
        assert [client.get(address).status_code for _ in range(2)] == [206, 200]
        attachment = post(client, media_ids=[media_id]).json()["media_attachments"][0]
        assert attachment["description"] == "En rød plet"
        assert client.get(attachment["url"]).content == png()
        assert client.get(address).status_code == 404
        assert "already attached" in post(client, key="k2", media_ids=[media_id]).json()["error"]

    @pytest.mark.parametrize(
        ("content", "kind", "message"),
        [
            (b"not a picture", "image/png", "File content type is invalid, File is invalid"),
            (png()[:45], "image/png", "File content type is invalid, File is invalid"),
            (png(), "image/jpeg", "File content type is invalid, File is invalid"),
            (png(), "application/pdf", "File content type is invalid, File is invalid"),
        ],
    )
    def test_what_is_no_picture(self, client: httpx.Client, content: bytes, kind: str, message: str) -> None:
        answer = upload(client, content, kind)
        assert (answer.status_code, answer.json()["error"]) == (422, f"Validation failed: {message}")

    def test_a_long_description_and_unknown_parts(self, client: httpx.Client) -> None:
        assert "Description is too long" in upload(client, alt="x" * 1501).json()["error"]
        assert client.post("/api/v2/media", files={"file": png()}, data={"alt": "x"}).status_code == 422
        assert client.post("/api/v2/media", data={"description": "x"}).status_code == 415

    def test_binary_content_arrives_unchanged(self, client: httpx.Client, server: MastodonServer) -> None:
        content = io.BytesIO()
        Image.effect_noise((64, 64), 90).save(content, "PNG")
        media_id = upload(client, content.getvalue() + b"\r\n--\r\n").json()["id"]
        assert server.media[media_id].content == content.getvalue() + b"\r\n--\r\n"


class TestPeople:
    def test_the_page_shows_public_posts_with_their_pictures(
        self, client: httpx.Client, server: MastodonServer
    ) -> None:
        media_id = upload(client, alt='"Et" <billede>').json()["id"]
        for _ in range(2):
            client.get(f"/api/v1/media/{media_id}")
        posted = post(client, status="Hej <b>alle</b>", media_ids=[media_id]).json()
        post(client, key="k2", status="Kun for venner", visibility="private")
        shown = client.get("/").text
        assert "Hej &lt;b&gt;alle&lt;/b&gt;" in shown
        assert 'alt="&quot;Et&quot; &lt;billede&gt;"' in shown
        assert "Kun for venner" not in shown
        assert "Hej" in client.get(posted["url"]).text

    def test_control_over_http(self, client: httpx.Client, server: MastodonServer) -> None:
        given = {"kind": "gotosocial", "faults": {"500": 1, "ignore_key": None}, "advance_s": 60, "rate_limit": 9}
        state = client.post("/control", json=given).json()
        assert state["kind"] == "gotosocial"
        assert state["faults"]["500"] == {"times": 1, "on": "POST /api/v1/statuses", "account": ""}
        assert [post(client).status_code for _ in range(2)] == [500, 200]
        state = client.get("/control").json()
        assert "500" not in state["faults"]
        assert [(row["key"], row["text"]) for row in state["posts"]] == [("k1", "Hej")]
        assert client.post("/control", json={"clear": True, "revoke": server.token}).json()["faults"] == {}
        assert post(client).status_code == 401

    def test_a_limit_that_shrinks_and_slow_pictures(self, client: httpx.Client) -> None:
        played = {"text_limit": 20, "media_polls": 2, "faults": {"media_slow": 1}}
        assert client.post("/control", json=played).status_code == 200
        assert client.get("/api/v2/instance").json()["configuration"]["statuses"]["max_characters"] == 20
        assert "limit of 20 exceeded" in post(client, status="x" * 21).json()["error"]
        picture = upload(client).json()["id"]
        assert [client.get(f"/api/v1/media/{picture}").status_code for _ in range(3)] == [206, 206, 200]

    @pytest.mark.parametrize("fault", ["expire_token", "revoke_token"])
    def test_a_token_that_is_worth_nothing_any_more(self, client: httpx.Client, fault: str) -> None:
        client.post("/control", json={"faults": {fault: 1}})
        assert [post(client).status_code for _ in range(2)] == [401, 401]
        assert client.get("/control").json()["posts"] == []

    def test_control_tells_what_follows_what(self, client: httpx.Client) -> None:
        first = post(client).json()["id"]
        post(client, "k2", in_reply_to_id=first)
        assert [each["reply_to"] for each in client.get("/control").json()["posts"]] == ["", first]

    @pytest.mark.parametrize("given", [{"faults": {"gremlins": 1}}, {"kind": "myspace"}, {"colour": "blue"}])
    def test_wrong_control(self, client: httpx.Client, given: dict[str, Any]) -> None:
        assert client.post("/control", json=given).status_code == 422

    def test_the_same_over_loopback(self, server: MastodonServer) -> None:
        with listening(server) as address, httpx.Client(base_url=address) as client:
            client.headers["Authorization"] = f"Bearer {server.token}"
            assert upload(client).status_code == 202
            assert post(client).json()["url"].startswith(f"{address}/@kultur/")
            server.faults.set("commit_then_drop")
            with pytest.raises(httpx.RemoteProtocolError):
                post(client, key="k2")
            assert len(server.posts()) == 2
