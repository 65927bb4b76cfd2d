"""A story's body for both parts of a mail."""

from __future__ import annotations

from publisher.compose.body import clean_body, mail_html, paragraphs
from publisher.compose.guards import check_source
from tests.compose.reading import read_html

HTML = (
    "<h2>Musik</h2><p>Kom &amp; hør <a href='/kor?a=1&amp;b=2'>koret</a><br>på Ærø.</p>"
    "<ul><li>Ét</li><li>To</li></ul><p>Se <a href='https://x.example/'>https://x.example/</a></p>"
    "<ol><li>Først</li><li>Så</li></ol><script>alert(1)</script>"
)


def test_the_mail_keeps_the_structure_below_our_own_headings() -> None:
    written = mail_html(clean_body(HTML, title="x", base="https://kultur.example.org/nyheder/a"))
    shown = read_html(written)
    assert shown.headings == [("h3", "Musik")]
    assert shown.links[0] == ("https://kultur.example.org/kor?a=1&b=2", "koret")
    assert "script" not in shown.tags and "alert" not in shown.text
    check_source(
        f"<mjml><mj-body><mj-section><mj-column><mj-text>{written}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


def test_the_text_says_the_same_with_addresses_in_full() -> None:
    assert paragraphs(clean_body(HTML, title="x", base="https://kultur.example.org/nyheder/a")) == [
        "Musik",
        "Kom & hør koret <https://kultur.example.org/kor?a=1&b=2>\npå Ærø.",
        "- Ét\n- To",
        "Se https://x.example/",
        "1. Først\n2. Så",
    ]


def test_a_list_within_a_list_keeps_its_entries() -> None:
    nested = "<ul><li>Ude<ul><li>Inde</li></ul></li><li>Ude igen</li></ul>"
    assert paragraphs(clean_body(nested, title="x")) == ["- Ude\n- Inde\n- Ude igen"]


def test_text_without_paragraphs_becomes_one() -> None:
    assert mail_html(clean_body("Bare tekst", title="x")) == "<p>Bare tekst</p>"
    assert mail_html(clean_body("", title="x")) == ""
    assert paragraphs(clean_body("", title="x")) == []


def test_the_value_of_a_link_cannot_leave_its_attribute() -> None:
    written = mail_html(clean_body("<a href='https://x.example/\"onclick=\"y\\ \u00a0'>x</a>", title="x"))
    assert 'onclick="' not in written and "\\" not in written and written.isascii()
