"""A website pushes its news: once by its id, changed as a revision, taken back, refused in words; a source a token."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from publisher.items import push_tokens
from publisher.items.collect import due_sources
from publisher.items.push_tokens import CALLS, new_token
from publisher.models import Area, Item, Organisation, Source, SourceToken, User
from publisher.vocabulary import ItemState, SourceStatus
from tests.items.by_hand import Hand, story
from tests.items.website import HOST, drawing, website

pytestmark = pytest.mark.database
AT = "/api/items"
NEWS = {"external_id": "42", "title": "Sommerkoncert", "lead": "Kom og hør.", "link": f"{HOST}/nyheder/42"}


@pytest.fixture
def source(secretariat: Organisation) -> Source:
    """The secretariat's website pushes."""
    return Source.objects.create(organisation=secretariat, kind="push", name="Hjemmesiden")


@pytest.fixture
def token(source: Source, anna: User) -> str:
    return new_token(source, anna)


def call(token: str, given: Any = NEWS, at: str = AT, method: str = "POST", **more: Any) -> Any:
    body = given if isinstance(given, bytes) else json.dumps(given).encode()
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"} | more.pop("headers", {})
    options = {"content_type": "application/json"} | more
    return Client(enforce_csrf_checks=True).generic(method, at, body, headers=headers, **options)


def answer(response: Any) -> tuple[int, str]:
    (only,) = response.json()["items"]
    return response.status_code, only["result"]


def test_new_then_the_same_then_changed(token: str, source: Source) -> None:
    assert answer(call(token)) == (201, "created")
    item = Item.objects.get()
    assert (item.title, item.state, item.organisation) == ("Sommerkoncert", ItemState.NEW, source.organisation)
    assert item.sightings.get().external_key == "42"
    again = call(token)
    assert answer(again) == (200, "unchanged")
    assert again.json()["items"][0] == {"external_id": "42", "id": item.pk, "result": "unchanged"}
    assert answer(call(token, {**NEWS, "title": "Efterårskoncert"})) == (200, "changed")
    item.refresh_from_db()
    assert (item.title, item.revision) == ("Efterårskoncert", 2)
    assert Item.objects.count() == 1


def test_a_list_with_its_picture_and_areas(token: str, cooperation: Any) -> None:
    Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")
    with website() as site:
        site.put(f"{HOST}/kor.jpg", drawing())
        picture = {"url": f"{HOST}/kor.jpg", "alt": "Koret synger", "credit": "Bo"}
        given = [{**NEWS, "picture": picture, "areas": ["Køge"]}, {"external_id": 43, "title": "En til"}]
        response = call(token, given)
    assert response.status_code == 201
    assert [each["result"] for each in response.json()["items"]] == ["created", "created"]
    item = Item.objects.get(title="Sommerkoncert")
    assert item.picture and (item.picture.alt, item.picture.credit) == ("Koret synger", "Bo")
    assert item.areas.get().name == "Køge"


def test_a_picture_that_cannot_be_had_is_said_and_comes_when_it_is_sent_again(token: str) -> None:
    given = {**NEWS, "picture": {"url": f"{HOST}/kor.jpg", "alt": "Koret"}}
    with website() as site:
        site.pages[f"{HOST}/kor.jpg"] = httpx.Response(503)
        first = call(token, given)
        assert answer(first) == (201, "created")
        assert "Without its picture" in first.json()["items"][0]["notes"][0]
        site.put(f"{HOST}/kor.jpg", drawing())
        second = call(token, given)
    assert "notes" not in second.json()["items"][0]
    picture = Item.objects.get().picture
    assert picture and picture.alt == "Koret"


def test_what_is_here_already_is_joined_not_made_twice(token: str, hand: Hand) -> None:
    hand.gives(story(0))
    hand.gives(story(0), story(1))
    archived, new = (story(n) for n in (0, 1))
    given = [{"external_id": each.external_key, "title": each.title, "link": each.link} for each in (archived, new)]
    response = call(token, given)
    assert response.status_code == 200
    first, second = response.json()["items"]
    assert (first["result"], second["result"]) == ("joined", "joined")
    assert "here already" in first["notes"][0] and "back catalogue" in first["notes"][1]
    assert "here already" in second["notes"][0] and "back catalogue" not in str(second["notes"])
    assert [item.state for item in Item.objects.order_by("pk")] == [ItemState.SEEN, ItemState.NEW]
    again = call(token, given).json()["items"]
    assert [each["result"] for each in again] == ["unchanged", "unchanged"]
    assert "back catalogue" in again[0]["notes"][0] and "here already" not in str(again)


def test_of_two_ids_with_one_page_the_second_joins_the_first(token: str) -> None:
    response = call(token, [NEWS, {**NEWS, "external_id": "43"}])
    assert response.status_code == 201
    assert [each["result"] for each in response.json()["items"]] == ["created", "joined"]


def test_nobody_is_told_to_send_again_what_would_not_be_tried(token: str) -> None:
    given = {**NEWS, "picture": {"url": f"{HOST}/kor.jpg", "alt": "Koret"}}
    with website() as site:
        site.pages[f"{HOST}/kor.jpg"] = httpx.Response(
            200, content=b"no picture", headers={"Content-Type": "text/html"}
        )
        (note,) = call(token, given).json()["items"][0]["notes"]
    assert note.startswith("Without its picture: ") and "Send the item again" not in note


