"""Nothing that could end the process reaches the renderer; nothing that asks of a third party leaves."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

from publisher.compose.guards import MAX_BYTES, MAX_DEPTH, check_piece, check_source
from publisher.compose.output import check_output
from publisher.errors import InputError, OpslagError, PermanentError


def mjml(content: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section></mj-body></mjml>"


def page(content: str, *, language: str = "da", title: str = "Kulturnyt") -> str:
    return f'<html lang="{language}"><head><title>{title}</title></head><body>{content}</body></html>'


DEEP = [
    "<div>" * 10_000,
    "<blockquote>" * 10_000 + "x" + "</blockquote>" * 10_000,
    "<b></i>" * 10_000,
    "<svg><style>" + "<div>" * 10_000,
]


@pytest.mark.parametrize("html", DEEP, ids=["open", "closed", "misnested", "in a style"])
def test_a_text_nested_ten_thousand_deep_is_refused_by_its_title(html: str) -> None:
    with pytest.raises(InputError) as refused:
        check_piece(html, "Åben øvelse")
    assert "Åben øvelse" in str(refused.value)


def test_a_text_of_more_than_500_kb_is_refused() -> None:
    with pytest.raises(InputError):
        check_piece("å" * (MAX_BYTES // 2 + 1), "Lang")


def test_a_long_ordinary_text_is_not() -> None:
    check_piece("<p>Afsnit<br>med <b>fed</b> skrift" * 5_000, "Lang")
    check_piece("<div>" * MAX_DEPTH, "Dyb")


def test_mjml_nested_too_deeply_is_refused() -> None:
    with pytest.raises(PermanentError, match="nested deeper than 60"):
        check_source(mjml("<mj-text>" + "<div>" * 10_000 + "</div>" * 10_000 + "</mj-text>"))


def test_mjml_that_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="500"):
        check_source(mjml(f"<mj-text>{'x' * MAX_BYTES}</mj-text>"))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (mjml("<mj-text><script>x</script></mj-text>"), "<script> may not stand in <mj-text>"),
        (mjml("<mj-foo></mj-foo>"), "<mj-foo>"),
        (mjml("<mj-include path='x' />"), "<mj-include>"),
        (mjml("<mj-section></mj-section>"), "<mj-section> may not stand in <mj-column>"),
        ("<mjml><mj-body><mj-text>x</mj-text></mj-body></mjml>", "<mj-text> may not stand in <mj-body>"),
        (mjml("<mj-text><p>x</mj-text>"), "ends what was not begun"),
        (mjml("<mj-text><p onclick='x'>x</p></mj-text>"), "script"),
        (mjml("<mj-image src='x' />"), "no alt"),
        (mjml("<mj-text><!-- x --></mj-text>"), "comments"),
        (mjml("<mj-text><img src='x' alt=''></mj-text>"), "<img>"),
        ("<mjml><mj-body>", "is not ended"),
        ("<p>", "<p> may not stand in <>"),
    ],
)
def test_the_lint_knows_what_the_renderer_would_let_through(source: str, problem: str) -> None:
    with pytest.raises(PermanentError) as refused:
        check_source(source)
    assert problem in str(refused.value)


def test_our_kind_of_mjml_passes() -> None:
    check_source(
        mjml('<mj-text><h2>Å</h2><p>a<br>b <a href="https://x.dk">c</a></p></mj-text><mj-image src="x" alt="" />')
    )


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        (page('<img alt="" src="https://elsewhere.example/pixel.gif">'), "elsewhere"),
        (page(f'<img alt="" src="{settings.OPSLAG_BASE_URL}.evil.example/x">'), "evil"),
        (page('<img alt="" src="//elsewhere.example/x">'), "elsewhere"),
        (page("<table background='https://elsewhere.example/x'>"), "elsewhere"),
        (page('<p style="background: url(https://elsewhere.example/x)">'), "style of <p>"),
        (page("<style>@import 'https://elsewhere.example/x.css';</style>"), "style sheet"),
        (page('<link rel="stylesheet" href="https://elsewhere.example/x.css">'), "<link>"),
        (page("<!--[if mso]><v:image src='https://elsewhere.example/x' /><![endif]-->"), "elsewhere"),
        (page("<iframe></iframe>"), "<iframe>"),
        (page('<p onmouseover="x">'), "onmouseover"),
        (page('<a href="javascript:x">x</a>'), "javascript"),
        (page(f'<img src="{settings.OPSLAG_BASE_URL}/x.jpg">'), "without alt"),
        (page("x", language="und"), "no language"),
        (page("x", title=" "), "no title"),
    ],
)
def test_what_would_ask_of_a_third_party_or_is_not_accessible_does_not_leave(html: str, problem: str) -> None:
    with pytest.raises(PermanentError) as refused:
        check_output(html)
    assert problem in str(refused.value)


def test_links_may_lead_anywhere_and_our_own_pictures_may_load() -> None:
    check_output(
        page(
            f'<a href="https://elsewhere.example/x">x</a><img alt="" src="{settings.OPSLAG_BASE_URL}/media/a/600.jpg">'
        )
    )


def test_a_process_survives_all_of_it() -> None:
    """In a process of its own: what the guard missed would end it with a signal, which no `except` sees."""
    script = (
        "import django; django.setup()\n"
        "from tests.compose.test_guards import DEEP, refuse_all\n"
        "refuse_all()\n"
        "print('alive', len(DEEP))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, f"alive {len(DEEP)}\n"), done.stderr


def refuse_all() -> None:
    """Feed everything deep to the guards and to the body's own way in; anything but a clear refusal is a fault."""
    from publisher.compose.body import clean_body

    for html in DEEP:
        for attempt in (lambda html=html: clean_body(html, title="x"), lambda html=html: check_source(mjml(html))):
            try:
                attempt()
            except OpslagError:
                continue
            raise AssertionError(html[:40])
