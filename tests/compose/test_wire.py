"""The wire form, read back with the standard library."""

from __future__ import annotations

import quopri
from email import message_from_string, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publisher.compose.values import one_line
from publisher.compose.wire import Slot, encoded_words, mailbox, quoted_printable, split_at, unstructured, wire_address
from publisher.errors import InputError


def body_text() -> st.SearchStrategy[str]:
    """Text with what lines on the wire are sensitive to."""
    sensitive = st.sampled_from([".", "..", "From ", "\n", "\n.", "=", " ", "\t", "æøå", "🎭", "-" * 80, " \n", "--"])
    return st.lists(sensitive | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)).map("".join)


def encoded(pieces: list[str | Slot], value: str = "VALUE") -> bytes:
    return "".join(value if isinstance(piece, Slot) else piece for piece in quoted_printable(pieces)).encode("ascii")


def check_lines(wire: bytes) -> None:
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    for line in lines:
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert b"\r" not in line and b"\n" not in line


@given(body_text())
@settings(max_examples=100)
@example(".")
@example("x" * 75 + ".From ")
@example(" ")
@example("")
def test_any_text_survives_quoted_printable(text: str) -> None:
    text = text.replace("\r", "")
    wire = encoded([text])
    check_lines(wire)
    decoded = quopri.decodestring(wire).decode().replace("\r\n", "\n")
    assert decoded == (text if text.endswith("\n") else text + "\n")


@given(st.lists(body_text().map(lambda text: text.replace("\r", "")) | st.just("MARK"), max_size=6))
@settings(max_examples=100)
def test_a_value_stands_on_a_line_of_its_own_and_reads_as_if_it_had_been_there(texts: list[str]) -> None:
    whole = "".join(texts)
    pieces = split_at(whole, {"MARK": Slot("token")})
    wire = encoded(pieces, "V" * 22)
    check_lines(wire)
    meant = whole.replace("MARK", "V" * 22)
    assert quopri.decodestring(wire).decode().replace("\r\n", "\n") == (meant if meant.endswith("\n") else meant + "\n")
    assert wire.count(b"V" * 22 + b"\r\n") + wire.count(b"V" * 22 + b"=\r\n") == whole.count("MARK")


@given(st.lists(body_text().map(lambda text: text.replace("\r", "")) | st.just("MARK"), max_size=6))
@settings(max_examples=100)
@example(["MARK", "MARK"])
@example(["x" * 75, "MARK", ".From "])
def test_an_optional_value_reads_as_if_it_had_been_there_or_never_could(texts: list[str]) -> None:
    pieces = split_at("".join(texts), {"MARK": Slot("click", optional=True)})
    for value in ("", "/" + "V" * 40):
        wire = encoded(pieces, value and f"{value}=\r\n")
        check_lines(wire)
        assert b"\r\n=\r\n" not in wire
        meant = "".join(texts).replace("MARK", value)
        decoded = quopri.decodestring(wire).decode().replace("\r\n", "\n")
        ended = meant.endswith("\n") and not isinstance(pieces[-1], Slot)
        assert decoded == (meant if ended else meant + "\n")


def test_a_body_cannot_hold_the_boundary() -> None:
    assert b"=_" not in encoded(["--=_opslag_123 =_"])


@given(st.text(max_size=120))
@settings(max_examples=100)
@example("=?utf-8?b?eA==?=")
@example("Ny kulturaftale er underskrevet")
@example("to  mellemrum")
@example("a" * 200)
def test_a_decoded_subject_is_the_subject(text: str) -> None:
    line = unstructured("Subject", text)
    assert line.endswith("\r\n") and all(len(row) <= 78 for row in line.split("\r\n"))
    message = message_from_string(line + "\r\n", policy=policy.default)
    assert message["subject"] == one_line(text)
    assert list(message.keys()) == ["Subject"] and not message.defects


@given(st.text(max_size=120))
@settings(max_examples=100)
@example('Peter "Piphat" Ø, chef')
@example("back\\slash")
@example("<a@b>, c@d")
@example("x" * 120)
def test_a_name_beside_an_address_never_becomes_a_second_address(name: str) -> None:
    line = f"To: {mailbox(name, 'anna@example.org')}\r\n"
    assert all(len(row) <= 200 for row in line.split("\r\n"))
    message = message_from_string(line + "\r\n", policy=policy.default)
    assert [address.addr_spec for address in message["to"].addresses] == ["anna@example.org"]
    # RFC 2047 §6.2: the space between encoded words is no part of the text; the new policy keeps it in names.
    shown, _address = parseaddr(str(message_from_string(line + "\r\n")["to"]).replace("\r\n", ""))
    assert str(make_header(decode_header(shown))) == one_line(name)


def test_encoded_words_are_cut_between_characters() -> None:
    words = encoded_words("æ" * 100).split("\r\n ")
    assert len(words) > 1 and all(len(word) <= 75 for word in words)


@pytest.mark.parametrize(
    ("address", "ready"),
    [
        ("nyt@kultur.example.org", "nyt@kultur.example.org"),
        (" nyt@rødovre.example ", "nyt@xn--rdovre-bya.example"),
        ("a.b+c@example.org", "a.b+c@example.org"),
    ],
)
def test_addresses_are_made_ready_for_headers(address: str, ready: str) -> None:
    assert wire_address(address) == ready


@pytest.mark.parametrize(
    "address", ["", "anna", "æ@example.org", "a b@example.org", "a@b.dk,c@d.dk", "a@b\r\nBcc: c@d", ".a@b.dk", "a@"]
)
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(InputError, match=r"mail address|mailadresse"):
        wire_address(address)
