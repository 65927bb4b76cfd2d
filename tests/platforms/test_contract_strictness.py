"""The contract servers let nothing pass that their platforms refuse: else no test of ours could catch it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from typing import Any, ClassVar

import httpx
import pytest
from PIL import Image

from tests.contract.bluesky import BlueskyServer
from tests.contract.bluesky_sessions import DID
from tests.contract.facebook import FacebookServer
from tests.contract.linkedin import LinkedInServer
from tests.contract.mastodon import MastodonServer
from tests.contract.telegram import CHAT_ID, TelegramServer
from tests.contract.threads import ThreadsServer
from tests.contract.webhook import WebhookServer
from tests.contract.wire import Handler, in_process
from tests.contract.x import XServer

AGENT = {"User-Agent": "Opslag/1.0 (+https://opslag.example.org)"}
EVENT: dict[str, Any] = {
    "id": "msg_0f1e2d3c4b5a69788796a5b4c3d2e1f0", "revision": 1, "title": "Øvelse", "text": "Kom og hør", "html": "",
    "link": "", "lang": "da", "visibility": "public", "images": [], "tags": [], "reply_to": "", "thread_root": "",
    "campaign": "7",
}  # fmt: skip
IMAGE = {"url": "https://opslag.example.org/p/x.jpg", "alt": "Et kor", "width": 8, "height": 8, "mime": "image/jpeg"}


def call(server: Handler, method: str, path: str, **content: Any) -> httpx.Response:
    with httpx.Client(transport=in_process(server), base_url="https://platform.example.org") as client:
        return client.request(method, path, **content)


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


class TestWebhook:
    def sent(self, server: WebhookServer, data: Any, **changes: Any) -> httpx.Response:
        now = str(int(server.clock.now().timestamp()))
        headers = {"webhook-id": str(data.get("id")), "webhook-timestamp": now} | changes.pop("headers", {})
        event = {"type": "post.publish", "timestamp": "2026-11-26T07:00:00Z", "data": data} | changes
        body = json.dumps(event).encode()
        key = base64.b64decode(server.token.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        own = AGENT | {"Content-Type": "application/json", "webhook-signature": f"v1,{made}"}
        return call(server, "POST", "/hook", content=body, headers=own | headers)

    @pytest.mark.parametrize(
        "changes",
        [
            {}, {"images": [IMAGE]}, {"images": [IMAGE | {"url": "http://127.0.0.1:8000/p/x.jpg"}]},
            {"images": [IMAGE | {"url": "http://localhost:8000/p/x.jpg"}]}, {"tags": ["Musik"]},
        ],
    )  # fmt: skip
    def test_what_is_right(self, changes: dict[str, Any]) -> None:
        assert self.sent(WebhookServer(), EVENT | changes).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"images": [IMAGE | {"url": "http://opslag.example.org/p/x.jpg"}]}, {"images": [IMAGE | {"width": "8"}]},
            {"images": [IMAGE | {"url": "ftp://127.0.0.1/x.jpg"}]}, {"images": [{"url": IMAGE["url"]}]},
            {"images": [IMAGE | {"colour": "blue"}]}, {"images": "none"}, {"tags": [""]}, {"tags": "Musik"},
            {"revision": 0}, {"revision": "1"}, {"campaign": ""}, {"text": None}, {"colour": "blue"},
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_the_data(self, changes: dict[str, Any]) -> None:
        assert self.sent(WebhookServer(), EVENT | changes).status_code == 422

    @pytest.mark.parametrize("stamp", ["abc", "", "-1", "1e9", "0x10", "9" * 400, "1.5"])
    def test_a_timestamp_that_is_none_is_answered(self, stamp: str) -> None:
        headers = {"webhook-timestamp": stamp}
        assert self.sent(WebhookServer(), EVENT, headers=headers).status_code == 400

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"type": "post.burn"}, 422), ({"timestamp": "yesterday"}, 422), ({"more": 1}, 422),
            ({"headers": {"webhook-id": "msg_x"}}, 400), ({"headers": {"User-Agent": "curl"}}, 400),
            ({"headers": {"Content-Type": "text/plain"}}, 415), ({"headers": {"webhook-signature": "v1,AAAA"}}, 401),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_the_event(self, changes: dict[str, Any], status: int) -> None:
        assert self.sent(WebhookServer(), EVENT, **changes).status_code == status

    def test_its_text_limit_and_the_order_of_revisions(self) -> None:
        server = WebhookServer()
        server.control({"text_limit": 9})
        assert self.sent(server, EVENT | {"id": "msg_" + "0" * 32}).status_code == 422
        server.control({"text_limit": 10})
        told = self.sent(server, EVENT | {"revision": 3}).json()["id"]
        update = {"id": told, "revision": 2}
        other = {"headers": {"webhook-id": "msg_" + "1" * 32}, "type": "post.update"}
        assert self.sent(server, EVENT | update, **other).status_code == 422
        other = {"headers": {"webhook-id": "msg_" + "2" * 32}, "type": "post.update"}
        assert self.sent(server, EVENT | update | {"revision": 4}, **other).status_code == 204


class TestBluesky:
    RKEY = "3ke6kg3wk222b"

    def put(self, server: BlueskyServer, rkey: str = RKEY, **changes: Any) -> httpx.Response:
        kind = "app.bsky.feed.post"
        record = {"$type": kind, "text": "Hej", "createdAt": "2026-11-23T08:00:00.000Z"} | changes
        content = {"repo": DID, "collection": kind, "rkey": rkey, "record": record, "swapRecord": None}
        headers = {"Authorization": f"Bearer {server.token}"}
        return call(server, "POST", "/xrpc/com.atproto.repo.putRecord", json=content, headers=headers)

    LABELS = "com.atproto.label.defs#selfLabels"

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"tags": ["Musik"] * 8}, 200), ({"tags": ["Musik"] * 9}, 400), ({"tags": ["#Musik"]}, 400),
            ({"tags": [""]}, 400), ({"tags": ["x" * 65]}, 400), ({"tags": "Musik"}, 400), ({"tags": [7]}, 400),
            ({"labels": {"$type": LABELS, "values": [{"val": "graphic-media"}]}}, 200),
            ({"labels": "junk"}, 400), ({"labels": {"$type": LABELS, "values": "junk"}}, 400),
            ({"labels": {"$type": LABELS, "values": [{"val": 7}]}}, 400), ({"labels": {"values": []}}, 400),
            ({"labels": {"$type": "x", "values": []}}, 400), ({"labels": {"$type": LABELS, "values": ["nsfw"]}}, 400),
            ({"labels": {"$type": LABELS, "values": [{"val": "x" * 129}]}}, 400), ({"langs": [7]}, 400),
        ],
    )  # fmt: skip
    def test_tags_and_labels(self, changes: dict[str, Any], status: int) -> None:
        assert self.put(BlueskyServer(), **changes).status_code == status

    def test_a_thread_keeps_its_root(self) -> None:
        server = BlueskyServer()
        first, other = (self.put(server, f"3ke6kg3wk222{end}").json() for end in "bc")
        ours, theirs = ({"uri": each["uri"], "cid": each["cid"]} for each in (first, other))
        second = self.put(server, "3ke6kg3wk222d", reply={"root": ours, "parent": ours}).json()
        parent = {"uri": second["uri"], "cid": second["cid"]}
        assert self.put(server, "3ke6kg3wk222f", reply={"root": theirs, "parent": parent}).status_code == 400
        assert self.put(server, "3ke6kg3wk222g", reply={"root": ours, "parent": parent}).status_code == 200


class TestMastodon:
    def upload(self, server: MastodonServer, **fields: str) -> httpx.Response:
        headers = AGENT | {"Authorization": f"Bearer {server.token}"}
        file = {"file": ("p.png", png(), "image/png")}
        return call(server, "POST", "/api/v2/media", files=file, data=fields, headers=headers)

    @pytest.mark.parametrize(
        ("focus", "status"), [("0.50,-0.25", 202), ("-1,1.00", 202), ("2,0", 422), ("0", 422), ("nan,0", 422)]
    )
    def test_a_focus_is_in_the_picture(self, focus: str, status: int) -> None:
        assert self.upload(MastodonServer(), focus=focus).status_code == status

    def test_uploads_are_taken_seldom(self) -> None:
        server = MastodonServer()
        assert [self.upload(server).status_code for _ in range(31)][-2:] == [202, 429]
        server.clock.advance(1801)
        assert self.upload(server).status_code == 202

    def test_what_cannot_be_read_is_answered(self) -> None:
        server = MastodonServer()
        headers = AGENT | {"Authorization": f"Bearer {server.token}"}
        answered = call(server, "GET", "/api/v1/accounts/109/statuses?limit=many", headers=headers)
        assert answered.status_code == 422 and "cannot be read" in answered.text


def test_a_page_of_facebook_writes_beneath_its_own_posts_alone() -> None:
    server = FacebookServer()

    def tried(method: str, path: str, page_id: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {server.page_token(page_id)}"}
        return call(server, method, f"/v26.0/{path}", json=body, headers=headers)

    post_id = tried("POST", "1001/feed", "1001", {"message": "Hej"}).json()["id"]
    for page_id, status in (("1003", 400), ("1001", 200)):
        comment = tried("POST", f"{post_id}/comments", page_id, {"message": "Mere"})
        assert comment.status_code == status
        assert tried("POST", post_id, page_id, {"message": "Hov"}).status_code == status
        assert tried("GET", f"{post_id}?fields=message", page_id).status_code == status
        assert tried("GET", f"{post_id}/comments", page_id).status_code == status
    assert tried("DELETE", comment.json()["id"], "1003").status_code == 400
    assert tried("DELETE", comment.json()["id"], "1001").status_code == 200
    assert tried("DELETE", post_id, "1003").status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"topic_tag": "musik", "reply_control": "mentioned_only"}, 200), ({"topic_tag": "a.b"}, 400),
        ({"topic_tag": "x" * 51}, 400), ({"reply_control": "nobody"}, 400), ({"is_carousel_item": "ja"}, 400),
        ({"auto_publish_text": "true"}, 400),
    ],
)  # fmt: skip
def test_what_stands_beside_the_text_on_threads(changes: dict[str, str], status: int) -> None:
    server = ThreadsServer()
    headers = {"Authorization": f"Bearer {server.token}"}
    content = {"media_type": "TEXT", "text": "Hej"} | changes
    assert call(server, "POST", "/v1.0/me/threads", data=content, headers=headers).status_code == status


def test_a_picture_on_linkedin_is_its_authors() -> None:
    server = LinkedInServer()
    headers = {"Authorization": f"Bearer {server.token}", "LinkedIn-Version": "202609",
               "X-Restli-Protocol-Version": "2.0.0"}  # fmt: skip
    place = {"initializeUploadRequest": {"owner": "urn:li:organization:2"}}
    told = call(server, "POST", "/rest/images?action=initializeUpload", json=place, headers=headers).json()["value"]
    call(server, "PUT", told["uploadUrl"], content=png(), headers=headers)
    for author, status in (("urn:li:organization:1", 422), ("urn:li:organization:2", 201)):
        post = {
            "author": author, "commentary": "Hej", "visibility": "PUBLIC", "lifecycleState": "PUBLISHED",
            "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [],
                             "thirdPartyDistributionChannels": []},
            "isReshareDisabledByAuthor": False, "content": {"media": {"id": told["image"], "altText": "Et kor"}},
        }  # fmt: skip
        assert call(server, "POST", "/rest/posts", json=post, headers=headers).status_code == status


class TestX:
    def post(self, server: XServer, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {server.token}"}
        return call(server, "POST", "/2/tweets", json={"text": "Hej"} | content, headers=headers)

    POLL: ClassVar = {"options": ["Ja", "Nej"], "duration_minutes": 60}

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            ({"reply_settings": "verified"}, 201), ({"reply_settings": "nobody"}, 400), ({"poll": POLL}, 201),
            ({"poll": POLL | {"duration_minutes": 4}}, 400), ({"poll": POLL | {"options": ["Ja"]}}, 400),
            ({"poll": {"options": ["Ja", "x" * 26], "duration_minutes": 60}}, 400), ({"nullcast": "no"}, 400),
            ({"text": "$KBH"}, 201), ({"text": "$KBH $AAR"}, 400), ({"text": "5 $ og 6 $"}, 201), ({"poll": 7}, 400),
        ],
    )  # fmt: skip
    def test_what_stands_beside_the_text(self, content: dict[str, Any], status: int) -> None:
        assert self.post(XServer(), **content).status_code == status

    def test_deletions_have_a_rate(self) -> None:
        server = XServer()
        server.delete_rate = 1
        headers = {"Authorization": f"Bearer {server.token}"}
        ids = [self.post(server, text=f"Nr. {n}").json()["data"]["id"] for n in range(2)]
        answers = [call(server, "DELETE", f"/2/tweets/{each}", headers=headers) for each in ids]
        assert [each.status_code for each in answers] == [200, 429] and answers[1].headers["x-rate-limit-reset"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('<b>Hej</b> <a href="https://kultur.example.org">her</a>', 200), ("<b>Hej", 400), ("Hej</b>", 400),
        ("<b><i>Hej</b></i>", 400), ('<b class="x">Hej</b>', 400), ("<span>Hej</span>", 400),
        ('<span class="tg-spoiler">Hej</span>', 200), ('<a href="x" onclick="y">Hej</a>', 400), ("<p>Hej</p>", 400),
    ],
)  # fmt: skip
def test_telegram_reads_markup_to_its_end(text: str, status: int) -> None:
    server = TelegramServer()
    content = {"chat_id": CHAT_ID, "text": text, "parse_mode": "HTML"}
    assert call(server, "POST", f"/bot{server.token}/sendMessage", json=content).status_code == status


def test_a_picture_that_telegram_cannot_process() -> None:
    server = TelegramServer()
    server.faults.set("media_fails")
    files = {"photo": ("p.png", png(), "image/png")}
    answers = [
        call(server, "POST", f"/bot{server.token}/sendPhoto", data={"chat_id": str(CHAT_ID)}, files=files)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [400, 200] and "IMAGE_PROCESS_FAILED" in answers[0].text


@pytest.mark.parametrize("server", [XServer, LinkedInServer, TelegramServer, BlueskyServer, FacebookServer])
def test_what_cannot_be_read_is_answered(server: Any) -> None:
    running = server()
    paths = {
        XServer: "/2/tweets", LinkedInServer: "/rest/posts", TelegramServer: f"/bot{running.token}/sendMessage",
        BlueskyServer: "/xrpc/com.atproto.repo.putRecord", FacebookServer: "/v26.0/1001/feed",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {running.token}", "LinkedIn-Version": "202609",
               "X-Restli-Protocol-Version": "2.0.0", "Content-Type": "application/json"}  # fmt: skip
    for body in (b"[]", b"{", b'{"media": 7, "text": 8}', b'{"attached_media": [7], "record": 7, "content": 7}'):
        assert 400 <= call(running, "POST", paths[server], content=body, headers=headers).status_code < 500
