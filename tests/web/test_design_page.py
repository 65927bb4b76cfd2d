"""The design system: its page renders, is accessible at both widths and in both schemes, and stays small and strict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from tests.accessible import faults, look_over

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted(ROOT.glob("templates/web/**/*.html"))
STATIC = sorted([*ROOT.glob("publisher/static/**/*.css"), *ROOT.glob("publisher/static/**/*.js")])


@pytest.fixture
def development(settings: pytest.FixtureRequest) -> None:
    settings.DEBUG = True


@pytest.mark.parametrize("path", ["/design/", "/design/public/", "/design/mail/"])
def test_the_page_renders_in_development_only(
    path: str, client: Client, db: None, settings: pytest.FixtureRequest
) -> None:
    assert client.get(path).status_code == 404
    settings.DEBUG = True
    assert client.get(path).status_code == 200


def test_every_component_is_on_the_page(client: Client, db: None, development: None) -> None:
    names = {template.name for response in (client.get("/design/"), client.get("/design/public/"))
             for template in response.templates}  # fmt: skip
    shown_elsewhere = {"wordmark.html"}
    assert {path.name for path in ROOT.glob("templates/web/parts/*.html")} - {Path(name).name for name in names} <= (
        shown_elsewhere
    )


def test_the_stylesheet_is_small() -> None:
    assert (ROOT / "publisher/static/css/opslag.css").stat().st_size < 30_000


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_inline_styles_or_scripts(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"""\sstyle\s*=|<style|\son\w+\s*=\s*["']|<script(?![^>]*\ssrc=)|javascript:""", text) == []


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC], ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert re.findall(r"https?://|[\"'(]//", path.read_text()) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/design/", "/design/public/", "/sign-in/"])
def test_axe_finds_nothing(path, width, new_page, live_server, development) -> None:
    page = new_page(width=width)
    page.goto(live_server.url + path)
    look_over(page, frames=False)


@pytest.mark.browser
def test_axe_would_see_a_fault(page, live_server, development) -> None:
    page.goto(live_server.url + "/design/")
    page.evaluate("document.querySelector('.page-head .state').innerHTML = '<a href=\"#\"></a><img src=\"\">'")
    assert {rule for rule, _where in faults(page)} >= {"image-alt", "link-name"}


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "times"), [("light", 1), ("dark", 1), ("no-preference", 0)])
def test_axe_would_see_pale_words_in_either_scheme(scheme, times, page, live_server, development) -> None:
    page.goto(live_server.url + "/design/")
    pale = f"@media (prefers-color-scheme: {scheme}) {{ .page-head .state {{ color: #777; background: #888; }} }}"
    page.evaluate(
        "pale => new CSSStyleSheet().replace(pale).then(sheet => document.adoptedStyleSheets.push(sheet))", pale
    )
    assert [rule for rule, _where in faults(page)].count("color-contrast") == times


@pytest.mark.browser
def test_the_keyboard_reaches_the_content_first_and_focus_is_seen(page, live_server, development) -> None:
    page.goto(live_server.url + "/design/")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.browser
def test_menus_open_by_keyboard_and_close_by_escape_and_click(page, live_server, development) -> None:
    page.goto(live_server.url + "/design/")
    summary = page.locator(".who summary")
    summary.press("Enter")
    assert page.get_by_role("button", name="Museet i Svendborg").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('.who') !== null")
    assert not page.get_by_role("button", name="Museet i Svendborg").is_visible()
    summary.click()
    page.locator("h1").click()
    assert not page.get_by_role("button", name="Museet i Svendborg").is_visible()


@pytest.mark.browser
def test_on_a_phone_the_rail_is_a_bar_of_four_and_more(new_page, live_server, development) -> None:
    page = new_page(width=390, height=844)
    page.goto(live_server.url + "/design/")
    rail = page.get_by_role("navigation").first
    assert [link.inner_text() for link in rail.get_by_role("link").all()] == [
        "I dag",
        "Nyheder",
        "Udsendelser",
        "Kalender",
    ]
    rail.locator(".more summary").tap()
    assert rail.get_by_role("link", name="Indstillinger").is_visible()
    assert rail.get_by_role("link").count() == 8
    for box in [link.bounding_box() for link in rail.get_by_role("link").all()]:
        assert box["height"] >= 44


@pytest.mark.browser
def test_on_a_phone_the_composer_shows_one_part_at_a_time(new_page, live_server, development) -> None:
    page = new_page(width=390, height=844)
    page.goto(live_server.url + "/design/")
    composer = page.locator(".composer")
    shown = [composer.locator(f".pane-{pane}").is_visible() for pane in ("write", "see", "when")]
    composer.locator("label:has([value=see])").tap()
    assert shown == [True, False, False]
    assert [composer.locator(f".pane-{pane}").is_visible() for pane in ("write", "see", "when")] == [False, True, False]
