"""Signed addresses of pictures: what platforms fetch is exactly what was frozen, and nobody else gets anything."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from PIL import Image

from publisher import http
from publisher.compose.public_pictures import check_reachable, sample_address
from publisher.compose.social import post_of
from publisher.errors import PermanentError
from publisher.items.pictures import store_picture
from publisher.models import Account, Item, Message, Organisation, Picture, User
from publisher.platforms.contract import PictureFile
from publisher.vocabulary import Outlet
from tests.contract.instagram import InstagramServer
from tests.contract.meta_fetch import Fetched
from tests.contract.wire import in_process
from tests.review.send_outs import send_out
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def account(secretariat: Organisation) -> Account:
    """An Instagram account."""
    return Account.objects.create(
        organisation=secretariat, kind="instagram", name="Kultur", credentials={"access_token": "EAA"},
        facts={"account_id": "17841"},
    )  # fmt: skip


@pytest.fixture
def wide(secretariat: Organisation) -> Picture:
    """A picture that Instagram does not take as it is: PNG with transparency, and too wide."""
    out = io.BytesIO()
    image = Image.new("RGBA", (1500, 500), (40, 90, 140, 128))
    image.paste((200, 60, 40, 255), (0, 0, 400, 500))
    image.save(out, "PNG")
    return store_picture(secretariat, out.getvalue(), alt="En bro over åen")


@pytest.fixture
def post(account: Account, wide: Picture, secretariat: Organisation) -> Message:
    item = Item.objects.create(organisation=secretariat, title="Ny bro", picture=wide)
    campaign = send_out(item, None, account)
    message: Message = campaign.messages.get(outlet=Outlet.POST)
    return message


@pytest.fixture
def picture(post: Message) -> PictureFile:
    return post_of(post, key="k").pictures[0]


def path_of(url: str, settings: Any) -> str:
    assert url.startswith(f"{settings.OPSLAG_BASE_URL}/p/")
    return url.removeprefix(settings.OPSLAG_BASE_URL)


def test_the_bytes_are_those_that_were_frozen(client: Client, picture: PictureFile, settings: Any) -> None:
    answer = client.get(path_of(picture.url, settings))
    assert answer.status_code == 200
    assert answer.content == picture.content
    assert (answer["Content-Type"], answer["Content-Length"]) == ("image/jpeg", str(len(picture.content)))
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "JPEG" and 0.8 <= image.width / image.height <= 1.911


def test_head_says_how_much_there_is(client: Client, picture: PictureFile, settings: Any) -> None:
    answer = client.head(path_of(picture.url, settings))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Length"] == str(len(picture.content))


def test_nothing_but_looking(client: Client, picture: PictureFile, settings: Any) -> None:
    path = path_of(picture.url, settings)
    assert [client.post(path).status_code, client.put(path).status_code, client.delete(path).status_code] == [405] * 3


def test_after_six_hours_there_is_nothing(client: Client, picture: PictureFile, settings: Any) -> None:
    path = path_of(picture.url, settings)
    with time_machine.travel(timezone.now() + timedelta(hours=5, minutes=59)):
        assert client.get(path).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=6, minutes=1)):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("change", ["sign", "extension", "sample", "nothing"])
def test_an_address_that_somebody_made_up_leads_nowhere(
    client: Client, picture: PictureFile, settings: Any, change: str
) -> None:
    path = path_of(picture.url, settings)
    token = path.removeprefix("/p/").removesuffix(".jpg")
    other = {
        "sign": f"/p/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}.jpg",
        "extension": f"/p/{token}.png",
        "sample": f"/p/{path_of(sample_address(), settings).removeprefix('/p/').partition('.')[0]}.{token}.jpg",
        "nothing": "/p/",
    }[change]
    assert client.get(other).status_code == 404


def test_a_picture_whose_consent_is_gone_is_not_served(
    client: Client, picture: PictureFile, wide: Picture, settings: Any
) -> None:
    Picture.objects.filter(pk=wide.pk).update(withdrawn_at=timezone.now())
    assert client.get(path_of(picture.url, settings)).status_code == 404


def test_bytes_that_came_out_otherwise_are_not_served(
    client: Client, picture: PictureFile, wide: Picture, settings: Any
) -> None:
    Picture.objects.filter(pk=wide.pk).update(focal_x=0.1)
    assert client.get(path_of(picture.url, settings)).status_code == 404


def test_platforms_that_are_given_pictures_get_no_address(post: Message, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(kind="mastodon", facts={})
    assert post_of(Message.objects.get(pk=post.pk), key="k").pictures[0].url == ""


class TestCheck:
    """Connecting tries whether the platform gets a picture from us at all."""

    @pytest.fixture
    def server(self, client: Client, account: Account, settings: Any) -> Iterator[InstagramServer]:
        settings.OPSLAG_BASE_URL = "https://opslag.example.org"

        def fetch(url: str) -> Fetched | None:
            answer = client.get(url.removeprefix("https://opslag.example.org"))
            return Fetched(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)

        server = InstagramServer(fetch)
        Account.objects.filter(pk=account.pk).update(credentials={"access_token": server.token})
        account.refresh_from_db()
        with http.use_transport(in_process(server)):
            yield server

    def test_it_passes(self, server: InstagramServer, account: Account) -> None:
        check_reachable(account)
        (container,) = server.boxes.values()
        assert container.pictures and server.public() == []

    def test_it_says_what_to_do(self, server: InstagramServer, account: Account) -> None:
        server.fetch = lambda url: None
        with pytest.raises(PermanentError, match="OPSLAG_BASE_URL") as refused:
            check_reachable(account)
        assert str(refused.value).count("internet") == 1, "the advice stands there once"

    @pytest.mark.parametrize("reachable", [True, False])
    def test_a_person_is_told_while_connecting(self, server: InstagramServer, olga: User, reachable: bool) -> None:
        if not reachable:
            server.fetch = lambda url: None
        answer = signed_in(olga).post("/channels/connect/instagram", {"access_token": server.token}, follow=True)
        assert Account.objects.filter(remote_id="17841").exists()
        assert ("could not fetch a picture" in words(answer)) != reachable

    @pytest.mark.parametrize("reachable", [True, False])
    def test_a_person_who_checks_again_is_told(
        self, server: InstagramServer, olga: User, account: Account, reachable: bool
    ) -> None:
        if not reachable:
            server.fetch = lambda url: None
        answer = signed_in(olga).post(f"/channels/{account.pk}/check", follow=True)
        assert ("could not fetch a picture" in words(answer)) != reachable
        # Not by its words: the picture was fetched within this thread, by a visitor who reads Danish.
        assert ("notice-good" in source_of(answer)) == reachable

    def test_where_nothing_is_fetched_nothing_is_asked(self, server: InstagramServer, account: Account) -> None:
        account.kind, account.facts = "mastodon", {}
        check_reachable(account)
        assert server.calls == []
