"""Which addresses can be written to, and when two are the same."""

from __future__ import annotations

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.audience.addresses import address_key, domain_of, normalise_address
from publisher.errors import InputError


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("anna@example.org", "anna@example.org"),
        (" Anna.Hansen+nyt@Example.ORG\n", "Anna.Hansen+nyt@example.org"),
        ("post@rødovre.example", "post@xn--rdovre-bya.example"),
        ("post@RØDOVRE.example", "post@xn--rdovre-bya.example"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("beboer7@bench.test", "beboer7@bench.test"),
    ],
)
def test_an_address_has_one_form(written: str, address: str) -> None:
    assert normalise_address(written) == address
    assert domain_of(address) == address.split("@")[1]


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "anna",
            "anna@",
            "@example.org",
            "anna@kommune",
            "anna@localhost",
            "anna@[192.0.2.1]",
            "anna@-example.org",
        ),
        *("åse@example.org", "a b@example.org", '"a b"@example.org', "a..b@example.org", "anna@example..org"),
        *("a@example.org,b@example.org", "a@example.org b@example.org", "Anna <anna@example.org>", "anna@ex_ample.org"),
        *("anna\n@example.org", "anna@example.org\nBcc: b@example.org"),
        *("a" * 65 + "@example.org", "a@" + "b" * 64 + ".org"),
    ],
)
def test_what_is_not_exactly_one_address_is_refused_in_words(written: str) -> None:
    with pytest.raises(InputError) as caught:
        normalise_address(written)
    assert caught.value.reason == "bad_address"
    assert written.strip()[:20] in str(caught.value)


def test_the_key_is_the_same_for_every_way_to_write_an_address() -> None:
    key = address_key("anna@xn--rdovre-bya.example")
    assert key == address_key(" ANNA@Rødovre.Example ")
    assert key != address_key("anne@rødovre.example")
    assert len(key) == 64
    assert "anna" not in key


def test_the_key_is_worth_nothing_without_ours() -> None:
    ours = address_key("anna@example.org")
    with override_settings(OPSLAG_ADDRESS_KEY="another"):
        assert address_key("anna@example.org") != ours


@settings(max_examples=100)
@given(st.one_of(st.emails(), st.text(max_size=40)))
def test_an_address_is_normalised_once_or_refused(text: str) -> None:
    try:
        address = normalise_address(text)
    except InputError:
        return
    assert normalise_address(address) == address
    assert address.isascii()
    assert address.count("@") == 1
    assert not set(address) & set(' ,;<>"\r\n\t')
