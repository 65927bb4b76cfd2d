"""The text of a post: links stand out, everything else stays text."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.templatetags.posts import post_text


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Se https://kultur.example.org/a?b=1.", "Se <span>https://kultur.example.org/a?b=1</span>."),
        ("(https://kultur.example.org/a)", "(<span>https://kultur.example.org/a</span>)"),
        ("#ungekultur i byen", "<span>#ungekultur</span> i byen"),
        ("fra @kultur@social.example.org.", "fra <span>@kultur@social.example.org</span>."),
        ("skriv til kontor@kultur.example.org", "skriv til kontor@kultur.example.org"),
        ("C# & <b>", "C# &amp; &lt;b&gt;"),
    ],
)
def test_what_stands_out(text: str, drawn: str) -> None:
    assert post_text(text) == drawn


def test_addresses_can_be_real_links() -> None:
    assert post_text('https://a.example.org/"x', live=True) == (
        '<a href="https://a.example.org/" rel="nofollow noopener">https://a.example.org/</a>&quot;x'
    )


@settings(max_examples=100)
@given(st.text(alphabet="aå#@./:<>&\"' \n\thtps", max_size=60))
def test_nothing_of_the_text_is_lost_and_nothing_becomes_markup(text: str) -> None:
    drawn = post_text(text, live=True)
    assert html.unescape(re.sub(r"</?(a|span)\b[^>]*>", "", drawn)) == text


def test_addresses_are_as_short_as_the_platform_shows_them() -> None:
    text = "Se https://www.kultur.example.org/nyheder/ny-kulturaftale."
    assert post_text(text, "mastodon") == "Se <span>https://www.kultur.example.org/nyheder/ny-kulturaftale</span>."
    assert post_text(text, "bluesky") == "Se <span>www.kultur.example.org/nyheder/ny-k…</span>."
    assert post_text(text, "bluesky", live=True) == (
        'Se <a href="https://www.kultur.example.org/nyheder/ny-kulturaftale" rel="nofollow noopener">'
        "www.kultur.example.org/nyheder/ny-k…</a>."
    )
