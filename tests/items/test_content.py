"""Unsafe HTML in, a small safe subset out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.items.content import MAX_DEPTH, MAX_HTML, clean_html, excerpt, lead_before, one_line, plain_text, tidy

ALLOWED = {"p", "br", "strong", "em", "b", "i", "u", "ul", "ol", "li", "a", "h2", "h3", "blockquote"}


class Auditor(HTMLParser):
    """Reads cleaned HTML with another parser than the one that cleaned it, and notes all it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.depth = self.deepest = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(f"{tag}.{name}" for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.depth += tag != "br"
        self.deepest = max(self.deepest, self.depth)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1


def audit(html: str) -> Auditor:
    auditor = Auditor()
    auditor.feed(html)
    assert auditor.tags <= ALLOWED, html
    assert auditor.attributes <= {"a.href", "a.rel"}, html
    for link in auditor.links:
        assert re.match(r"(?i)(https?|mailto|tel):", link), html
    return auditor


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("Onlineseminar &amp; debat", "<p>Onlineseminar &amp; debat</p>"),
        ("<div>En</div><div>To</div>", "<p>En</p><p>To</p>"),
        ("En<br><br/>To<br>tre", "<p>En</p><p>To<br>tre</p>"),
        ("<h1>Stor</h1><h4>Lille</h4><p>x</p>", "<h2>Stor</h2><h3>Lille</h3><p>x</p>"),
        ("<p>&nbsp;</p><p> </p><p>x</p><p></p>", "<p>x</p>"),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<figure><img src=x><figcaption>Foto: A</figcaption></figure><p>x<img src=y></p>", "<p>x</p>"),
        ("<table><tr><th>Tid</th><td>kl. 8</td></tr></table>", "<p>Tid kl. 8</p>"),
        ("<script>ond()</script><style>p{}</style><p onclick=ond()>x</p>", "<p>x</p>"),
        ('<p><a href="javascript:ond()">x</a> <a href="JAVA\tSCRIPT:ond()">y</a></p>', "<p>x y</p>"),
        ("<p>a\x00b&#0;c\x1b</p>", "<p>ab\ufffdc</p>"),
        ("", ""),
        ("<!-- kun en kommentar -->", ""),
    ],
)
def test_cleaning(html: str, cleaned: str) -> None:
    assert clean_html(html) == cleaned


def test_relative_links_start_at_the_page() -> None:
    base = "https://kultur.example.org/nyheder/oevelse"
    cleaned = clean_html('<a href="/om">1</a> <a href="kort">2</a> <a href="//example.org/x">3</a>', base)
    assert audit(cleaned).links == [
        "https://kultur.example.org/om", "https://kultur.example.org/nyheder/kort", "https://example.org/x",
    ]  # fmt: skip


@pytest.mark.parametrize("base", ["", "javascript:alert(1)", "ikke en adresse", "https://[", "data:text/html,x"])
def test_relative_links_without_a_page_lose_their_target(base: str) -> None:
    assert clean_html('<p><a href="/om">Om</a> <a href="https://example.org/">x</a></p>', base) == (
        '<p>Om <a href="https://example.org/" rel="noopener noreferrer">x</a></p>'
    )


