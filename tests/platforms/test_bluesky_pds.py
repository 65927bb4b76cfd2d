"""The Bluesky plug-in against the real server (npm: @atproto/pds), on loopback; CI runs it and skips nothing.

What servers together know (figures, other people's feeds) is not part of a PDS: for that see the contract server.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import override_settings

from publisher.errors import AccountError, PermanentError, TokenExpiredError, TransientError, UncertainError
from publisher.platforms.bluesky import BlueskyPlatform
from publisher.platforms.bluesky_records import record_key
from publisher.platforms.bluesky_session import BlueskyConfig
from publisher.platforms.contract import Card, PictureFile, Post, Published
from tests.platforms.platform_contract import a_post, a_while_ago
from tests.real.bluesky import RealPds, missing, real_pds

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(missing()) and not os.environ.get("CI"), reason=f"no real Bluesky server: {missing()}"),
]

PLANNED = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPds]:
    assert not missing(), f"no real Bluesky server: {missing()}"
    with real_pds(tmp_path_factory.mktemp("pds") / "data") as server:
        yield server


@dataclass
class Connected:
    """A new account on the real server, connected."""

    server: RealPds
    platform: BlueskyPlatform
    config: BlueskyConfig
    facts: dict[str, Any]

    @property
    def did(self) -> str:
        return self.config.did

    def publish(self, post: Post) -> Published:
        prepared = self.platform.prepare(self.config, self.facts, post)
        return self.platform.commit(self.config, self.facts, post, prepared)

    def records(self) -> list[dict[str, Any]]:
        """What the server has, read without us."""
        return [row["value"] for row in self.server.posts(self.did)]


@pytest.fixture(scope="module")
def allowed(pds: RealPds) -> Iterator[None]:
    with override_settings(OPSLAG_ALLOWED_TARGETS=frozenset({urlsplit(pds.address).netloc})):
        yield


@pytest.fixture
def account(pds: RealPds, allowed: None) -> Connected:
    """Each test has an account of its own."""
    handle, app_password = pds.new_account()
    platform = BlueskyPlatform()
    typed = BlueskyConfig(handle, app_password, pds.address)
    config = replace(typed, **platform.renew(typed, None))
    return Connected(pds, platform, config, dict(platform.verify(config).facts))


def planned(text: str = "Åben øvelse på torvet – kom & hør! 👨‍👩‍👧‍👦", **changes: Any) -> Post:
    return a_post(text, **({"planned_at": PLANNED} | changes))


def test_connecting_says_who_we_are(account: Connected) -> None:
    profile = account.platform.verify(account.config)
    assert profile.remote_id == account.did == account.facts["did"]
    assert profile.handle == f"@{account.config.handle}"
    assert profile.facts["server"] == account.server.address


def test_a_wrong_app_password_says_what_to_do(account: Connected) -> None:
    wrong = BlueskyConfig(account.config.handle, "aaaa-bbbb-cccc-dddd", account.server.address)
    with pytest.raises(AccountError, match="Make a new one on Bluesky"):
        account.platform.renew(wrong, None)


def test_text_with_facets_a_picture_with_its_description_and_the_link_back(
    account: Connected, picture: PictureFile
) -> None:
    post = planned(f"Kom #BørnOgUnge, hilsen @{account.config.handle} 👨‍👩‍👧‍👦", pictures=(picture, picture))
    published = account.publish(post)
    assert published.remote_id == f"at://{account.did}/app.bsky.feed.post/{record_key(post)}"
    assert published.permalink == f"https://bsky.app/profile/{account.did}/post/{record_key(post)}"
    assert account.platform.confirm(account.config, account.facts, published) == published
    (record,) = account.records()
    assert record["text"] == f"{post.text}\nkultur.example.org/nyheder/oeve…"
    assert (record["createdAt"], record["langs"]) == ("2026-11-27T08:00:00.000Z", ["da"])
    raw = record["text"].encode()
    marked = [
        (raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode(), f["features"][0]) for f in record["facets"]
    ]
    assert [(words, feature.get("tag") or feature.get("did") or feature.get("uri")) for words, feature in marked] == [
        ("#BørnOgUnge", "BørnOgUnge"),
        (f"@{account.config.handle}", account.did),
        ("kultur.example.org/nyheder/oeve…", post.link),
    ]
    image = record["embed"]["images"][0]
    assert (image["alt"], image["aspectRatio"]) == (picture.alt, {"width": 64, "height": 48})
    seen = account.server.read("com.atproto.sync.getBlob", did=account.did, cid=image["image"]["ref"]["$link"])
    assert seen.content == picture.content


def test_a_card(account: Connected, picture: PictureFile) -> None:
    post = planned(card=Card("Åben øvelse", "Kom og hør koret", picture))
    account.publish(post)
    card = account.records()[0]["embed"]["external"]
    assert (card["uri"], card["title"], card["description"]) == (post.link, "Åben øvelse", "Kom og hør koret")
    assert card["thumb"]["mimeType"] == "image/png"


def test_a_thread_of_three(account: Connected) -> None:
    first = account.publish(planned("Et", key="1"))
    second = account.publish(planned("To", key="2", link="", reply_to=first.remote_id, thread_root=first.remote_id))
    account.publish(planned("Tre", key="3", link="", reply_to=second.remote_id, thread_root=first.remote_id))
    by_text = {row["value"]["text"].partition("\n")[0]: row for row in account.server.posts(account.did)}
    reply = by_text["Tre"]["value"]["reply"]
    assert (reply["root"]["uri"], reply["root"]["cid"]) == (first.remote_id, by_text["Et"]["cid"])
    assert (reply["parent"]["uri"], reply["parent"]["cid"]) == (second.remote_id, by_text["To"]["cid"])
    account.platform.delete(account.config, account.facts, second)
    with pytest.raises(PermanentError, match="no longer on Bluesky"):
        account.publish(planned("Fire", key="4", reply_to=second.remote_id, thread_root=first.remote_id))


def test_a_repeat_is_no_second_post_and_never_writes_over(account: Connected) -> None:
    post = planned()
    prepared = account.platform.prepare(account.config, account.facts, post)
    tries = [account.platform.commit(account.config, account.facts, post, prepared) for _ in range(3)]
    tries.append(account.publish(planned("Andre ord under samme nøgle")))
    assert len(set(tries)) == 1
    (record,) = account.records()
    assert record["text"].startswith(post.text)


def test_a_lost_answer_is_uncertain_found_and_repeated_without_harm(account: Connected) -> None:
    post = planned()
    prepared = account.platform.prepare(account.config, account.facts, post)
    with losing_answers(account.server.address) as address, also_allowed(address):
        cut = replace(account.config, pds=address)
        with pytest.raises(UncertainError):
            account.platform.commit(cut, account.facts, post, prepared)
    assert len(account.records()) == 1
    found = account.platform.find(account.config, account.facts, post, a_while_ago())
    assert found == account.platform.commit(account.config, account.facts, post, prepared)
    assert len(account.records()) == 1
    assert not account.platform.find(account.config, account.facts, planned(key="another-key"), a_while_ago())


def test_a_session_that_has_run_out_is_renewed_and_goes_on(account: Connected) -> None:
    late = replace(account.config, access_token=account.server.run_out(account.config.access_token))
    for step in (
        lambda: account.platform.verify(late),
        lambda: account.platform.commit(late, account.facts, planned(), {"dids": {}, "pictures": []}),
    ):
        with pytest.raises(TokenExpiredError):
            step()
    account.config = replace(late, **account.platform.renew(late, None))
    assert account.config.refresh_token != late.refresh_token
    account.publish(planned())
    assert len(account.records()) == 1


def test_a_worthless_refresh_token_is_replaced_with_the_app_password(account: Connected) -> None:
    for worthless in ("rubbish", account.config.access_token):
        config = replace(account.config, refresh_token=worthless)
        assert account.platform.renew(config, None)["did"] == account.did


def test_an_access_token_that_the_server_did_not_sign_makes_the_caller_renew(
    account: Connected, picture: PictureFile
) -> None:
    forged = replace(account.config, access_token=account.config.access_token[:-8] + "AAAAAAAA")
    with pytest.raises(TokenExpiredError):
        account.platform.prepare(forged, account.facts, planned(pictures=(picture,)))


def test_after_thirty_log_ins_it_says_how_long_to_wait(account: Connected) -> None:
    account.server.use_up_log_ins("nobody.test")
    typed = BlueskyConfig("nobody.test", "aaaa-bbbb-cccc-dddd", account.server.address)
    with pytest.raises(TransientError) as busy:
        account.platform.renew(typed, None)
    assert busy.value.retry_after is not None
    assert 1 <= busy.value.retry_after <= 300


def test_deleting_takes_it_down_and_may_be_repeated(account: Connected) -> None:
    published = account.publish(planned())
    for _ in range(2):
        account.platform.delete(account.config, account.facts, published)
    assert account.records() == []
    with pytest.raises(PermanentError, match="no longer on Bluesky"):
        account.platform.confirm(account.config, account.facts, published)


@pytest.mark.parametrize(
    ("text", "fits"), [("ø" * 300, True), ("ø" * 301, False), ("👨‍👩‍👧‍👦" * 120, True), ("👨‍👩‍👧‍👦" * 121, False)]
)
def test_the_servers_limits_are_ours(account: Connected, text: str, fits: bool) -> None:
    assert (account.platform.length(text, {}) <= account.platform.limits({}).text) == fits
    post = planned(text, link="")
    if fits:
        account.publish(post)
    else:
        # Past our own check, straight to the server.
        with pytest.raises(PermanentError, match="The platform refused"):
            account.platform.commit(account.config, account.facts, post, {"dids": {}, "pictures": []})
    assert len(account.records()) == fits


@contextlib.contextmanager
def also_allowed(address: str) -> Iterator[None]:
    targets = settings.OPSLAG_ALLOWED_TARGETS | {urlsplit(address).netloc}
    with override_settings(OPSLAG_ALLOWED_TARGETS=targets):
        yield


@contextlib.contextmanager
def losing_answers(address: str) -> Iterator[str]:
    """An address that hands everything on to the server and hangs up before a byte of the answer comes back."""
    there = urlsplit(address)
    with socket.create_server(("127.0.0.1", 0)) as front:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _peer = front.accept()
                    with near, socket.create_connection((there.hostname or "", there.port or 0)) as far:
                        _hand_on(near, far)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{front.getsockname()[1]}"


def _hand_on(near: socket.socket, far: socket.socket) -> None:
    near.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while part := near.recv(65_536):
            far.sendall(part)
    far.recv(1)
