"""Values from outside: what stays, what goes, and how they are written into attributes."""

from __future__ import annotations

import html
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjml import mjml2html

from publisher.compose.values import in_attribute, is_web_address, many_lines, one_line, shorten
from tests.compose.reading import read_html


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("Æblegrød\r\npå  Ærø\t!", "Æblegrød på Ærø !"),
        ("a\u2028b\u2029c\u0085d", "a b c d"),
        ("20\u00a0kr. og blød\u00adhed", "20\u00a0kr. og blød\u00adhed"),
        ("\ud800lone\x00 half\x1b", "lone half"),
        ("👩\u200d👩\u200d👧 e\u0308", "👩\u200d👩\u200d👧 e\u0308"),
    ],
)
def test_one_line_keeps_what_is_text_and_drops_what_cannot_be_printed(given_text: str, kept: str) -> None:
    assert one_line(given_text) == kept


def test_many_lines_have_one_kind_of_line_end() -> None:
    assert many_lines("a\r\nb\rc\u2028d\x00") == "a\nb\nc\nd"


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_an_attribute_means_the_same_after_mjml_and_cannot_end_early(text: str) -> None:
    value = in_attribute(text)
    assert value.isascii() and not set("\"'<>`{}\\\n") & set(value)
    wanted = one_line(unicodedata.normalize("NFC", text))
    assert html.unescape(value) == wanted or any(unicodedata.category(c) == "Cn" for c in wanted)
    image = f'<mj-image alt="{value}" src="x"/>'
    mjml = f"<mjml><mj-body><mj-section><mj-column>{image}</mj-column></mj-section></mj-body></mjml>"
    assert f'alt="{value}"' in mjml2html(mjml, fonts={})


def test_what_mjml_itself_would_garble_arrives_intact() -> None:
    hostile = 'A "quote" \' {{ x }} \u00a0 \u00ad \\ <script>alert(1)</script> u\u0308 \u200d \u202f'
    mjml = (
        "<mjml><mj-body><mj-section><mj-column>"
        f'<mj-image src="x" alt="{in_attribute(hostile)}"/>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    page = read_html(mjml2html(mjml, fonts={}))
    assert page.pictures[0]["alt"] == unicodedata.normalize("NFC", hostile)
    assert "script" not in page.tags


def test_shorten_cuts_between_words() -> None:
    assert shorten("Åben øvelse på Ærø", 30) == "Åben øvelse på Ærø"
    assert shorten("Åben øvelse, på Ærø", 15) == "Åben øvelse…"
    assert shorten("Sammensatteord", 6) == "Samme…"
    assert max(len(shorten("ord " * 50, n)) - n for n in range(1, 60)) <= 0


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("https://kultur.example.org/ø?a=1", True),
        ("http://127.0.0.1:8000/", True),
        ("javascript:alert(1)", False),
        ("/nyheder", False),
        ("https://", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_only_complete_web_addresses_count(link: str, good: bool) -> None:
    assert is_web_address(link) is good
