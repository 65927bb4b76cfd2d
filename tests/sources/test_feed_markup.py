"""Plain text and named feed out of markup that may be anything."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from publisher.sources.feed_markup import pixels, plain_text, web_address, with_absolute_addresses
from publisher.sources.feed_pages import named_feeds

BASE = "https://havnby.example.org/nyt/sti"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Kaffe, kage &amp; debat", "Kaffe, kage & debat"),
        ("Kaffe & kage", "Kaffe & kage"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("<p>Et</p><p>to</p>", "Et to"),
        ("F<b>i</b>sk", "Fisk"),
        ("Et<br/>to<br>tre", "Et to tre"),
        ("1 < 2 og 3 > 2, <3", "1 < 2 og 3 > 2, <3"),
        ("&lt;p&gt;Dobbelt&lt;/p&gt;", "Dobbelt"),
        ("<style>p{}</style>Ud <script>alert('<p>')</script>i byen", "Ud i byen"),
        ("Før<!-- <b>skjult</b> -->efter", "Før efter"),
        ("Før <script>resten er væk", "Før"),
        ("  meget \n\t luft\u00a0her ", "meget luft her"),
        ("a\u030a", "å"),
        ("\ud800x\x00y\u202ez", "xyz"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
    ],
)
def test_plain_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@given(strategies.text(alphabet="<>/!-&;\"' =apbimgscrt\n", max_size=200))
def test_plain_text_never_fails_and_settles(markup: str) -> None:
    text = plain_text(markup)
    assert text == " ".join(text.split())
    assert "<script>" not in text
    named_feeds(markup, BASE)
    with_absolute_addresses(markup, BASE)


@pytest.mark.parametrize(
    "hostile",
    ["<" * 500_000, "<a" * 300_000, "<a " * 300_000, "<!--" * 200_000, "<script>" * 100_000, "<img src='" * 100_000,
     "<" + "a" * 500_000, "<a " + "b" * 500_000 + ">", "<div>" * 200_000, "&" * 500_000, "<img " + "a=" * 300_000 + ">",
     "<img " + "a " * 300_000 + ">", "<figure><img src=/a.png>" * 30_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_markup_is_read_in_one_pass(hostile: str) -> None:
    """A quadratic reader would need minutes for these."""
    plain_text(hostile)
    named_feeds(hostile, BASE)
    with_absolute_addresses(hostile, BASE)


@pytest.mark.parametrize(
    ("markup", "whole"),
    [
        ('<a class=x href="/kort?a=1&amp;b=2">', '<a class=x href="https://havnby.example.org/kort?a=1&amp;b=2">'),
        ("<img src='../bro.jpg'>", '<img src="https://havnby.example.org/bro.jpg">'),
        ("<a href=side>", '<a href="https://havnby.example.org/nyt/side">'),
        ('<a href="//x.example.org/">', '<a href="https://x.example.org/">'),
        ('<a href="https://x.example.org/">', '<a href="https://x.example.org/">'),
        ('<a href="#top"><a href="mailto:a@example.org">', '<a href="#top"><a href="mailto:a@example.org">'),
        ('skriv href="/x" i koden', 'skriv href="/x" i koden'),
    ],
)
def test_addresses_become_whole(markup: str, whole: str) -> None:
    assert with_absolute_addresses(markup, BASE) == whole


@pytest.mark.parametrize(
    ("address", "absolute"),
    [
        ("/a b", "https://havnby.example.org/a b"),
        (" https://x.example.org/ ", "https://x.example.org/"),
        ("//x.example.org/a", "https://x.example.org/a"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("mailto:a@example.org", ""),
        ("http://", ""),
        ("http://[", ""),
    ],
)
def test_only_web_addresses_become_links(address: str, absolute: str) -> None:
    assert web_address(address, BASE) == absolute


@pytest.mark.parametrize(
    ("value", "number"), [("640", 640), (" 640px ", 640), ("640.5", 640), ("50%", 0), ("auto", 0), ("", 0), ("-1", 0)]
)
def test_sizes_in_pixels(value: str, number: int) -> None:
    assert pixels(value) == number