HOSTILE = {
    "quotes": "<blockquote>" * 10_000 + "dybt",
    "divisions": "<div>" * 100_000 + "dybt",
    "lists": "<ul><li>a" * 50_000,
    "open formatting": "<p>" + "".join(f"<b class={n}>" for n in range(3000)) + "</p>" + "<p>x</p>" * 3000,
    "brackets": "<" * 300_000,
    "scripts": "<script>" * 60_000,
    "spaces": "<p>" + " " * 400_000 + "x</p>",
    "breaks": "x" + "<br> " * 9_000 + "x",
    "long": "<p>x</p>" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_built_to_exhaust_a_parser_does_not(name: str) -> None:
    cleaned = clean_html(HOSTILE[name])
    assert len(cleaned) <= MAX_HTML
    assert audit(cleaned).deepest <= MAX_DEPTH
    assert clean_html(cleaned) == cleaned
    plain_text(cleaned)


def test_the_words_of_hostile_html_are_kept() -> None:
    assert clean_html(HOSTILE["quotes"]) == "<p>dybt</p>"
    assert clean_html("<div>" * 20_000 + "<script>ond()</script>a &lt;b") == "<p>a &lt;b</p>"


PIECES = """
<p> </p> <b> </b> <i> </i> <a_href='/x'> <a_href="https://example.org/?a=1&b=2"> </a> <div> </div>
<ul> <li> </ul> <table> <tr> <td> </table> <h1> </h4> <blockquote> <br> <br/> <script> </script>
<svg> <style> <math> <mtext> <!-- --> &amp; &lt; <img_src=x_onerror=alert(1)> &lt;script&gt; &nbsp;
&#8203; <a_href='javascript:alert(1)'> <p_onclick=x> <figure> </figure> <form> <select> <option>
<template> <noscript> <title> <plaintext> <isindex> <body_onload=x> <hr> > < " ' x æøå_ e <pre>
\u0301 \u0338 <details> <![CDATA[ ]]> <dl><dt> <dd>
"""
PIECE = st.sampled_from(re.findall(r"\S+", PIECES)).map(lambda piece: piece.replace("_", " "))
MARKUP = st.lists(PIECE, max_size=25).map("".join)


@settings(max_examples=100)
@given(st.one_of(MARKUP, st.text(max_size=80)))
def test_cleaned_html_is_safe_and_cleaning_it_again_changes_nothing(html: str) -> None:
    cleaned = clean_html(html, "https://kultur.example.org/a")
    audit(cleaned)
    assert clean_html(cleaned) == cleaned
    assert clean_html(cleaned, "https://elsewhere.example.org/") == cleaned


@settings(max_examples=100)
@given(MARKUP)
def test_plain_text_has_no_markup_of_ours(html: str) -> None:
    text = plain_text(html)
    assert text == text.strip()
    assert "\n\n\n" not in text


def test_plain_text() -> None:
    html = (
        "<h2>Program</h2><p>Kl.&nbsp;8<br>Kaffe &amp; &lt;brød&gt;</p><ul><li>En</li><li><p>To</p></li></ul><p>Slut</p>"
    )
    assert plain_text(html) == "Program\n\nKl. 8\nKaffe & <brød>\n\n- En\n- To\n\nSlut"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("Kort.", 20, "Kort."),
        ("Orkestret åbner dørene. Alle er velkomne til at komme.", 30, "Orkestret åbner dørene."),
        ("Det er f.eks. Anders And. Og så videre i lang tid.", 30, "Det er f.eks. Anders And."),
        ("Vi ses den 3. maj kl. 8 på torvet ved den store kirke.", 30, "Vi ses den 3. maj kl. 8 på…"),
        ("Kom! Det bliver en meget lang aften med mange gæster.", 40, "Kom! Det bliver en meget lang aften med…"),
        ("Han sagde: »Det er slut.« Så gik de alle sammen hjem.", 30, "Han sagde: »Det er slut.«"),
        ("Speciallægepraksisplanlægningsstabiliseringsperiode", 20, "Speciallægepraksisp…"),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 20, "👨‍👩‍👧‍👦👨‍👩‍👧‍👦…"),
    ],
)
def test_excerpts_end_where_people_would_end_them(text: str, limit: int, short: str) -> None:
    assert excerpt(text, limit) == short


@settings(max_examples=100)
@given(st.text(max_size=200), st.integers(5, 100))
def test_an_excerpt_is_never_too_long(text: str, limit: int) -> None:
    assert len(excerpt(text, limit)) <= limit


@settings(max_examples=100)
@given(st.text(st.characters(), max_size=40))
def test_tidy_text_can_be_stored_anywhere(text: str) -> None:
    kept = tidy(text)
    assert tidy(kept) == kept
    assert "\x00" not in kept
    kept.encode("utf-8")
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("lead", "text", "shown"),
    [
        ("Kort sagt.", "Noget helt andet.", "Kort sagt."),
        ("Det er med glæde.", "Det er\nmed  glæde. Og mere.", ""),
        ("Det er med glæ…", "Det er med glæde. Og mere.", ""),
        ("", "Noget.", ""),
    ],
)
def test_a_lead_that_the_body_begins_with_is_not_said_twice(lead: str, text: str, shown: str) -> None:
    assert lead_before(lead, text) == shown
