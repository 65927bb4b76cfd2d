"""The guides to connecting a channel: the texts of docs/guides, shown as pages in the reader's language.

Each text begins with its title and is cut at its second-level headings; one of these says what to do when something
does not work, and errors lead there. A link from one text to another becomes a link to its page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform
from publisher.web.staff import staff

if TYPE_CHECKING:
    from markdown_it.utils import EnvType

FOLDER = settings.BASE_DIR / "docs" / "guides"
# Where there is none in the reader's language.
USUAL_LANGUAGE = "en"
# The headings of the section that errors lead to, and its anchor.
TROUBLE = frozenset({"Når noget ikke virker", "When something does not work"})
TROUBLE_ANCHOR = "trouble"
_OTHER_GUIDE = re.compile(r"([a-z]+)\.md")
# No HTML of its own: what stands in a text is words.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    anchor: str
    title: str
    body: SafeString


@dataclass(frozen=True)
class Guide:
    """One text; `opening` stands before its first section, `language` is what it is written in."""

    title: str
    opening: SafeString
    sections: Sequence[Section]
    language: str


@dataclass(frozen=True)
class GuideLinks:
    """Links to a platform's guide, in words: to its beginning, and to what helps when something does not work."""

    url: str
    label: str
    trouble_url: str


@staff("view")
@require_safe
def channel_guide(request: HttpRequest, kind: str) -> HttpResponse:
    """The guide to one platform, fit for printing: whoever looks after a Page may not have a sign-in here."""
    guide = guide_to(kind, get_language() or USUAL_LANGUAGE)
    if guide is None or kind not in PLATFORMS:
        raise Http404
    context = {
        "title": guide.title,
        "state": _("To read, or to print and hand on."),
        "guide": guide,
        "language": get_language(),
    }
    return render(request, "web/channels/guide.html", context)


def guide_links(platform: Platform) -> GuideLinks | None:
    """Where a platform's guide is; None for one that has none."""
    if language_of(platform.kind, USUAL_LANGUAGE) is None:
        return None
    url = reverse("channel-guide", args=[platform.kind])
    label = _("Guide: connect %(what)s") % {"what": platform.words.connects or platform.called}
    return GuideLinks(url, label, f"{url}#{TROUBLE_ANCHOR}")


def language_of(kind: str, wanted: str) -> str | None:
    """The language in which there is a guide to `kind`: the one that is wanted, else English; None for none."""
    written = (each for each in (wanted, USUAL_LANGUAGE) if (FOLDER / each / f"{kind}.md").is_file())
    return next(written, None)


@cache
def guide_to(kind: str, wanted: str) -> Guide | None:
    """The guide to `kind`, read once per process; None if there is none."""
    language = language_of(kind, wanted)
    if language is None:
        return None
    tokens = _MARKDOWN.parse((FOLDER / language / f"{kind}.md").read_text(encoding="utf-8"))
    opening, *sections = _cut(tokens, "h2")
    return Guide(
        title=opening[1].content,
        opening=_html(opening[3:], opening[1].content),
        sections=[_section(number, found) for number, found in enumerate(sections, 1)],
        language=language,
    )


def _cut(tokens: Sequence[Token], tag: str) -> Iterator[list[Token]]:
    """The same in pieces, each of which but the first begins with a heading of that `tag`."""
    piece: list[Token] = []
    for token in tokens:
        if token.type == "heading_open" and token.tag == tag:
            yield piece
            piece = []
        piece.append(token)
    yield piece


def _section(number: int, tokens: Sequence[Token]) -> Section:
    title = tokens[1].content
    anchor = TROUBLE_ANCHOR if title in TROUBLE else f"section-{number}"
    return Section(anchor, title, _html(tokens[3:], title))


def _html(tokens: Sequence[Token], caption: str) -> SafeString:
    """Tables are written as everywhere else: as a list where there is little room."""
    env: EnvType = {}
    written, rest = "", list(tokens)
    while rest:
        begin = next((at for at, token in enumerate(rest) if token.type == "table_open"), len(rest))
        end = next((at for at, token in enumerate(rest) if token.type == "table_close"), len(rest))
        written += _MARKDOWN.renderer.render([_led_on(token) for token in rest[:begin]], _MARKDOWN.options, env)
        written += _table(rest[begin:end], caption) if begin < len(rest) else ""
        rest = rest[end + 1 :]
    return mark_safe(written)  # noqa: S308 - our own texts, and HTML in them is escaped


def _table(tokens: Sequence[Token], caption: str) -> str:
    cells = [_MARKDOWN.renderer.render([_led_on(token)], _MARKDOWN.options, {}) for token in tokens
             if token.type == "inline"]  # fmt: skip
    width = sum(token.type == "th_open" for token in tokens)
    head, *rows = (cells[begin : begin + width] for begin in range(0, len(cells), width))
    # One element, so that it stays together beside its label in a list.
    safe = [
        [(mark_safe(label), mark_safe(f"<span>{cell}</span>")) for label, cell in zip(head, row, strict=True)]  # noqa: S308
        for row in rows
    ]
    context = {"caption": caption, "caption_aside": True, "head": [label for label, _cell in safe[0]], "rows": safe}
    return render_to_string("web/parts/table.html", context)


def _led_on(token: Token) -> Token:
    """The same, with links to other guides leading to their pages."""
    for child in token.children or ():
        other = _OTHER_GUIDE.fullmatch(str(child.attrGet("href") or ""))
        if other:
            child.attrSet("href", reverse("channel-guide", args=[other.group(1)]))
    return token
