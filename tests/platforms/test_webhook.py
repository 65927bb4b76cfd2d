"""The webhook plug-in against a receiver that verifies signatures, and against the words that receivers are given."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from publisher import http
from publisher.errors import AccountError, PermanentError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile, Published
from publisher.platforms.webhook import WebhookConfig, WebhookPlatform
from publisher.platforms.webhook_signature import key_of, new_secret, signatures
from tests.contract.webhook import WebhookServer
from tests.contract.wire import Handler, Request, Response, in_process, listening
from tests.platforms.platform_contract import PlatformContract, Seen, Stage, a_post, a_while_ago, unreachable

ADDRESS = "https://intranet.example.org/hook"
ANOTHER = "whsec_" + base64.b64encode(b"another signing key of 32 bytes!").decode()
OLD = "whsec_" + base64.b64encode(b"the signing key that was before.").decode()


def staged(server: WebhookServer, address: str = ADDRESS, **changes: Any) -> Stage:
    platform = WebhookPlatform()
    config = replace(WebhookConfig(address, server.token), **changes)
    return Stage(
        platform=platform,
        config=config,
        wrong_config=replace(config, secret=ANOTHER, old_secret=""),
        faults=server.faults,
        seen=lambda: [Seen(post.remote_id, "", post.text, post.alt_texts) for post in server.public()],
        upload_call="",
        facts=platform.verify(config).facts,
    )


@pytest.fixture
def picture(picture: PictureFile) -> PictureFile:
    """With the address at which compose has put it."""
    return replace(picture, url="https://opslag.example.org/p/signed")


@pytest.fixture
def server() -> WebhookServer:
    return WebhookServer()


@pytest.fixture
def stage(server: WebhookServer) -> Iterator[Stage]:
    with http.use_transport(in_process(server)):
        yield staged(server, old_secret=OLD)


class TestWebhook(PlatformContract):
    """The shared suite, what a receiver cannot be asked left out, and what events add."""

    def test_verify_says_who_we_are(self, stage: Stage) -> None:
        profile = stage.platform.verify(stage.config)
        assert (profile.name, profile.handle) == ("Biblioteket", "intranet.example.org")
        assert profile.url == "https://intranet.example.org/"
        another = replace(stage.config, address="https://intranet.example.org/hook?to=another")
        assert stage.platform.verify(another).remote_id != profile.remote_id

    def test_confirm_reads_back_the_permalink(self, stage: Stage) -> None:
        published = stage.publish(a_post())
        assert stage.platform.confirm(stage.config, stage.facts, published) == published

    def test_confirm_of_a_post_that_is_gone_says_so(self, stage: Stage) -> None:
        """Nothing is read back."""
        assert not stage.platform.abilities(stage.facts).finds

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_500", "latency"])
    def test_a_lost_answer_is_uncertain_and_the_post_is_found(
        self, stage: Stage, picture: PictureFile, server: WebhookServer, fault: str
    ) -> None:
        """By the same event again, which the receiver knows by its id."""
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        stage.faults.set(fault)
        with pytest.raises(UncertainError):
            stage.platform.commit(stage.config, stage.facts, post, prepared)
        found = stage.platform.commit(stage.config, stage.facts, post, prepared)
        assert [seen.remote_id for seen in stage.seen()] == [found.remote_id]
        assert not stage.platform.find(stage.config, stage.facts, post, a_while_ago())

    def test_every_attempt_sends_the_same_bytes(
        self, stage: Stage, server: WebhookServer, picture: PictureFile
    ) -> None:
        post = a_post(pictures=(picture,))
        prepared = stage.platform.prepare(stage.config, stage.facts, post)
        later = replace(post, pictures=(replace(picture, url="https://opslag.example.org/p/signed-anew"),))
        for attempt in (post, later):
            stage.platform.commit(stage.config, stage.facts, attempt, prepared)
        assert [len(bodies) for bodies in server.bodies.values()] == [1, 2]
        assert len(stage.seen()) == 1

    def test_a_server_fault_while_uploading_is_tried_again(self, stage: Stage, picture: PictureFile) -> None:
        """Nothing is uploaded; a picture without an address cannot be told of."""
        with pytest.raises(PermanentError, match="no address"):
            stage.publish(a_post(pictures=(replace(picture, url=""),)))
        assert stage.platform.abilities(stage.facts).fetches_pictures

    def test_a_wrong_token_asks_for_a_reconnect_at_every_step(self, stage: Stage, picture: PictureFile) -> None:
        platform, wrong, published = stage.platform, stage.wrong_config, Published("p1")
        for step in (
            lambda: platform.verify(wrong),
            lambda: platform.commit(wrong, {}, a_post(), {}),
            lambda: platform.edit(wrong, {}, published, a_post()),
            lambda: platform.delete(wrong, {}, published),
        ):
            with pytest.raises(AccountError):
                step()
        assert stage.seen() == []

    def test_no_connection_is_surely_not_sent(self, stage: Stage, picture: PictureFile) -> None:
        with unreachable():
            for step in (
                lambda: stage.platform.verify(stage.config),
                lambda: stage.publish(a_post(pictures=(picture,))),
                lambda: stage.platform.delete(stage.config, stage.facts, Published("p1")),
            ):
                with pytest.raises(TransientError):
                    step()

    def test_a_repeat_is_safe_for_a_week(self, stage: Stage) -> None:
        assert stage.platform.repeat_safe_for(stage.facts) == timedelta(days=7)

    def test_an_event_tells_all_of_a_post(self, stage: Stage, server: WebhookServer, picture: PictureFile) -> None:
        post = a_post("Kom & hør\nkoret. #Musik #ØvelsePåTorvet", title="Åben øvelse", pictures=(picture,))
        stage.publish(post)
        told = server.public()[0].fields
        assert told == {
            "id": told["id"],
            "revision": 1,
            "title": "Åben øvelse",
            "text": post.text,
            "html": "<p>Kom &amp; hør<br>koret. #Musik #ØvelsePåTorvet</p>",
            "link": post.link,
            "lang": "da",
            "visibility": "public",
            "images": [
                {"url": picture.url, "alt": picture.alt, "width": 64, "height": 48, "mime": "image/png"},
            ],
            "tags": ["Musik", "ØvelsePåTorvet"],
            "reply_to": "",
            "thread_root": "",
            "campaign": "7",
        }
        body = json.loads(next(bodies[0] for name, bodies in server.bodies.items() if name == told["id"]))
        assert body["timestamp"] == post.planned_at.isoformat(timespec="seconds").replace("+00:00", "Z")

    def test_a_receiver_need_not_answer_a_word(self, stage: Stage, server: WebhookServer) -> None:
        stage.faults.set("no_reply")
        published = stage.publish(a_post())
        assert re.fullmatch(r"msg_[0-9a-f]{32}", published.remote_id)
        assert published.permalink == ""
        stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet"))
        assert stage.seen()[0].text == "Rettet"

    def test_an_answer_that_is_no_use_is_left_out(self) -> None:
        for said in ('{"id": null, "url": "javascript:alert(1)"}', '{"id": ["x"]}', "[]", "<h1>OK</h1>", "", "\xff"):
            with http.use_transport(httpx.MockTransport(lambda request, said=said: httpx.Response(200, text=said))):
                config = WebhookConfig(ADDRESS, ANOTHER)
                published = WebhookPlatform().commit(config, {}, a_post(), {})
            assert published.remote_id.startswith("msg_")
            assert published.permalink == ""

    def test_a_thread_hangs_together(self, stage: Stage, server: WebhookServer) -> None:
        first = stage.publish(a_post("Først"))
        second = stage.publish(a_post("Så", key="2", reply_to=first.remote_id, thread_root=first.remote_id))
        stage.publish(a_post("Sidst", key="3", reply_to=second.remote_id, thread_root=first.remote_id))
        assert [post.reply_to for post in server.public()] == ["", "p1", "p2"]
        assert {post.fields["thread_root"] for post in server.public()[1:]} == {"p1"}

    def test_a_correction_and_a_withdrawal_are_told_and_may_be_told_twice(
        self, stage: Stage, server: WebhookServer
    ) -> None:
        published = stage.publish(a_post("Først"))
        for text in ("Rettet", "Først", "Rettet"):
            stage.platform.edit(stage.config, stage.facts, published, a_post(text))
            assert stage.seen()[0].text == text
        for _ in range(2):
            stage.platform.delete(stage.config, stage.facts, published)
        assert stage.seen() == []

    def test_a_correction_without_an_answer_is_tried_again(self, stage: Stage) -> None:
        published = stage.publish(a_post("Først"))
        stage.faults.set("500")
        with pytest.raises(TransientError):
            stage.platform.edit(stage.config, stage.facts, published, a_post("Rettet"))

    def test_a_receiver_that_wants_no_more_is_no_longer_called(self, stage: Stage) -> None:
        stage.faults.set("gone")
        with pytest.raises(AccountError, match="410"):
            stage.publish(a_post())

    def test_a_redirect_is_not_followed(self, stage: Stage, server: WebhookServer) -> None:
        stage.faults.set("moved")
        with pytest.raises(AccountError, match="another address"):
            stage.publish(a_post())
        assert server.calls == ["POST /hook"] * 2

    @pytest.mark.parametrize(
        "address",
        ["", "http://intranet.example.org/hook", "ftp://example.org", "intranet.example.org", "https://[", "https://"],
    )
    def test_an_address_without_https_is_refused(self, stage: Stage, address: str) -> None:
        with pytest.raises(PermanentError, match="must begin with https://"):
            stage.platform.verify(replace(stage.config, address=address))

    @pytest.mark.parametrize(
        "secret", ["", "whsec_", "whsec_tooshort", "whsec_" + "A" * 400, "æ" * 40, "whsec_" + "=" * 44]
    )
    def test_a_secret_that_is_not_whole_is_refused_and_not_told(self, stage: Stage, secret: str) -> None:
        with pytest.raises(AccountError, match="not whole") as refused:
            stage.platform.verify(replace(stage.config, secret=secret))
        assert len(secret) < 10 or secret not in str(refused.value.explanation.as_json())

    def test_a_secret_is_taken_with_and_without_its_mark(self, stage: Stage, server: WebhookServer) -> None:
        bare = server.token.removeprefix("whsec_")
        assert stage.platform.verify(replace(stage.config, secret=f" {bare} ")).name

    def test_both_secrets_sign_while_one_is_being_changed(self, server: WebhookServer) -> None:
        with http.use_transport(in_process(server)):
            stage = staged(server, secret=ANOTHER, old_secret=server.token)
            assert "old secret" in str(stage.platform.verify(stage.config).warnings[0])
            server.secrets = [ANOTHER]
            stage.publish(a_post())
            new = replace(stage.config, old_secret="")
            assert stage.platform.verify(new).warnings == ()

    def test_an_event_has_a_size(self, stage: Stage) -> None:
        with pytest.raises(PermanentError, match="256"):
            stage.publish(a_post("👨‍👩‍👧‍👦" * 6_000))


def test_offered_secrets_are_new_and_whole() -> None:
    assert new_secret() != new_secret()
    assert len(key_of(new_secret())) == 32


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own libraries."""
    made = signatures(
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_on_the_own_network_where_its_port_is_allowed(settings: Any) -> None:
    server = WebhookServer()
    with listening(server) as address:
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({address.removeprefix("http://")})
        stage = staged(server, f"{address}/hook")
        published = stage.publish(a_post())
        assert http.fetch(published.permalink).status == 200
        settings.OPSLAG_ALLOWED_TARGETS = frozenset({"127.0.0.1:1"})
        with pytest.raises(PermanentError, match="https"):
            stage.publish(a_post(key="2"))
    assert len(stage.seen()) == 1


class TestTheWordsForReceivers:
    """docs/webhook.md says what is sent, in code that works."""

    page = (Path(__file__).resolve().parents[2] / "docs" / "webhook.md").read_text()

    @pytest.fixture
    def is_genuine(self) -> Any:
        names: dict[str, Any] = {}
        exec(re.search(r"```python\n(.*?)```", self.page, re.DOTALL)[1], names)  # type: ignore[index]
        return names["is_genuine"]

    def event(self, config: WebhookConfig) -> Request:
        seen: list[Request] = []

        def receive(request: Request) -> Response:
            _ = request.body
            seen.append(request)
            return Response(204)

        handler: Handler = receive
        with http.use_transport(in_process(handler)):
            WebhookPlatform().commit(config, {}, a_post(), {})
        return seen[0]

    def test_the_example_knows_our_events(self, is_genuine: Any) -> None:
        event = self.event(WebhookConfig(ADDRESS, ANOTHER))
        assert is_genuine(ANOTHER, event.headers, event.body)

    def test_the_example_refuses_what_is_not_ours(self, is_genuine: Any) -> None:
        event = self.event(WebhookConfig(ADDRESS, ANOTHER))
        assert not is_genuine(ANOTHER, event.headers, event.body + b" ")
        assert not is_genuine(new_secret(), event.headers, event.body)
        for wrong in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(time.time()) - 301)}):
            assert not is_genuine(ANOTHER, {**event.headers, **wrong}, event.body)

    def test_the_example_knows_both_secrets(self, is_genuine: Any) -> None:
        old = new_secret()
        event = self.event(WebhookConfig(ADDRESS, ANOTHER, old))
        assert all(is_genuine(secret, event.headers, event.body) for secret in (ANOTHER, old))

    def test_the_example_event_has_the_fields_that_we_send(self) -> None:
        shown = json.loads(re.search(r"```json\n(.*?)```", self.page, re.DOTALL)[1])  # type: ignore[index]
        sent = json.loads(self.event(WebhookConfig(ADDRESS, ANOTHER)).body)
        assert list(shown) == list(sent)
        assert list(shown["data"]) == list(sent["data"])
