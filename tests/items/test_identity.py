"""Which entry is which."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.items.identity import (
    MAX_KEY,
    at_site,
    identity_of,
    normalise_link,
    place_of,
    title_key,
    web_address,
    without_tracking,
)
from publisher.sources.contract import Candidate

SAME = [
    "https://kultur.example.org/nyheder/oevelse",
    "http://kultur.example.org/nyheder/oevelse",
    "HTTPS://Kultur.Example.ORG/nyheder/oevelse/",
    "https://kultur.example.org:443/nyheder/oevelse",
    "http://kultur.example.org:80/nyheder/oevelse#kommentarer",
    "https://kultur.example.org/nyheder/oevelse?utm_source=rss&utm_medium=feed",
    "https://kultur.example.org/nyheder/oevelse/?fbclid=abc&gclid=1&mc_cid=2&mc_eid=3",
    "https://kultur.example.org/nyheder/%6Fevelse",
    "  https://kultur.example.org/nyheder/oevelse\n",
    "https://anna:kode@kultur.example.org./nyheder/oevelse?",
    "https://www.kultur.example.org/nyheder/oevelse",
]


@pytest.mark.parametrize("url", SAME)
def test_addresses_of_one_page_have_one_key(url: str) -> None:
    assert normalise_link(url) == "kultur.example.org/nyheder/oevelse"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example.org/x", "https://b.example.org/x"),
        ("https://a.example.org/?p=1", "https://a.example.org/?p=2"),
        ("https://a.example.org:8443/x", "https://a.example.org/x"),
        ("https://a.example.org/x%2Fy", "https://a.example.org/x/y"),
        ("https://a.example.org/Om", "https://a.example.org/om"),
    ],
)
def test_addresses_of_two_pages_have_two_keys(one: str, other: str) -> None:
    assert normalise_link(one) != normalise_link(other)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.rødovre.example/børn og unge", "xn--rdovre-bya.example/b%C3%B8rn%20og%20unge"),
        (
            "https://www.xn--rdovre-bya.example/b%c3%b8rn%20og%20unge",
            "xn--rdovre-bya.example/b%C3%B8rn%20og%20unge",
        ),
        ("https://a.example.org/?b=2&a=1&utm_campaign=x", "a.example.org?a=1&b=2"),
        ("http://[2001:DB8::1]:8080/x", "[2001:db8::1]:8080/x"),
        ("https://a.example.org/100%/x", "a.example.org/100%25/x"),
        ("https://www.dk/x", "www.dk/x"),
        ("https://www.www.example.org/x", "example.org/x"),
    ],
)
def test_keys_are_written_in_one_form(url: str, key: str) -> None:
    assert normalise_link(url) == key


@pytest.mark.parametrize(
    "url", ["", "mailto:a@example.org", "javascript:alert(1)", "/nyheder", "//example.org/x", "https://", "https://a:99999/",
            "https://[x/", "ftp://example.org/x", "https://exa mple.org/", "https://<b>/"],
)  # fmt: skip
def test_what_is_no_web_address_has_no_key(url: str) -> None:
    assert normalise_link(url) == ""
    assert web_address(url) == ""


def test_a_key_fits_its_column() -> None:
    long = "https://example.org/" + "ø" * 400
    assert len(normalise_link(long)) <= MAX_KEY
    assert normalise_link(long) != normalise_link(long + "x")
    assert web_address(long + "x" * 700) == ""


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (
            "https://a.example.org/x?utm_source=rss&b=2&a=1&fbclid=x#c?utm_source=y",
            "https://a.example.org/x?b=2&a=1#c?utm_source=y",
        ),
        ("https://a.example.org/x/?utm_source=rss", "https://a.example.org/x/"),
        ("https://a.example.org/x?p", "https://a.example.org/x?p"),
        ("https://a.example.org/%C3%B8?q=b%20c", "https://a.example.org/%C3%B8?q=b%20c"),
    ],
)
def test_links_that_we_hand_on_do_not_track(url: str, kept: str) -> None:
    assert without_tracking(url) == kept
    assert normalise_link(url) == normalise_link(kept)


PATHS = st.text(st.sampled_from("abAB09-._~/%øæÅ!'();:@&=+,€😀%2F%41"), max_size=40)
LINKS = st.builds(
    "{}://{}{}/{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        [
            "example.org",
            "Kultur.Example.ORG",
            "ærø.example",
            "xn--r-1fa.example",
            "127.0.0.1",
            "[::1]",
            "www.example.org",
            "www.www.dk",
            "www.ærø.example",
        ]
    ),
    st.sampled_from(["", ":80", ":443", ":8000"]),
    PATHS,
    st.one_of(st.just(""), PATHS.map("?{}".format)),
    st.one_of(st.just(""), PATHS.map("#{}".format)),
)


@settings(max_examples=100)
@given(LINKS)
def test_normalising_is_done_once(url: str) -> None:
    key = normalise_link(url)
    assert key
    assert len(key) <= MAX_KEY
    if not key.startswith("sha256:"):
        assert normalise_link(f"https://{key}") == key


@settings(max_examples=100)
@given(LINKS, st.sampled_from(["utm_source", "UTM_Medium", "fbclid", "mc_eid", "gclid"]), st.text("abc1", max_size=5))
def test_tracking_parameters_change_nothing(url: str, name: str, value: str) -> None:
    page, hash_mark, fragment = url.partition("#")
    tracked = page + ("&" if "?" in page else "?") + f"{name}={value}" + hash_mark + fragment
    assert normalise_link(tracked) == normalise_link(url)


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_anything_at_all_has_a_key_or_none(text: str) -> None:
    assert len(normalise_link(text)) <= MAX_KEY
    assert 0 < len(identity_of(Candidate(text, text, text))) <= MAX_KEY


WHOLE = Candidate(
    "guid-1", "Åben øvelse", "https://example.org/a?utm_source=x", published_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def test_a_guid_goes_before_the_link_and_the_link_before_the_content() -> None:
    assert identity_of(WHOLE) == "guid-1"
    assert identity_of(replace(WHOLE, external_key=" ")) == "example.org/a"
    bare = replace(WHOLE, external_key="", link="")
    assert identity_of(bare).startswith("sha256:")
    assert identity_of(bare) != identity_of(replace(bare, title="Åben øvelse i aften"))
    assert identity_of(bare) != identity_of(replace(bare, published_at=None))


def test_identity_by_content_does_not_depend_on_how_it_is_written() -> None:
    bare = replace(WHOLE, external_key="", link="")
    zoned = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert identity_of(bare) == identity_of(replace(bare, title="A\u030aben  øvelse ", published_at=zoned))


def test_a_headline_is_the_same_however_it_is_written() -> None:
    assert title_key("Åbent  hus – på Ærø!") == title_key("A\u030aBENT HUS: på ærø")
    assert title_key("Åbent hus") != title_key("Åbent hus i dag")
    assert title_key(" – ") == ""


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("cms.example.org", "cms.example.org"),
        (" http://CMS.example.org:8080/forside?x ", "cms.example.org:8080"),
        ("www.example.org", "example.org"),
        ("127.0.0.1:8099", "127.0.0.1:8099"),
        ("https://ærø.example/", "xn--r-3fa9c.example"),
        ("ikke en adresse", ""),
        ("ftp://example.org", ""),
        ("", ""),
    ],
)
def test_a_website_may_be_named_as_people_type_it(typed: str, place: str) -> None:
    assert place_of(typed) == place


def test_a_link_is_written_at_the_address_that_readers_know() -> None:
    sites = {"127.0.0.1:8099": "https://kultur.example.org"}
    assert at_site("http://127.0.0.1:8099/a/ø?b=1#c", sites) == "https://kultur.example.org/a/ø?b=1#c"
    assert at_site("http://127.0.0.1:8099", sites) == "https://kultur.example.org"
    assert at_site("http://127.0.0.1:8098/a", sites) == "http://127.0.0.1:8098/a"
    assert at_site("", sites) == ""
