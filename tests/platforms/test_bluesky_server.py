"""The Bluesky contract server is strict: what it would let through, no test of ours could catch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.contract.bluesky import BlueskyServer
from tests.contract.bluesky_sessions import DID, HANDLE
from tests.contract.wire import in_process

KEY = "3ke6kg3wk222b"
TEXT = "Kom #nu"
LINK = {"$type": "app.bsky.richtext.facet#link", "uri": "https://kultur.example.org/"}


@pytest.fixture
def server() -> BlueskyServer:
    return BlueskyServer()


@pytest.fixture
def client(server: BlueskyServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(transport=in_process(server), base_url="https://pds.example.org/xrpc", headers=headers) as client:
        yield client


def record(**changes: Any) -> dict[str, Any]:
    usual = {"$type": "app.bsky.feed.post", "text": TEXT, "createdAt": "2026-11-27T08:00:00.000Z", "langs": ["da"]}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def put(client: httpx.Client, how: str = "putRecord", content: dict[str, Any] | None = None, **changes: Any) -> Any:
    usual = {"repo": DID, "collection": "app.bsky.feed.post", "rkey": KEY, "record": content or record()}
    reply = client.post(f"com.atproto.repo.{how}", json=usual | changes)
    return reply.json() | {"status": reply.status_code}


def facet(start: int, end: int, *features: dict[str, str]) -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": list(features or (LINK,))}


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    return content.getvalue()


def upload(client: httpx.Client, content: bytes) -> dict[str, Any]:
    reply = client.post("com.atproto.repo.uploadBlob", content=content, headers={"Content-Type": "image/png"})
    return dict(reply.json()["blob"])


def images(blob: dict[str, Any], **changes: Any) -> dict[str, Any]:
    image = {"alt": "Rødt", "image": blob, "aspectRatio": {"width": 8, "height": 8}} | changes
    return {
        "$type": "app.bsky.embed.images",
        "images": [{name: value for name, value in image.items() if value is not None}],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"createdAt": None},
        {"createdAt": "2026-11-27 08:00"},
        {"text": "ø" * 301},
        {"text": "👨‍👩‍👧‍👦" * 121},
        {"langs": ["da", "en", "de", "fr"]},
        {"langs": ["dansk sprog"]},
        {"visibility": "public"},
        {"text": "Kæm", "facets": [facet(0, 2)]},
        {"facets": [facet(0, 8)]},
        {"facets": [facet(3, 3)]},
        {"facets": [facet(0, 3), facet(2, 5)]},
        {"facets": [facet(4, 7, {"$type": "app.bsky.richtext.facet#tag", "tag": "#nu"})]},
        {"facets": [facet(0, 3, {"$type": "app.bsky.richtext.facet#mention", "did": DID})]},
        {"reply": {"root": {"uri": "at://x", "cid": "y"}, "parent": {"uri": "at://x", "cid": "y"}}},
        {"embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://a.dk", "title": "T"}}},
        {"embed": {"$type": "app.bsky.embed.images", "images": []}},
    ],
)
def test_a_record_that_the_lexicon_does_not_know_is_refused(
    client: httpx.Client, server: BlueskyServer, changes: dict[str, Any]
) -> None:
    answer = put(client, content=record(**changes))
    assert (answer["status"], answer["error"]) == (400, "InvalidRequest")
    assert server.public() == []


@pytest.mark.parametrize(
    "changes", [{"rkey": "my-key"}, {"rkey": "zzzzzzzzzzzzz"}, {"repo": "did:plc:other"}, {"publish": True}]
)
def test_a_call_that_the_lexicon_does_not_know_is_refused(client: httpx.Client, changes: dict[str, Any]) -> None:
    assert put(client, **changes)["status"] == 400


def test_a_picture_must_be_described_and_be_the_one_that_was_uploaded(client: httpx.Client) -> None:
    blob = upload(client, png())
    assert put(client, content=record(embed=images(blob, alt=None)))["message"].startswith('Missing required key "alt"')
    unknown = blob | {"ref": {"$link": "bafkreiunknown"}}
    for wrong, error in (
        (unknown, "BlobNotFound"),
        (blob | {"mimeType": "image/jpeg"}, "InvalidMimeType"),
        (blob | {"size": 1}, "InvalidSize"),
        (upload(client, b"no picture at all"), "InvalidMimeType"),
        (upload(client, png() + b"\0" * 1_000_000), "InvalidRequest"),
    ):
        assert put(client, content=record(embed=images(wrong)))["error"] == error
    assert put(client, content=record(embed=images(blob)))["status"] == 200


def test_a_repeat_writes_nothing_and_another_record_is_refused(client: httpx.Client, server: BlueskyServer) -> None:
    first, again = put(client, swapRecord=None), put(client, swapRecord=None)
    assert (again["cid"], "commit" in first, "commit" in again) == (first["cid"], True, False)
    assert put(client, content=record(text="Andet"), swapRecord=None)["error"] == "InvalidSwap"
    refused = put(client, "createRecord")
    assert (refused["status"], refused["error"]) == (500, "InternalServerError")
    assert len(server.public()) == 1


def test_reading_needs_no_token_and_says_400_for_what_is_not_there(client: httpx.Client) -> None:
    put(client)
    where = {"repo": DID, "collection": "app.bsky.feed.post", "rkey": KEY}
    client.headers.pop("Authorization")
    assert client.get("com.atproto.repo.getRecord", params=where).json()["value"]["text"] == TEXT
    missing = client.get("com.atproto.repo.getRecord", params=where | {"rkey": "2222222222222"})
    assert (missing.status_code, missing.json()["error"]) == (400, "RecordNotFound")
    assert client.get("com.atproto.server.getSession").json()["error"] == "AuthMissing"


def test_tokens_end_by_the_servers_clock_and_a_refresh_token_works_once(
    client: httpx.Client, server: BlueskyServer
) -> None:
    server.clock.advance(119 * 60)
    assert put(client)["status"] == 200
    server.clock.advance(2 * 60)
    late = put(client)
    assert (late["status"], late["error"]) == (400, "ExpiredToken")
    refresh = {"Authorization": f"Bearer {server.refresh_token}"}
    new = client.post("com.atproto.server.refreshSession", headers=refresh)
    assert new.status_code == 200
    again = client.post("com.atproto.server.refreshSession", headers=refresh)
    assert (again.status_code, again.json()["error"]) == (400, "ExpiredToken")
    for wrong in (server.token, "rubbish"):
        refused = client.post("com.atproto.server.refreshSession", headers={"Authorization": f"Bearer {wrong}"})
        assert (refused.status_code, refused.json()["error"]) == (400, "InvalidToken")


def test_a_hundred_log_ins_a_day(client: httpx.Client, server: BlueskyServer) -> None:
    login = {"identifier": HANDLE, "password": server.sessions.app_password}
    assert client.post("com.atproto.server.createSession", json=login | {"password": "wrong"}).status_code == 401
    for _ in range(99):
        assert client.post("com.atproto.server.createSession", json=login).status_code == 200
    refused = client.post("com.atproto.server.createSession", json=login)
    assert (refused.status_code, refused.headers["RateLimit-Policy"]) == (429, "100;w=86400")
    assert 0 < int(refused.headers["RateLimit-Reset"]) - server.clock.now().timestamp() <= 86_400
    assert "Retry-After" not in refused.headers
    server.clock.advance(86_401)
    assert client.post("com.atproto.server.createSession", json=login).status_code == 200


def test_write_points_run_out(client: httpx.Client, server: BlueskyServer) -> None:
    server.points = [(server.clock.now().timestamp(), 4999)]
    refused = put(client)
    assert (refused["status"], refused["error"]) == (429, "RateLimitExceeded")
    server.clock.advance(3601)
    assert put(client)["status"] == 200


def test_twenty_five_posts_are_read_at_once_and_no_more(client: httpx.Client) -> None:
    put(client)
    uri = f"at://{DID}/app.bsky.feed.post/{KEY}"
    assert client.get("app.bsky.feed.getPosts", params={"uris": [uri] * 25}).status_code == 200
    assert client.get("app.bsky.feed.getPosts", params={"uris": [uri] * 26}).status_code == 400


def test_people_can_see_the_posts(client: httpx.Client, server: BlueskyServer) -> None:
    put(client)
    assert TEXT in client.get(f"https://pds.example.org/profile/{DID}/post/{KEY}").text
    assert client.get("https://pds.example.org/control").json()["posts"][0]["key"] == KEY
