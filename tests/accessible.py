"""What every page must be: accessible in both schemes (WCAG 2.2 AA, by axe), no wider than its window, no trouble.

Only colours differ between the schemes, so only they are looked at twice.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# The rule on target sizes is WCAG 2.2 and off by default.
_EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_COLOURS: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}

Fault = tuple[str, list[str]]


def faults(page: Page, *, frames: bool = True) -> list[Fault]:
    """What axe finds in the light scheme, then in the dark: the rule and where. `frames`: also in what they show."""
    found = _found(page, _EVERYTHING | {"iframes": frames})
    page.emulate_media(color_scheme="dark")
    found += _found(page, _COLOURS | {"iframes": frames})
    page.emulate_media(color_scheme="light")
    return found


def look_over(page: Page, *, frames: bool = True, known: Collection[str] = ()) -> None:
    """Fail on an accessibility fault, a page wider than its window, or a complaint of the browser but `known` ones."""
    assert (page.url, faults(page, frames=frames)) == (page.url, [])
    size = page.viewport_size
    assert size is not None
    assert (page.url, page.evaluate("document.documentElement.scrollWidth") <= size["width"]) == (page.url, True)
    complaints = [words for words in page.complaints if not any(each in words for each in known)]  # type: ignore[attr-defined]
    assert (page.url, complaints) == (page.url, [])


def _found(page: Page, options: dict[str, Any]) -> list[Fault]:
    violations = Axe().run(page, options=options).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in violations]
