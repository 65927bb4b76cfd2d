"""Leaving: one click without cookies, one button with them; no GET changes anything, and no log learns a token."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from publisher.audience.leave import erase, suppress, unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.models import Area, Consent, ConsentText, Newsletter, Subscription

pytestmark = pytest.mark.database
PAIR = {"List-Unsubscribe": "One-Click"}
UNKNOWN = "no-such-token-AAAAAAAA"


@pytest.fixture(autouse=True)
def language_as_before() -> Iterator[None]:
    with translation.override("da"):
        yield


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return subscribe(newsletter, "anne@example.org", source="form", confirmed_at=timezone.now())


@pytest.fixture
def url(subscription: Subscription) -> str:
    return f"/u/{subscription.token}"


@pytest.fixture
def program() -> Client:
    """A mail program's server: no cookies, no token of ours, no Referer."""
    return Client(enforce_csrf_checks=True)


def left(subscription: Subscription) -> bool:
    subscription.refresh_from_db()
    return subscription.unsubscribed_at is not None


def csrf_of(client: Client, url: str) -> dict[str, str]:
    return {"csrfmiddlewaretoken": str(client.get(url).context["csrf_token"])}


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(method: str, client: Client, url: str, subscription: Subscription) -> None:
    for _ in range(3):
        response = getattr(client, method)(url, PAIR)
        assert response.status_code == 200
    assert not left(subscription)
    assert Consent.objects.filter(subscription=subscription, given=False).count() == 0


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_one_click(encoding: str, slash: str, program: Client, url: str, subscription: Subscription) -> None:
    body = (
        {"data": "List-Unsubscribe=One-Click", "content_type": encoding} if "urlencoded" in encoding else {"data": PAIR}
    )
    for _ in range(2):
        response = program.post(url + slash, **body)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert "Kulturnyt" in response.content.decode()
        assert not response.cookies
    assert left(subscription)
    assert [c.source for c in Consent.objects.filter(subscription=subscription, given=False)] == ["one-click"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"List-Unsubscribe": "one-click"},
        {"list-unsubscribe": "One-Click"},
        {"choice": "leave"},
        {"choice": "again"},
    ],
    ids=str,
)
def test_everything_but_the_pair_needs_the_pages_own_form(
    body: dict[str, str], program: Client, url: str, subscription: Subscription
) -> None:
    assert program.post(f"{url}?List-Unsubscribe=One-Click", body).status_code == 403
    assert not left(subscription)


def test_the_pair_as_json_or_in_too_much_is_refused(program: Client, url: str, subscription: Subscription) -> None:
    assert program.post(url, PAIR, content_type="application/json").status_code == 403
    file = io.BytesIO(b"x" * 70_000)
    assert program.post(url, PAIR | {"file": file}).status_code == 413
    assert program.put(url).status_code == 405
    assert not left(subscription)


def test_the_button(url: str, subscription: Subscription) -> None:
    person = Client(enforce_csrf_checks=True)
    page = person.get(url)
    assert b"Kulturnyt" in page.content
    assert "a•••@example.org" in page.content.decode()
    assert b"anne@" not in page.content
    response = person.post(url, csrf_of(person, url) | {"choice": "leave"})
    assert response.status_code == 200
    assert "web/public/unsubscribed.html" in [template.name for template in response.templates]
    assert left(subscription)
    assert Consent.objects.filter(subscription=subscription, given=False).get().source == "link"
    assert "web/public/unsubscribed.html" in [template.name for template in person.get(url).templates]


def test_coming_back_is_a_new_consent_to_the_words_on_the_page(
    client: Client, url: str, subscription: Subscription, newsletter: Newsletter
) -> None:
    area = Area.objects.create(organisation=newsletter.organisation, name="Ishøj", slug="ishoj")
    subscription.areas.add(area)
    words = ConsentText.objects.create(newsletter=newsletter, language="da", text="Ja tak til Kulturnyt pr. mail.")
    assert words.text not in client.get(url).content.decode()
    response = client.post(url, {"choice": "leave"})
    assert words.text in response.content.decode()
    response = client.post(url, {"choice": "again"})
    assert "web/public/back_again.html" in [template.name for template in response.templates]
    assert not left(subscription)
    assert subscription.confirmed_at is not None
    assert list(subscription.areas.all()) == [area]
    newest = Consent.objects.filter(subscription=subscription).order_by("-pk")[0]
    assert (newest.given, newest.source, newest.text) == (True, "undo", words)


def test_a_blocked_address_is_not_promised_mail(client: Client, url: str, subscription: Subscription) -> None:
    suppress(subscription.newsletter.organisation, "anne@example.org", "complained")
    unsubscribe(subscription.token, source="test")
    assert b'value="again"' not in client.get(url).content
    client.post(url, {"choice": "again"})
    assert left(subscription)


@pytest.mark.parametrize("token", [UNKNOWN, "x", "%00", "a" * 300, "<script>", "æ"])
def test_an_unknown_token_is_met_kindly(token: str, client: Client, program: Client, newsletter: Newsletter) -> None:
    page = client.get(f"/u/{token}")
    assert page.status_code == 404
    assert "web/public/gone.html" in [template.name for template in page.templates]
    assert page["Cache-Control"] == client.get("/u/x")["Cache-Control"]
    assert program.post(f"/u/{token}", PAIR).status_code == 404


def test_an_erased_person_is_an_unknown_token(client: Client, url: str, subscription: Subscription) -> None:
    erase(subscription.subscriber)
    assert client.get(url).status_code == 404


def test_known_and_unknown_tokens_cost_the_same_lookup(
    client: Client, url: str, django_assert_num_queries: Any
) -> None:
    for path in (url, f"/u/{UNKNOWN}"):
        with django_assert_num_queries(1):
            client.get(path)


def test_headers(client: Client, url: str) -> None:
    for path in (url, f"/u/{UNKNOWN}"):
        response = client.get(path)
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "same-origin"
        assert response["X-Robots-Tag"] == "noindex"
        assert "unsafe" not in response["Content-Security-Policy"]


def test_the_reader_is_spoken_to_in_the_newsletters_language_unless_they_chose(client: Client, url: str) -> None:
    english_browser = {"accept-language": "en"}
    assert '<html lang="da">' in client.get(url, headers=english_browser).content.decode()
    client.post("/language/", {"language": "en", "next": url})
    response = client.get(url)
    assert '<html lang="en">' in response.content.decode()
    assert response["Content-Language"] == "en"
    assert client.post(url, PAIR).content == b"You have unsubscribed from Kulturnyt.\n"


def test_a_brand_colour_that_is_none_breaks_nothing(client: Client, url: str, newsletter: Newsletter) -> None:
    Newsletter.objects.filter(pk=newsletter.pk).update(brand_colour="blå")
    assert client.get(url).status_code == 200


def test_no_token_is_ever_logged(program: Client, url: str, subscription: Subscription, settings: Any) -> None:
    handler = next(h for h in logging.getLogger().handlers if getattr(h, "filters", None))
    written = io.StringIO()
    before = handler.setStream(written)
    try:
        assert program.post(url, {}).status_code == 403
        assert program.put(url).status_code == 405
        assert program.get(f"/u/{UNKNOWN}").status_code == 404
        assert program.get(f"{url}/more").status_code == 404
        logging.getLogger("elsewhere").error("%s failed", f"https://opslag.test{url}?x=1")
    finally:
        handler.setStream(before)
    lines = written.getvalue()
    assert lines.count("/u/…") == 5
    assert subscription.token not in lines
    assert UNKNOWN not in lines
