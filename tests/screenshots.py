"""Photographs the product that `make run` serves: the README's pictures, or (`--all`) every page at two widths.

    python -m tests.screenshots [--all] [--home var] [--folder docs/images]

It signs in as the sample administrator and clicks its way to each page; the draft that it makes for the composer is
thrown away again. A page that nothing leads to, whose console complains, or that is wider than its window, is named;
exit 1 then.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import ARGUMENTS, find_chromium

WIDTHS = {1280: 900, 390: 844}
# Name in the README → (page, width).
BEST = {
    "today-1280": ("today", 1280),
    "composer-1280": ("composer", 1280),
    "sendout-1280": ("sendout", 1280),
    "news-390": ("news", 390),
    "mail-390": ("mail", 390),
    "unsubscribe-390": ("unsubscribe", 390),
}
# Pages with an address of their own.
PLAIN = {
    "today": "/", "news": "/news?show=all", "write": "/news/write", "pictures": "/news/pictures",
    "sendouts": "/sendouts", "calendar": "/calendar", "channels": "/channels",
    "connect": "/channels/connect", "connect-mastodon": "/channels/connect/mastodon", "subscribers": "/subscribers",
    "settings": "/settings", "newsletters": "/settings/newsletters", "newsletter-add": "/settings/newsletters/add",
    "sources": "/settings/sources", "source-add": "/settings/sources/add/feed", "rules": "/settings/rules",
    "labels": "/settings/labels", "labelling-add": "/settings/labellings/add",
    "texts": "/settings/texts", "text-add": "/settings/texts/add", "partner-add": "/settings/partners/add",
    "rule-add": "/settings/rules/add", "people": "/settings/people", "stop": "/stop", "catcher": "/catcher/",
    "accessibility": "/accessibility", "not-found": "/no-such-page",
}  # fmt: skip
# Pages that are found by following the first address of that form on another page, which is named or found before.
LINKED = {
    "item": ("news", r"/news/\d+"), "item-edit": ("item", r"/news/\d+/edit"),
    "plan": ("item", r"/news/\d+/plan"), "sendout": ("sendouts", r"/sendouts/\d+"),
    "channel": ("channels", r"/channels/\d+"), "timeline": ("channel", r"/practice/[^/]+/"),
    "subscriber": ("subscribers", r"/subscribers/\d+/\d+"), "subscriber-add": ("subscribers", r"/subscribers/\d+/add"),
    "newsletter": ("newsletters", r"/settings/newsletters/\d+"),
    "source": ("sources", r"/settings/sources/\d+"), "source-address": ("source", r"/settings/sources/\d+/address"),
    "source-remove": ("source", r"/settings/sources/\d+/remove"), "rule": ("rules", r"/settings/rules/\d+"),
    "label": ("labels", r"/settings/labels/(topic|area)/\d+"),
    "person": ("people", r"/settings/people/\d+"), "caught": ("catcher", r"/catcher/[0-9a-f]{32}"),
    "caught-html": ("caught", r"/catcher/[0-9a-f]{32}/html"), "unsubscribe": ("caught-html", r"/u/[A-Za-z0-9_-]+"),
    "mail": ("caught-html", r"/m/[0-9a-f]{32}"), "privacy": ("unsubscribe", r"/privacy/[^/]+"),
}  # fmt: skip


class Photographer:
    """Finds each page once, then photographs it in windows of both widths."""

    def __init__(self, browser: Browser, address: str, password: str, folder: Path) -> None:
        self.browser, self.address, self.password, self.folder = browser, address, password, folder
        self.faults: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def window(self, width: int, scheme: str = "light") -> Page:
        """A signed-in window."""
        context = self.browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="da-DK",
            timezone_id="Europe/Copenhagen",
            device_scale_factor=2 if width < 600 else 1,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.goto(f"{self.address}/sign-in/")
        page.get_by_label("E-mail").fill("karen@kultur.example.org")
        page.locator("input[type=password]").fill(self.password)
        page.locator("button.primary").click()
        page.wait_for_url(f"{self.address}/")
        return page

    def addresses(self, page: Page) -> dict[str, str]:
        """Every page's address, found as a person finds it."""
        found = dict(PLAIN)
        for name, (start, form) in LINKED.items():
            hit = self.link(page, found[start], form) if start in found else ""
            if hit:
                found[name] = hit
            else:
                self.faults.append(f"no page “{name}”: “{start}” leads to nothing like {form}")
        # The first item has gone out, so that its outlets ask first; the last has not.
        if items := self.links(page, found["news"], r"/news/\d+"):
            page.goto(f"{self.address}{items[-1]}/plan")
            page.locator("main button.primary").click()
            page.wait_for_url("**/edit")
            found["composer"] = page.url.removeprefix(self.address)
        return found

    def link(self, page: Page, start: str, form: str) -> str:
        """The first of `links`, "" if there is none."""
        return next(iter(self.links(page, start, form)), "")

    def links(self, page: Page, start: str, form: str) -> list[str]:
        """The paths of all links (or framed documents) of that form on the page at `start`."""
        page.goto(self.address + start)
        paths = page.evaluate(
            "[...document.querySelectorAll('[href], iframe')].map(e => new URL(e.href || e.src, location).pathname)"
        )
        return [str(path) for path in paths if re.fullmatch(form, path)]

    def take(self, page: Page, path: str, name: str, width: int, *, whole: bool) -> None:
        """One picture: of what the window shows, or of the whole page."""
        page.goto(self.address + path)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.faults.append(f"{path} is {wide} pixels wide in a window of {width}")
        page.screenshot(path=self.folder / f"{name}.png", full_page=whole)

    def discard(self, page: Page, composer: str) -> None:
        """Throw the draft away, as a person does."""
        page.goto(self.address + composer.removesuffix("/edit") + "/cancel")
        page.locator("main button.danger, main button.primary").first.click()


def main() -> int:
    """Take the pictures; the exit code says whether every page behaved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every page, not only those of the README")
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--home", type=Path, default=Path("var"), help="OPSLAG_HOME of the product that runs")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    wanted = parser.parse_args()
    password = (wanted.home / "keys" / "sample-password").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS, headless=True)
        photographer = Photographer(browser, wanted.address, password, wanted.folder)
        pages = {width: photographer.window(width) for width in WIDTHS}
        addresses = photographer.addresses(pages[1280])
        every = {f"{name}-{width}": (name, width) for name in addresses for width in WIDTHS}
        for picture, (name, width) in (every if wanted.all else BEST).items():
            if name in addresses:
                photographer.take(pages[width], addresses[name], picture, width, whole=wanted.all)
        if "composer" in addresses:
            photographer.discard(pages[1280], addresses["composer"])
        browser.close()
    for fault in photographer.faults:
        print(fault)
    return 1 if photographer.faults else 0


if __name__ == "__main__":
    sys.exit(main())
