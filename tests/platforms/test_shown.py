"""What stands at an address, where the address alone does not tell it, or where it is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from publisher import http
from publisher.errors import PermanentError
from publisher.platforms.contract import PictureFile
from tests.contract.facebook import FacebookServer
from tests.contract.linkedin import LinkedInServer
from tests.contract.telegram import TelegramServer
from tests.contract.wire import Request, Response, in_process
from tests.contract.x import USER_ID, XServer
from tests.platforms import test_facebook, test_linkedin, test_telegram, test_x
from tests.platforms.platform_contract import Stage, a_post

ACTIVITY = "https://www.linkedin.com/posts/kultur_aaben-activity-7200000000000000001-aB1c"


@contextmanager
def told_otherwise(server: Callable[[Request], Response], before: bytes, after: bytes) -> Iterator[None]:
    """All that the server answers, with other words in it."""

    def handler(request: Request) -> Response:
        response = server(request)
        response.body = response.body.replace(before, after)
        return response

    with http.use_transport(in_process(handler)):
        yield


@pytest.fixture
def linkedin() -> Iterator[tuple[LinkedInServer, Stage]]:
    server = LinkedInServer()
    with http.use_transport(in_process(server)):
        yield server, test_linkedin.staged(server)


def test_an_activity_is_the_one_post_that_it_can_be(linkedin: tuple[LinkedInServer, Stage]) -> None:
    server, stage = linkedin
    known = stage.publish(a_post("Åben øvelse på torvet i går", key="1"))
    stage.publish(a_post("Noget helt andet: biblioteket holder lukket", key="2"))
    ours = stage.publish(a_post(key="3"))
    wanted = a_post(taken=frozenset({known.remote_id}))
    assert stage.at(wanted, ACTIVITY).remote_id == ours.remote_id
    with pytest.raises(PermanentError) as several:
        stage.at(replace(wanted, taken=frozenset()), ACTIVITY)
    assert "Embed this post" in several.value.explanation.msgid
    server.posts[-1].created_at -= timedelta(days=1)
    with pytest.raises(PermanentError):
        stage.at(wanted, ACTIVITY)


def test_a_post_of_another_page_is_seen_as_such(linkedin: tuple[LinkedInServer, Stage]) -> None:
    _server, stage = linkedin
    published = stage.publish(a_post())
    elsewhere = replace(stage, config=replace(stage.config, organisation="urn:li:organization:2"))
    assert stage.at(a_post(), published.permalink).own and not elsewhere.at(a_post(), published.permalink).own


def test_facebooks_own_codes_are_looked_up_among_the_pages_entries() -> None:
    server = FacebookServer()
    with http.use_transport(in_process(server)):
        stage = test_facebook.staged(server)
        published = stage.publish(a_post())
    page_id, _, number = published.remote_id.partition("_")
    shown_as = f"koegebib/posts/pfbid0{number}AbCd"
    with told_otherwise(server, f"graph.facebook.com/{page_id}_{number}".encode(), f"facebook.com/{shown_as}".encode()):
        found = stage.at(a_post(), f"https://www.facebook.com/{shown_as}?locale=da_DK")
        assert found.remote_id == published.remote_id
        with pytest.raises(PermanentError):
            stage.at(a_post(), "https://www.facebook.com/koegebib/posts/pfbid02AndenKode")


def test_x_shows_the_posts_of_others_too() -> None:
    server = XServer()
    with http.use_transport(in_process(server)):
        stage = test_x.staged(server)
        published = stage.publish(a_post())
        assert stage.at(a_post(), published.permalink).own
    with told_otherwise(server, f'"author_id": "{USER_ID}"'.encode(), b'"author_id": "12"'):
        assert not stage.at(a_post(), published.permalink).own


def test_an_album_is_all_of_its_pictures() -> None:
    server = TelegramServer()
    with http.use_transport(in_process(server)):
        stage = test_telegram.staged(server)
        picture = PictureFile(b"", "image/png", "", 1, 1)
        alone, album = a_post(pictures=()), a_post(pictures=(picture,) * 3)
        assert stage.at(alone, "t.me/kultur/17").remote_id == "17"
        found = stage.at(album, "t.me/kultur/17")
        assert (found.remote_id, found.permalink, found.was_read) == ("17,18,19", "https://t.me/kultur/17", False)
