"""Posts by the addresses that people paste: each platform's own ways of writing them, and whatever else is pasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import InputError
from publisher.platforms import PLATFORMS
from publisher.platforms.bluesky_session import BlueskyConfig
from publisher.platforms.facebook import FacebookConfig
from publisher.platforms.instagram import InstagramConfig
from publisher.platforms.linkedin import LinkedInConfig
from publisher.platforms.mastodon import MastodonConfig
from publisher.platforms.post_address import place_in, resembles
from publisher.platforms.practice import PracticeConfig
from publisher.platforms.telegram import TelegramConfig
from publisher.platforms.threads import ThreadsConfig
from publisher.platforms.webhook import WebhookConfig
from publisher.platforms.x import XConfig

DID, RKEY = "did:plc:abcdefghijklmnopqrstuvwx", "3kabcdefghi2x"
CHANNELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "mastodon": (MastodonConfig("https://social.example.org/", "t"), {"domain": "example.org"}),
    "bluesky": (BlueskyConfig("@Kultur.bsky.social", "p", did=DID), {"handle": "kultur.bsky.social"}),
    "facebook": (FacebookConfig("t", page_id="1111"), {"page_id": "1111"}),
    "instagram": (InstagramConfig("t"), {}),
    "threads": (ThreadsConfig("t"), {}),
    "linkedin": (LinkedInConfig("urn:li:organization:1", "t"), {}),
    "x": (XConfig("t"), {"username": "kultur"}),
    "telegram": (TelegramConfig("@kultur", "t"), {"chat_id": "-1001234567890", "username": "Kultur"}),
    "practice": (PracticeConfig("proeve", "t"), {}),
    "webhook": (WebhookConfig("https://hooks.example.org/", "s"), {}),
}


@dataclass(frozen=True)
class Pasted:
    """What was pasted on a channel of a kind, and what it names; None: nothing there, with what the refusal says."""

    kind: str
    address: str
    names: str | None
    says: str = "no address of a post there"

    def __str__(self) -> str:
        return f"{self.kind}: {self.address}"


ELSEWHERE, ANOTHERS = "Open the post on", "on another account"
CASES = [
    Pasted("mastodon", "https://social.example.org/@kultur/113456", "113456"),
    Pasted("mastodon", " social.example.org/@kultur/113456/embed ", "113456"),
    Pasted("mastodon", "https://EXAMPLE.org/@kultur/113456?x=1#y", "113456"),
    Pasted("mastodon", "https://social.example.org/web/@kultur/113456", "113456"),
    Pasted("mastodon", "https://social.example.org/deck/statuses/113456", "113456"),
    Pasted("mastodon", "https://social.example.org/users/kultur/statuses/113456", "113456"),
    Pasted("mastodon", "https://social.example.org/ap/users/11/statuses/113456", "113456"),
    Pasted(
        "mastodon",
        "https://social.example.org/@kultur/statuses/01HZX0000000000000000000AB",
        "01HZX0000000000000000000AB",
    ),
    Pasted("mastodon", "https://social.example.org/notice/AXyz9abc", "AXyz9abc"),
    Pasted("mastodon", "https://social.example.org/p/kultur/6123", "6123"),
    Pasted("mastodon", "https://social.example.org/@kultur/posts/9321/", "9321"),
    Pasted(
        "mastodon",
        "https://social.example.org/@kultur/018f3f10-0000-7000-8000-0123456789ab",
        "018f3f10-0000-7000-8000-0123456789ab",
    ),
    Pasted("mastodon", "https://other.example/@kultur@social.example.org/99", None, ELSEWHERE),
    Pasted("mastodon", "https://social.example.org/@kultur", None),
    Pasted("mastodon", "https://social.example.org/@kultur/followers", None),
    Pasted("mastodon", "https://social.example.org/@kultur/..%2Fapps1", None),
    Pasted(
        "bluesky", f"https://bsky.app/profile/kultur.bsky.social/post/{RKEY}", f"at://{DID}/app.bsky.feed.post/{RKEY}"
    ),
    Pasted("bluesky", f"bsky.app/profile/{DID}/post/{RKEY}", f"at://{DID}/app.bsky.feed.post/{RKEY}"),
    Pasted("bluesky", f"at://{DID}/app.bsky.feed.post/{RKEY}", f"at://{DID}/app.bsky.feed.post/{RKEY}"),
    Pasted("bluesky", f"https://bsky.app/profile/other.bsky.social/post/{RKEY}", None, ANOTHERS),
    Pasted("bluesky", f"https://bsky.app/profile/kultur.bsky.social/feed/{RKEY}", None),
    Pasted("bluesky", "https://bsky.app/profile/kultur.bsky.social/post/..", None),
    Pasted("facebook", "https://www.facebook.com/koegebib/posts/122123456789", "122123456789"),
    Pasted("facebook", "https://da-dk.facebook.com/koegebib/posts/aaben-oevelse/122123456789/", "122123456789"),
    Pasted("facebook", "https://m.facebook.com/story.php?story_fbid=122123456789&id=1111", "122123456789"),
    Pasted("facebook", "facebook.com/permalink.php?story_fbid=pfbid02AbCdEfGh&id=1111", "pfbid02AbCdEfGh"),
    Pasted("facebook", "https://www.facebook.com/koegebib/posts/pfbid02AbCdEfGh?locale=da_DK", "pfbid02AbCdEfGh"),
    Pasted("facebook", "https://www.facebook.com/photo/?fbid=122123456789&set=a.1", "122123456789"),
    Pasted("facebook", "https://www.facebook.com/1111_122123456789", "122123456789"),
    Pasted("facebook", "https://www.facebook.com/share/p/1AbCdEf/", None),
    Pasted("facebook", "https://www.facebook.com/koegebib", None),
    Pasted("facebook", "https://facebook.com.example.org/koegebib/posts/122123456789", None),
    Pasted("instagram", "https://www.instagram.com/p/C9xYz-1_bCd/?igsh=abc", "C9xYz-1_bCd"),
    Pasted("instagram", "instagram.com/koegebib/reel/C9xYz12AbCd", "C9xYz12AbCd"),
    Pasted("instagram", "https://www.instagram.com/koegebib/", None),
    Pasted("threads", "https://www.threads.net/@koegebib/post/C9xYz12AbCd", "C9xYz12AbCd"),
    Pasted("threads", "https://www.threads.com/t/C9xYz12AbCd", "C9xYz12AbCd"),
    Pasted("threads", "https://www.threads.com/@koegebib", None),
    Pasted("linkedin", "https://www.linkedin.com/feed/update/urn:li:share:712345/", "urn:li:share:712345"),
    Pasted("linkedin", "linkedin.com/feed/update/urn%3Ali%3Aactivity%3A712345", "urn:li:activity:712345"),
    Pasted("linkedin", "https://dk.linkedin.com/posts/koege_aaben-ugcPost-712345-aB1c", "urn:li:ugcPost:712345"),
    Pasted("linkedin", "https://www.linkedin.com/posts/koege_activity-712345", None),
    Pasted("linkedin", "https://www.linkedin.com/posts/koege_x-activity-712345-aB1c?u=1", "urn:li:activity:712345"),
    Pasted("linkedin", "https://www.linkedin.com/company/koege", None),
    Pasted("x", "https://x.com/kultur/status/18123", "18123"),
    Pasted("x", "mobile.twitter.com/kultur/statuses/18123/photo/1?s=20", "18123"),
    Pasted("x", "https://x.com/i/web/status/18123", "18123"),
    Pasted("x", "https://x.com/kultur", None),
    Pasted("x", "https://ax.com/kultur/status/18123", None),
    Pasted("telegram", "https://t.me/kultur/123", "123"),
    Pasted("telegram", "t.me/s/KULTUR/123", "123"),
    Pasted("telegram", "https://t.me/c/1234567890/123", "123"),
    Pasted("telegram", "https://t.me/c/99/123", None, ANOTHERS),
    Pasted("telegram", "https://t.me/andre/123", None, ANOTHERS),
    Pasted("telegram", "https://t.me/kultur/123?single", None, "one picture of several"),
    Pasted("telegram", "https://t.me/kultur/123?comment=4", None),
    Pasted("telegram", "https://t.me/kultur", None),
    Pasted("practice", "https://opslag.test/practice/proeve/posts/7", "7"),
    Pasted("practice", "https://opslag.test/practice/anden/posts/7", None, ANOTHERS),
    Pasted("practice", "https://opslag.test/practice/proeve/", None),
    Pasted("webhook", "https://hooks.example.org/1", None),
]


def named(kind: str, address: str) -> str:
    config, facts = CHANNELS[kind]
    return PLATFORMS[kind].remote_id_of(address, config, facts)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_an_address_names(case: Pasted, settings: Any) -> None:
    settings.OPSLAG_BASE_URL = "https://opslag.test"
    if case.names is not None:
        assert named(case.kind, case.address) == case.names
        return
    with pytest.raises(InputError) as refused:
        named(case.kind, case.address)
    assert case.says in refused.value.explanation.msgid


def test_every_platform_is_here_and_gives_an_example_of_its_own() -> None:
    assert set(CHANNELS) == set(PLATFORMS)
    for kind, platform in PLATFORMS.items():
        assert (kind == "webhook") == (platform.address_example == "")
        # It stands in one line on a phone.
        assert len(platform.address_example) <= 44


HOSTS = [
    "social.example.org",
    "bsky.app",
    "facebook.com",
    "instagram.com",
    "threads.net",
    "linkedin.com",
    "x.com",
    "t.me",
]
PIECES = st.sampled_from(
    ["@kultur", "status", "post", "posts", "p", "profile", DID, RKEY, "c", "s", "1", "²", "..", "%2e%2e", "%ff", "feed",
     "update", "urn:li:share:1", "-activity-", "[", "story.php", "statuses", ""]
)  # fmt: skip
LIKE_ADDRESSES = st.builds(
    lambda scheme, host, path, query: f"{scheme}{host}/{'/'.join(path)}{query}",
    st.sampled_from(["", "https://", "http://", "ftp://", "//", "at://", "https://user:pw@"]),
    st.sampled_from([*HOSTS, "[::1", "x.com:99999", "x.com:", "", "ø.dk"]),
    st.lists(PIECES | st.text(max_size=8), max_size=6),
    st.sampled_from(["", "?fbid=1", "?story_fbid=" + "9" * 30, "?" + "&".join(["a=1"] * 60), "?=%", "#x", "?single"]),
)


@given(address=st.text(max_size=120) | LIKE_ADDRESSES)
def test_whatever_is_pasted_names_something_short_or_is_refused_in_words(address: str) -> None:
    for kind in CHANNELS:
        try:
            found = named(kind, address)
        except InputError as error:
            assert str(error)
        else:
            assert 0 < len(found) <= 300 and found == found.strip() and "/.." not in found


@given(address=st.text(max_size=120) | LIKE_ADDRESSES)
def test_the_parts_of_an_address_never_raise(address: str) -> None:
    place = place_in(address)
    assert place is None or (place.host and "" not in place.path)


def test_an_address_longer_than_any_is_none() -> None:
    assert place_in("https://x.com/" + "a" * 3000) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "alike"),
    [
        ("Åben øvelse på Ærø – kom & hør", "ÅBEN ØVELSE på Ærø, kom og hør! https://t.co/1", True),
        ("Åben øvelse på Ærø – kom & hør", "Nyt fra biblioteket: læs en bog", False),
        ("Åben øvelse", "", True),
        ("🎻", "Noget andet", True),
        ("Koncert i dag https://a.example/noget", "Teater i morgen https://a.example/noget", False),
    ],
)
def test_what_may_be_ours_by_its_words(ours: str, theirs: str, alike: bool) -> None:
    assert resembles(ours, theirs) is alike