@pytest.mark.parametrize("wrong", [True, 1.5, [], {}])
def test_an_id_is_text_or_a_whole_number(token: str, wrong: Any) -> None:
    (field,) = call(token, {**NEWS, "external_id": wrong}).json()["error"]["fields"]
    assert field == {"path": "external_id", "message": "This must be text or a whole number."}


def test_a_draft_is_left_out_with_a_word(token: str) -> None:
    response = call(token, {"external_id": "1", "title": "Kladde", "status": "draft"})
    assert answer(response) == (200, "ignored")
    assert "A draft is not stored" in response.json()["items"][0]["notes"][0]
    assert not Item.objects.exists()


def test_taking_back_by_status_and_by_delete(token: str) -> None:
    call(token, [NEWS, {"external_id": "a/b c", "title": "Den anden"}])
    assert answer(call(token, {"external_id": "42", "status": "withdrawn"})) == (200, "withdrawn")
    assert answer(call(token, b"", f"{AT}/a/b%20c", "DELETE")) == (200, "withdrawn")
    assert Item.objects.filter(withdrawn_at__isnull=False).count() == 2
    assert answer(call(token, b"", f"{AT}/42", "DELETE")) == (200, "withdrawn"), "as often as one likes"
    call(token)
    assert Item.objects.get(title="Sommerkoncert").withdrawn_at is None, "and it may come back"


def test_what_was_never_there_cannot_be_taken_back(token: str) -> None:
    assert call(token, b"", f"{AT}/99", "DELETE").status_code == 404
    assert answer(call(token, {"external_id": "99", "status": "withdrawn"})) == (200, "unknown")


def test_other_items_of_the_source_are_left_alone(token: str) -> None:
    """A push says nothing of what it does not name."""
    recent = (timezone.now() - timedelta(hours=1)).isoformat()
    with website() as site:
        call(
            token,
            [
                {**NEWS, "external_id": str(n), "link": f"{HOST}/{n}", "title": f"N {n}", "published_at": recent}
                for n in range(4)
            ],
        )
        old = (timezone.now() - timedelta(days=3)).isoformat()
        call(token, {**NEWS, "external_id": "9", "published_at": old})
        assert site.asked == [], "nobody's page is asked whether it is still there"
    assert not Item.objects.filter(withdrawn_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("given", "more", "status", "code"),
    [
        (b"{", {}, 400, "unreadable"),
        ({"title": "x"}, {}, 422, "invalid"),
        (NEWS, {"content_type": "text/plain"}, 415, "media_type"),
        (b" " * 1_000_001, {}, 413, "too_large"),
        (NEWS, {"method": "PUT"}, 405, "method"),
        (NEWS, {"headers": {"Authorization": "Bearer opslag_wrong"}}, 401, "token"),
        (NEWS, {"headers": {"Authorization": "Basic YTpi"}}, 401, "token"),
        (NEWS, {"headers": {"Authorization": "Bearer " + "x" * 500}}, 401, "token"),
    ],
)
def test_refusals_are_json_with_a_sentence(
    token: str, given: Any, more: dict[str, Any], status: int, code: str
) -> None:
    response = call(token, given, **more)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert not Item.objects.exists()


def test_faults_are_named_in_the_callers_language(token: str) -> None:
    error = call(token, [NEWS, {"external_id": "1", "titel": "x"}]).json()["error"]
    assert [field["path"] for field in error["fields"]] == ["items[1].title", "items[1].titel"]
    assert error["fields"][0]["message"] == "This is missing."
    assert not Item.objects.exists(), "all or nothing"


def test_one_source_per_token(token: str, sven: User, elsewhere: Organisation, source: Source) -> None:
    call(token)
    other = Source.objects.create(organisation=elsewhere, kind="push", name="Museets side")
    theirs = new_token(other, sven)
    assert call(theirs, b"", f"{AT}/42", "DELETE").status_code == 404
    assert answer(call(theirs, {**NEWS, "title": "Museets egen"})) == (201, "created")
    assert Item.objects.get(organisation=source.organisation).title == "Sommerkoncert"


def test_a_token_is_kept_as_a_hash_noted_when_used_and_revoked(token: str, source: Source) -> None:
    row = SourceToken.objects.get()
    assert token not in str(vars(row)) and row.last_used_at is None
    call(token)
    row.refresh_from_db()
    assert row.last_used_at
    assert push_tokens.revoke(row) and not push_tokens.revoke(row)
    assert call(token).status_code == 401


def test_too_many_calls_are_told_when_to_come_back(token: str) -> None:
    SourceToken.objects.update(counted_from=timezone.now(), calls=CALLS - 1)
    assert call(token).status_code == 201
    response = call(token)
    assert response.status_code == 429 and 1 <= int(response["Retry-After"]) <= 60
    assert str(response["Retry-After"]) in response.json()["error"]["message"]
    SourceToken.objects.update(counted_from=timezone.now() - timedelta(seconds=61))
    assert call(token).status_code == 200


def test_a_paused_source_takes_nothing(token: str) -> None:
    Source.objects.update(status=SourceStatus.PAUSED)
    response = call(token)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "paused")


def test_it_is_never_due(source: Source) -> None:
    assert due_sources(timezone.now()) == []
    Source.objects.update(next_poll_at=None)
    assert due_sources(timezone.now()) == []
