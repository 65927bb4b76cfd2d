"""Which server is it, and what does it take: from the answers that the kinds of server give, good and bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from publisher import http
from publisher.errors import TransientError
from publisher.platforms.mastodon_server import limits_of, server_facts
from tests.contract.wire import Handler, Request, Response, answer, in_process, page

ORIGIN = "https://m.example.org"
OURS = f"{ORIGIN}/nodeinfo/2.0"


def serving(answers: Mapping[str, Any]) -> Handler:
    """A server with these JSON answers by path; everything else is a 404 page."""

    def handle(request: Request) -> Response:
        content = answers.get(request.path)
        return page("<h1>Not found</h1>", 404) if content is None else answer(content)

    return handle


def facts_of(answers: Mapping[str, Any]) -> dict[str, Any]:
    with http.use_transport(in_process(serving(answers))):
        return server_facts(ORIGIN)


def nodeinfo(name: str, href: str = OURS) -> dict[str, Any]:
    return {
        "/.well-known/nodeinfo": {"links": [{"rel": "…", "href": href}]},
        "/nodeinfo/2.0": {"software": {"name": name}},
    }


@pytest.mark.parametrize(
    ("version", "source_url", "nodeinfo_name", "software", "honours_key"),
    [
        ("4.5.2", "https://github.com/mastodon/mastodon", "", "mastodon", True),
        ("4.4.0+glitch", "https://github.com/glitch-soc/mastodon", "mastodon", "mastodon", True),
        ("4.3.1", "", "", "unknown", False),
        ("0.19.1+git-53ee8ef", "https://codeberg.org/superseriousbusiness/gotosocial", "", "gotosocial", False),
        ("0.11.0", "", "takahe", "takahe", False),
        ("2.7.2 (compatible; Pleroma 2.9.1)", "", "", "pleroma", True),
        ("2.7.2 (compatible; Akkoma 3.13.2)", "https://akkoma.dev/AkkomaGang/akkoma", "", "unknown", False),
        # A server that says it only resembles Mastodon is believed, whatever source it names.
        ("4.2.1 (compatible; Sharkey 2025.4)", "https://github.com/mastodon/mastodon", "mastodon", "unknown", False),
        ("3.5.3 (compatible; Pixelfed 0.12.5)", "", "", "pixelfed", False),
        ("4.3.0", "https://github.com/fedify-dev/hollo", "", "hollo", True),
    ],
)
def test_the_kind_of_server(
    version: str, source_url: str, nodeinfo_name: str, software: str, honours_key: bool
) -> None:
    instance = {"/api/v2/instance": {"version": version, "source_url": source_url}}
    facts = facts_of(instance | (nodeinfo(nodeinfo_name) if nodeinfo_name else {}))
    assert (facts["software"], facts["honours_key"]) == (software, honours_key)


@pytest.mark.parametrize(
    "said",
    [
        {"/.well-known/nodeinfo": {"links": "none"}},
        {"/.well-known/nodeinfo": {"links": ["none", {"href": 7}]}},
        {"/.well-known/nodeinfo": {"links": [{"href": OURS}]}, "/nodeinfo/2.0": {"software": "mastodon"}},
        nodeinfo("mastodon", href="https://elsewhere.example.org/nodeinfo/2.0"),
        nodeinfo("mastodon", href=f"{ORIGIN}.example.com/nodeinfo/2.0"),
    ],
)
def test_useless_nodeinfo_is_no_kind(said: dict[str, Any]) -> None:
    assert facts_of({"/api/v2/instance": {"version": "1"}} | said)["software"] == "unknown"


def test_an_old_server_without_configuration() -> None:
    old = {"uri": "https://old.example.org", "version": "2.4.0", "max_toot_chars": 1000, "description_limit": 420}
    facts = facts_of({"/api/v1/instance": old})
    assert facts["domain"] == "https://old.example.org"
    limits = limits_of(facts)
    assert (limits.text, limits.alt_text, limits.pictures) == (1000, 420, 4)
    assert limits.picture_types == ("image/jpeg", "image/png")


def test_nonsense_limits_are_left_out() -> None:
    told = {
        "statuses": {"max_characters": "many", "max_media_attachments": 0, "characters_reserved_per_url": 0},
        "media_attachments": {"supported_mime_types": "all", "image_size_limit": True, "description_limit": None},
    }
    facts = facts_of({"/api/v2/instance": {"configuration": told}})
    assert facts["url_length"] == 0
    limits = limits_of(facts)
    assert (limits.text, limits.pictures, limits.alt_text, limits.picture_bytes) == (500, 4, 1500, 8_000_000)


def test_no_instance_answer_at_all_is_tried_again() -> None:
    welcome = in_process(lambda request: page("<h1>Back soon</h1>"))
    with http.use_transport(welcome), pytest.raises(TransientError):
        server_facts(ORIGIN)
