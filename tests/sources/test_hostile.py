"""Every hostile feed ends in news or in a sentence that a person understands, in their language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.utils import translation

from publisher import http
from publisher.errors import OpslagError, PermanentError, TransientError
from publisher.http import FetchLimits
from publisher.items.entries import entries_of
from publisher.sources import feed as feed_module
from publisher.sources.contract import Poll
from publisher.sources.feed import FeedConfig, FeedSource
from tests.http.loopback import Site, site
from tests.sources.hostile import ANSWERS, PAGES, Answer

URL = "https://havnby.example.org/feed.xml"
# What these must give, beside not failing: the news in spite of all.
NEWS = {
    "ends_twice": ["Ny bro"],
    "white_space_before_it": ["Ny bro"],
    "bare_ampersands": ["Kaffe & kage"],
    "letters_by_name": ["Rød grød med fløde"],
    "utf_16": ["Ny bro på Amager"],
    "utf_16_without_mark": ["Ny bro"],
    "utf_32": ["Ny bro"],
    "ebcdic": ["Ny bro"],
    "latin_1_that_says_utf_8": ["Rødgrød"],
    "utf_8_that_says_latin_1": ["Rødgrød"],
    "an_unknown_encoding": ["Ny bro"],
    "nul_between_letters": ["Ny bro"],
    "control_characters": ["Ny bro"],
    "a_mark_in_the_middle": ["Ny bro"],
    "directions_overridden": ["orb yN x"],
    "a_feed_as_plain_text": ["Ny bro"],
    "a_feed_as_a_web_page": ["Ny bro"],
    "a_feed_of_no_type": ["Ny bro"],
    "a_type_of_nonsense": ["Ny bro"],
    "headers_of_nonsense": ["Ny bro"],
    "json_nul": ["Ny bro"],
    "json_utf_16": ["Ny bro"],
    "json_lone_surrogates": ["Ny bro"],
    "an_atom_feed_with_script": ["Ny bro"],
}
# A whole feed in which there is nothing: the page says that it can be read and that nothing is in it right now.
EMPTY = {"nothing_but_comments", "all_in_one_element", "a_namespace_flood"}


def look(answer: Answer) -> Poll:
    def reply(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))

    with http.use_transport(httpx.MockTransport(reply)):
        return FeedSource().poll(FeedConfig(URL), {})


def understood(error: OpslagError) -> bool:
    """A whole sentence in both languages, without places left open and without the machine's own words."""
    assert isinstance(error, PermanentError | TransientError)
    said = []
    for language in ("en", "da"):
        with translation.override(language):
            said.append(str(error))
    english, danish = said
    assert len(english) > 15 and english.rstrip()[-1] in ".?", english
    assert "%(" not in english + danish
    assert not any(word in english for word in ("Error", "Traceback", "None", "object at"))
    return danish != english


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_feed_ends_in_news_or_in_a_sentence(name: str) -> None:
    try:
        poll = look(ANSWERS[name]())
    except OpslagError as error:
        assert name not in NEWS, str(error)
        assert understood(error), f"no Danish: {error}"
        return
    entries = entries_of(poll.candidates, URL)
    assert len(entries) <= 500
    assert entries or name in EMPTY, "silently nothing"
    for entry in entries:
        assert entry.title and len(entry.title) <= 300 and len(entry.external_key) <= 500
        said = repr(entry)
        assert "<script" not in said and "javascript:" not in entry.link + entry.body_html
        assert "\\x00" not in said and "\\ud8" not in said
    if name in NEWS:
        assert [entry.title for entry in entries] == NEWS[name]


def test_there_are_enough_of_them() -> None:
    assert len(ANSWERS) + len(PAGES) >= 100


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with site() as here:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({here.target})
        here.pages |= {f"/{name}": page for name, page in PAGES.items()}
        here.pages |= {f"/goes_in_circles{'x' * n}": PAGES["goes_in_circles"] for n in range(1, 9)}
        monkeypatch.setattr(feed_module, "LIMITS", FetchLimits(total_s=0.5))
        yield here


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_server_ends_in_a_sentence(server: Site, name: str) -> None:
    with pytest.raises(OpslagError) as refused:
        FeedSource().poll(FeedConfig(server.url(f"/{name}")), {})
    assert understood(refused.value), f"no Danish: {refused.value}"
