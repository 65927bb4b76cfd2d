"""Signed envelope senders: each names one delivery, survives mail servers, and cannot be made up."""

from __future__ import annotations

import os
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from publisher.compose.return_path import (
    delivery_of_address,
    is_unsubscribe_mailbox,
    return_addresses,
    unsubscribe_mailbox,
)
from publisher.settings import _bounce_address, env

TEMPLATES = ["bounce+{token}@nyt.example.org", "b-{token}@Bounce.Example.Org", "{token}@retur.example.org"]
NUMBERS = st.integers(1, 2**60 - 1)


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest, settings: pytest.FixtureRequest) -> str:
    settings.OPSLAG_BOUNCE_ADDRESS = request.param
    return str(request.param)


def test_each_delivery_is_found_again_in_upper_and_lower_case(template: str) -> None:
    @given(NUMBERS)
    def check(number: int) -> None:
        address = return_addresses([number])[number]
        for way in (address, address.upper(), address.lower(), f"<{address}>", f" {address} "):
            assert delivery_of_address(way) == number
        assert len(address.partition("@")[0]) <= 64 and address.isascii()

    check()


def test_nothing_else_names_a_delivery(template: str) -> None:
    @given(st.one_of(st.text(max_size=60), st.from_regex(r"\A[0-9a-f]{17,31}\Z")))
    def check(token: str) -> None:
        assert delivery_of_address(template.replace("{token}", token)) is None

    check()


def test_another_numbers_signature_is_refused(template: str) -> None:
    @given(NUMBERS, NUMBERS)
    def check(one: int, other: int) -> None:
        if one == other:
            return
        before, _, after = template.partition("{token}")
        signature = return_addresses([one])[one].removeprefix(before).removesuffix(after)[-16:]
        assert delivery_of_address(f"{before}{other:x}{signature}{after}") is None

    check()


@pytest.mark.parametrize(
    "address",
    ["b+{token}@x.dk\r\nBcc: a@b.dk", "b\n+{token}@x.dk", "b+{token}@x\0.dk", "b+{token}@x .dk", "b+{token}@x>.dk"],
)
def test_an_address_that_could_be_a_line_of_its_own_stops_the_start(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "OPSLAG_BOUNCE_ADDRESS", "b+{token}@x.dk")
    assert _bounce_address("OPSLAG_BOUNCE_ADDRESS") == "b+{token}@x.dk"
    # The real environment takes no NUL.
    monkeypatch.setattr(env, "str", lambda *_names, **_options: address)
    with pytest.raises(ImproperlyConfigured, match="must look like"):
        _bounce_address("OPSLAG_BOUNCE_ADDRESS")


def test_with_another_secret_nothing_is_known_again(template: str, settings: pytest.FixtureRequest) -> None:
    address = return_addresses([17])[17]
    settings.SECRET_KEY = "another" * 10
    assert delivery_of_address(address) is None


def test_without_the_setting_there_are_none(settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_BOUNCE_ADDRESS = ""
    assert return_addresses([1, 2]) == {}
    assert delivery_of_address("bounce+1@nyt.example.org") is None
    assert unsubscribe_mailbox() == "" and not is_unsubscribe_mailbox("")


def test_the_address_to_unsubscribe_is_no_deliverys(template: str, settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_INBOUND_IMAP_URL = ""
    assert unsubscribe_mailbox() == "", "nobody would read it"
    settings.OPSLAG_INBOUND_IMAP_URL = "imaps://a:b@mail.example.org"
    address = unsubscribe_mailbox()
    assert is_unsubscribe_mailbox(address.upper()) and delivery_of_address(address) is None


def test_it_costs_next_to_nothing(settings: pytest.FixtureRequest) -> None:
    settings.OPSLAG_BOUNCE_ADDRESS = TEMPLATES[0]
    numbers = range(10**7, 10**7 + 500)

    def once() -> float:
        began = time.process_time()
        return_addresses(numbers)
        return (time.process_time() - began) / len(numbers)

    assert min(once() for _ in range(50)) < 4e-6, "2 µs a letter, with room for a busy machine"
