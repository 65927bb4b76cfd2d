"""The practice channel's server: the shared contract suite through the real application, and what it must refuse."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from PIL import Image

from publisher.accounts.practice_channel import NewPost, publish
from publisher.models import Organisation, PracticeChannel, PracticePicture, PracticePost
from publisher.platforms.practice import PracticeConfig, PracticePlatform
from tests.platforms.conftest import picture  # noqa: F401 -- a fixture of the shared suite
from tests.platforms.platform_contract import Stage, a_post
from tests.platforms.practice_contract import PracticeContract
from tests.web.practice_stage import published, real_server

pytestmark = pytest.mark.database
API = "/practice/api/proeve"
PLANNED = "2026-11-26T08:00:00+01:00"


@pytest.fixture
def channel(secretariat: Organisation) -> PracticeChannel:
    return PracticeChannel.objects.create(organisation=secretariat, slug="proeve", name="Prøvekanal")


@pytest.fixture
def stage(channel: PracticeChannel, settings: Any) -> Iterator[Stage]:
    settings.OPSLAG_PRACTICE_URL = "https://opslag.test"
    with real_server() as line:
        yield Stage(
            platform=PracticePlatform(),
            config=PracticeConfig(channel.slug, channel.token),
            wrong_config=PracticeConfig(channel.slug, "wrong"),
            faults=line.faults,
            seen=lambda: published(channel),
            upload_call=f"POST {API}/media",
            facts={},
        )


class TestPracticeOnTheRealServer(PracticeContract):
    """The same suite that the plug-in passes against its twin in memory."""

    def test_the_post_is_stored_whole(self, stage: Stage) -> None:
        post = a_post(language="en")
        stage.publish(post)
        row = PracticePost.objects.get()
        assert (row.text, row.link, row.language, row.planned_at) == (post.text, post.link, "en", post.planned_at)

    def test_the_profile_leads_to_the_timeline(self, stage: Stage, client: Client) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.name, profile.handle) == ("Prøvekanal", "@proeve")
        assert profile.url == f"https://opslag.test{reverse('practice-timeline', args=['proeve'])}"
        assert client.get(profile.url.removeprefix("https://opslag.test")).status_code == 200

    def test_the_permalink_shows_the_post(self, stage: Stage, client: Client) -> None:
        permalink = stage.publish(a_post("Kun denne")).permalink
        page = client.get(permalink.removeprefix("https://opslag.test")).content.decode()
        assert "Kun denne" in page


Call = Callable[..., HttpResponse]


@pytest.fixture
def call(client: Client, channel: PracticeChannel) -> Call:
    """Calls the API with the right token unless told otherwise; a dict or str becomes the JSON body."""

    def send(method: str, path: str = "", body: object = None, token: str = channel.token, **more: Any) -> HttpResponse:
        if body is not None:
            more |= {"data": body if isinstance(body, str) else json.dumps(body), "content_type": "application/json"}
        headers = {"authorization": f"Bearer {token}"}
        return getattr(client, method)(f"{API}{path}", headers=headers, **more)

    return send


def new_post(**changes: Any) -> dict[str, Any]:
    usual = {"key": "k", "text": "Hej", "link": "", "language": "da", "media_ids": [], "planned_at": PLANNED}
    return usual | {"reply_to": ""} | changes


def a_png() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "#205080").save(file, "PNG")
    file.seek(0)
    file.name = "picture.png"
    return file


def upload(call: Call, **changes: Any) -> HttpResponse:
    return call("post", "/media", data={"file": a_png(), "alt": "Et kor"} | changes)


@pytest.mark.parametrize("token", ["", "wrong", "æøå"])
def test_without_its_token_a_channel_says_nothing(token: str, client: Client, channel: PracticeChannel) -> None:
    for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"Basic {channel.token}"}, {}):
        responses = [client.get(path, headers=headers) for path in (API, "/practice/api/no-such-channel")]
        assert [response.status_code for response in responses] == [401, 401]
        assert responses[0].json() == responses[1].json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": "k" * 101},
        {"key": 7},
        {"key": None},
        {"text": 7},
        {"text": "x" * 501},
        {"text": "\x00"},
        {"text": "\ud83d"},
        {"text": " "},
        {"link": "javascript:alert(1)"},
        {"link": "https://kultur.example.org/" + "x" * 1000},
        {"language": "Danish"},
        {"language": ["da"]},
        {"media_ids": "1"},
        {"media_ids": [1]},
        {"media_ids": ["1"]},
        {"media_ids": ["01"]},
        {"media_ids": ["9" * 40]},
        {"media_ids": ["1", "1"]},
        {"media_ids": ["1", "2", "3", "4", "5"]},
        {"planned_at": "2026-11-26T08:00:00"},
        {"planned_at": "0001-01-01T00:00:00+14:00"},
        {"planned_at": "tomorrow"},
        {"planned_at": 1},
        {"reply_to": "1"},
        {"reply_to": "01"},
        {"reply_to": 1},
        {"reply_to": None},
        {"visibility": "public"},
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_and_nothing_is_posted(wrong: dict[str, Any], call: Call) -> None:
    response = call("post", "/posts", new_post(**wrong))
    assert response.status_code in {400, 422}, response.content
    assert response.json()["error"]
    assert not PracticePost.objects.exists()


@pytest.mark.parametrize("missing", sorted(new_post()))
def test_a_missing_field_is_refused(missing: str, call: Call) -> None:
    assert call("post", "/posts", {k: v for k, v in new_post().items() if k != missing}).status_code == 400


@pytest.mark.parametrize("body", [" ", "{", "[]", "null", '"text"', "[" * 50_000, "\xff"])
def test_what_is_no_json_object_is_refused(body: str, call: Call) -> None:
    assert call("post", "/posts", body).status_code == 400


def test_too_much_is_refused_before_it_is_read(call: Call) -> None:
    assert call("post", "/posts", new_post(text="x" * 70_000)).status_code == 413
    huge = a_png()
    huge.seek(8_100_000)
    huge.write(b"\0")
    huge.seek(0)
    assert upload(call, file=huge).status_code == 413


def test_other_media_types_are_refused(call: Call) -> None:
    assert call("post", "/posts", data=new_post(media_ids="1")).status_code == 415
    assert call("post", "/media", {"file": "x", "alt": "y"}).status_code == 415


def test_other_methods_are_refused(call: Call) -> None:
    refused = [("delete", ""), ("delete", "/posts"), ("delete", "/media"), ("patch", "/posts/1"), ("post", "/posts/1")]
    assert [call(method, path).status_code for method, path in refused] == [405] * 5


def test_a_change_is_read_as_strictly_as_a_new_post(call: Call) -> None:
    address = f"/posts/{call('post', '/posts', new_post()).json()['id']}"
    wrong = [{}, {"text": "x"}, {"text": "x", "link": "", "key": "k"}, {"text": 7, "link": ""}]
    assert [call("put", address, body).status_code for body in wrong] == [400] * 4
    empty = [{"text": " ", "link": ""}, {"text": "x" * 501, "link": ""}, {"text": "x", "link": "javascript:alert(1)"}]
    assert [call("put", address, body).status_code for body in empty] == [422] * 3
    assert PracticePost.objects.get().text == "Hej"
    assert call("put", address, {"text": "Rettet", "link": ""}).status_code == 200


def test_a_deleted_post_leaves_no_words_and_no_picture_behind(call: Call, client: Client) -> None:
    uploaded = upload(call).json()
    address = f"/posts/{call('post', '/posts', new_post(media_ids=[uploaded['id']])).json()['id']}"
    assert call("delete", address).json() == {}
    row = PracticePost.objects.get()
    assert (row.text, row.link, row.pictures.count()) == ("", "", 0)
    assert client.get(uploaded["url"].removeprefix("https://opslag.test")).status_code == 404
    assert [call(method, address).status_code for method in ("get", "delete")] == [404] * 2


def test_an_answer_belongs_to_its_own_channel(call: Call, elsewhere: Organisation) -> None:
    other = PracticeChannel.objects.create(organisation=elsewhere, slug="museet", name="Museet")
    theirs = PracticePost.objects.create(channel=other, key="k", text="Deres")
    assert call("post", "/posts", new_post(reply_to=str(theirs.pk))).status_code == 422


def test_a_search_is_for_one_key_and_nothing_else(call: Call) -> None:
    call("post", "/posts", new_post(key="k1"))
    assert len(call("get", "/posts?key=k1").json()["posts"]) == 1
    assert call("get", "/posts?key=k2").json() == {"posts": []}
    statuses = [call("get", f"/posts{q}").status_code for q in ("", "?key=a&key=b", "?key=a&x=1", "?key=%00")]
    assert statuses == [400] * 4


@pytest.mark.parametrize(
    "parts",
    [
        {"file": "words"},
        {"alt": a_png()},
        {"more": "x"},
        {"alt": ["one", "two"]},
        {"file": [a_png(), a_png()]},
    ],
    ids=["file is a field", "alt is a file", "one part more", "two descriptions", "two files"],
)
def test_an_upload_has_exactly_its_two_parts(parts: dict[str, Any], call: Call) -> None:
    assert upload(call, **parts).status_code == 400
    assert not PracticePicture.objects.exists()


def test_an_upload_is_what_it_says(call: Call) -> None:
    words = io.BytesIO(b"<svg onload='alert(1)'/>")
    words.name = "picture.png"
    renamed = a_png()
    renamed.name = "picture.jpg"
    broken = io.BytesIO(a_png().read()[:60])
    broken.name = "picture.png"
    assert [upload(call, file=file).status_code for file in (words, renamed, broken)] == [422] * 3
    assert upload(call, alt="x" * 1501).status_code == 422


def test_a_picture_is_public_only_once_its_post_is(call: Call, client: Client) -> None:
    uploaded = upload(call).json()
    path = uploaded["url"].removeprefix("https://opslag.test")
    assert client.get(path).status_code == 404
    call("post", "/posts", new_post(media_ids=[uploaded["id"]]))
    response = client.get(path)
    assert response.content == a_png().read()
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert client.get(path.replace("proeve", "another")).status_code == 404


def test_a_picture_belongs_to_one_post_of_its_own_channel(call: Call, elsewhere: Organisation) -> None:
    other = PracticeChannel.objects.create(organisation=elsewhere, slug="museet", name="Museet")
    theirs = PracticePicture.objects.create(channel=other, content=b"x", media_type="image/png")
    assert call("post", "/posts", new_post(media_ids=[str(theirs.pk)])).status_code == 422
    mine = upload(call).json()["id"]
    assert call("post", "/posts", new_post(media_ids=[mine, mine])).status_code == 422
    assert call("post", "/posts", new_post(key="a", media_ids=[mine])).status_code == 200
    assert call("post", "/posts", new_post(key="b", media_ids=[mine])).status_code == 422
    assert [post.key for post in PracticePost.objects.all()] == ["a"]


def test_a_repeat_answers_the_first_post_even_with_new_uploads(call: Call) -> None:
    first = call("post", "/posts", new_post(media_ids=[upload(call).json()["id"]]))
    again = call("post", "/posts", new_post(media_ids=[upload(call).json()["id"]]))
    assert again.json() == first.json()
    assert PracticePost.objects.get().pictures.count() == 1


def test_forgotten_uploads_are_cleared_away(call: Call) -> None:
    old, used = upload(call).json()["id"], upload(call).json()["id"]
    call("post", "/posts", new_post(media_ids=[used]))
    PracticePicture.objects.update(created_at=datetime.now(UTC) - timedelta(days=2))
    upload(call)
    assert not PracticePicture.objects.filter(pk=old).exists()
    assert PracticePicture.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_key_from_many_sides_at_once_is_one_post(channel: PracticeChannel) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one writer in at a time: the race is PostgreSQL's")
    new = NewPost("k", "Hej", "", "da", datetime.now(UTC))
    gate, ids = threading.Barrier(6), []

    def run() -> None:
        try:
            gate.wait(10)
            ids.append(publish(channel, new).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ids) == 6
    assert len(set(ids)) == 1
