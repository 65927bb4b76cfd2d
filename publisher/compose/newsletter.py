"""The newsletter of a message: its blocks as the templates see them, as HTML (through MJML) and as plain text.

Values are escaped by the template, or by `in_attribute` in attributes; only a story's body is HTML, cleaned here once
more. A mail is rendered once, with all its blocks, and cut between them: any of the blocks may be left out.
Templates: `templates/newsletters/<template>.mjml`, `.txt` and `parts/`.
"""

from __future__ import annotations

import re
import secrets
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import css_inline
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.dateformat import format as format_date
from django.utils.safestring import SafeString, mark_safe
from mjml import mjml2html

from publisher.audience.aims import Aim, aim_of
from publisher.compose import colour
from publisher.compose.body import clean_body, mail_html, paragraphs
from publisher.compose.event_words import NOT_ON, EventWords, event_words
from publisher.compose.guards import check_source, template_fault
from publisher.compose.links import event_url, is_news
from publisher.compose.output import check_output
from publisher.compose.past_events import shown_blocks
from publisher.compose.values import is_web_address, one_line
from publisher.items.choices import area_word
from publisher.items.content import excerpt, lead_before
from publisher.items.pictures import picture_url
from publisher.models import Block, Message, Newsletter, Picture
from publisher.vocabulary import BlockKind

COLUMNS = 78
# Pixels of CSS; pictures are fetched at twice the size for sharp screens.
PICTURE_WIDTH = 552
EXCERPT = 320
DATES = {"da": "j. F Y", "en": "j F Y"}
# Where links stand that are hardest to read: the page in light, a panel in dark (colours of the style sheet).
PAPER, DARK_SURFACE = "#FBFAF7", "#1D2125"


@dataclass(frozen=True)
class Shown:
    """A picture in the mail: absolute address, width in CSS pixels."""

    url: str
    width: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Story:
    """A block as the templates see it. `body` is HTML for mj-text; `paragraphs` the same as plain text."""

    kind: str
    title: str
    lead: str
    body: SafeString
    paragraphs: tuple[str, ...]
    link: str
    picture: Shown | None
    byline: str
    areas: str
    language: str
    aim: Aim
    event: EventWords | None = None

    @property
    def template(self) -> str:
        """The part of the MJML templates that shows it."""
        return f"newsletters/parts/{self.kind}.mjml"


# What to write instead of a story's link: (address, the story's title) → address.
Leading = Callable[[str, str], str]


def as_it_is(url: str, _title: str) -> str:
    """Links that lead where they say."""
    return url


class Part(NamedTuple):
    """A piece of the mail, and whom it is for. The first is its head, the last its foot, between them the blocks."""

    aim: Aim
    content: str


def render_html(message: Message, *, places: Mapping[str, str]) -> str:
    """The mail as HTML with all its blocks; `places` and errors as in `html_parts`."""
    return "".join(part.content for part in html_parts(message, places=places))


def html_parts(message: Message, *, places: Mapping[str, str], leading: Leading = as_it_is) -> list[Part]:
    """The mail as HTML, checked as a whole, in parts; `leading` says where its stories' links lead.

    `places` may hold `unsubscribe_url` and `view_url`, real or as markers; without one its line is left out (as on the
    page to view it in a browser). Raises InputError for content that cannot be a mail, PermanentError for a template.
    """
    # Nobody can guess it, so no content is taken for a seam.
    seam = f"<!--{secrets.token_hex(11)}-->"
    mjml, aims = _from_template(message, places, leading, "mjml", mark_safe(seam))  # noqa: S308 - ours
    check_source(mjml, seam)
    try:
        html = mjml2html(mjml, fonts={})
    except ValueError as error:
        raise template_fault(str(error)) from error
    head, *rest = _inlined(html, message).split(seam)
    parts = [head if places else _as_page(head), *rest]
    check_output("".join(parts))
    return _parts(aims, parts)


def _parts(aims: list[Aim], contents: list[str]) -> list[Part]:
    if len(contents) != len(aims) + 2:
        raise template_fault("a seam between two blocks is missing")
    return [Part(*each) for each in zip([Aim(), *aims, Aim()], contents, strict=True)]


def _inlined(html: str, message: Message) -> str:
    """Our rules as style attributes, for programs that know no style sheet; MJML's own stay in the head."""
    if message.newsletter is None:
        return html
    rules = render_to_string("newsletters/parts/inline.css", {"colours": _colours(message.newsletter)})
    inliner = css_inline.CSSInliner(
        extra_css=rules, inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False
    )
    return inliner.inline(html)


def _as_page(head: str) -> str:
    """The mail as a web page of its own: its content is the page's main landmark, not an article in a mail program.

    The wrapper is the only element of its class, and quotes in values are escaped, so nothing else can be meant.
    """
    before, wrapper, rest = head.partition('<div class="paper"')
    rest = rest.replace(' aria-roledescription="email"', "", 1).replace(' role="article"', ' role="main"', 1)
    return before + wrapper + rest


def render_text(message: Message, *, places: Mapping[str, str]) -> str:
    """The mail as plain text with the same content, wrapped at 78 columns; `places` as in `html_parts`."""
    return "".join(part.content for part in text_parts(message, places=places))


def text_parts(message: Message, *, places: Mapping[str, str], leading: Leading = as_it_is) -> list[Part]:
    """The same as parts; between any two of them stands an empty line."""
    seam = secrets.token_hex(11)
    text, aims = _from_template(message, places, leading, "txt", seam)
    head, *rest = (_laid_out(part) for part in text.split(seam))
    return _parts(aims, [head, *(f"\n{part}" if part else "" for part in rest)])


def _laid_out(text: str) -> str:
    """Wrapped, never more than one line empty, and none at either end."""
    lines = [row for line in text.split("\n") for row in _wrapped(line.strip(" "))]
    whole = re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"{whole}\n" if whole else ""


def _wrapped(line: str) -> list[str]:
    hanging = "  " if line.startswith("- ") else ""
    return textwrap.wrap(line, COLUMNS, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False) or [
        ""
    ]


def _from_template(
    message: Message, places: Mapping[str, str], leading: Leading, extension: str, seam: str
) -> tuple[str, list[Aim]]:
    """The filled template, with `seam` before each block and behind the last; and whom the blocks are for."""
    newsletter = message.newsletter
    if newsletter is None:
        raise template_fault("this message is not for a newsletter")
    with translation.override(message.language):
        shown = stories(message, newsletter, leading)
        context = {
            "message": message,
            "newsletter": newsletter,
            "organisation": newsletter.organisation,
            "subject": one_line(message.subject) or newsletter.name,
            "preview": one_line(message.preview_text),
            "stories": shown,
            "seam": seam,
            "colours": _colours(newsletter),
            "picture_width": PICTURE_WIDTH,
            **places,
        }
        try:
            filled = render_to_string(f"newsletters/{newsletter.template}.{extension}", context)
        except TemplateDoesNotExist as error:
            raise template_fault(f"there is no template {error}") from error
    return filled, [story.aim for story in shown]


def _colours(newsletter: Newsletter) -> dict[str, str]:
    brand = colour.checked_colour(newsletter.brand_colour)
    return {
        "brand": brand,
        "on_brand": colour.text_on(brand),
        "accent": colour.legible(brand, PAPER),
        "dark_accent": colour.legible(brand, DARK_SURFACE),
    }


def stories(message: Message, newsletter: Newsletter, leading: Leading = as_it_is) -> list[Story]:
    """The message's blocks, in order, as the templates see them (in the language that is active)."""
    blocks = message.blocks.select_related("picture").prefetch_related("areas", "topics").order_by("position", "pk")
    return [_story(block, message, newsletter, leading) for block in shown_blocks(message, list(blocks))]


def _story(block: Block, message: Message, newsletter: Newsletter, leading: Leading) -> Story:
    content: Mapping[str, Any] = block.content
    line = {name: one_line(str(content.get(name) or "")) for name in ("title", "lead", "link", "author", "language")}
    whole = block.kind in {BlockKind.LEAD_STORY, BlockKind.TEXT}
    own_page = is_news(line["link"])
    base = "" if own_page else line["link"]
    cleaned = clean_body(str(content.get("html") or ""), title=line["title"], base=base) if whole else ""
    address = partial(_led, leading, line["title"])
    text = tuple(paragraphs(cleaned, address))
    lead = line["lead"]
    return Story(
        kind=block.kind,
        title=line["title"],
        lead=lead_before(lead, " ".join(text)) if whole else _short(lead, str(content.get("text") or "")),
        body=mark_safe(mail_html(cleaned, address)),  # noqa: S308 - cleaned and written by us
        paragraphs=text,
        # Our page says no more than the whole story does here.
        link=address(line["link"]) if is_web_address(line["link"]) and not (own_page and cleaned) else "",
        picture=_picture(block.picture, content) if block.picture else None,
        byline=_byline(line["author"], str(content.get("published_at") or ""), newsletter),
        areas=_areas(content.get("areas") or [], newsletter),
        language=line["language"] if line["language"] not in {"", message.language} else "",
        aim=aim_of(block),
        event=_event(block, message, newsletter, address),
    )


def _event(block: Block, message: Message, newsletter: Newsletter, address: Callable[[str], str]) -> EventWords | None:
    """When and where, with the ways to a ticket and into one's calendar."""
    facts = block.content.get("event") or {}
    zone = newsletter.organisation.timezone
    year = timezone.localtime(message.scheduled_at or timezone.now(), ZoneInfo(zone)).year
    words = event_words(facts, zone, year)
    if words is None:
        return None
    booking = address(words.booking_url) if words.booking_url else ""
    # What is called off is nothing to put into a calendar.
    calendar = event_url(block.item_id) if block.item_id and facts.get("status") not in NOT_ON else ""
    return replace(words, booking_url=booking, calendar_url=calendar)


def _led(leading: Leading, title: str, url: str) -> str:
    return leading(url, title)


def _short(lead: str, text: str) -> str:
    return excerpt(lead or one_line(text), EXCERPT)


def _picture(picture: Picture, content: Mapping[str, Any]) -> Shown:
    width = min(PICTURE_WIDTH, picture.width)
    caption, credit = (one_line(str(content.get(name) or "")) for name in ("caption", "credit"))
    if credit and credit not in caption:
        photo = translation.gettext("Photo: %(name)s") % {"name": credit}
        caption = f"{caption} {photo}".strip()
    url = picture_url(picture, min(2 * PICTURE_WIDTH, picture.width))
    return Shown(url, width, one_line(str(content.get("alt") or "")), caption)


def _byline(author: str, published: str, newsletter: Newsletter) -> str:
    """“Åse Sørensen · 13. januar 2021”, the day as in the organisation's zone."""
    try:
        at = timezone.localtime(datetime.fromisoformat(published), ZoneInfo(newsletter.organisation.timezone))
        day = format_date(at, DATES.get(translation.get_language() or "", DATES["en"]))
    except ValueError:  # no date, or one that nobody can read: a news item need not have one
        day = ""
    return " · ".join(part for part in (author, day) if part)


def _areas(names: list[str], newsletter: Newsletter) -> str:
    """“Kommune: Albertslund, Furesø”, with the cooperation's own word."""
    if not names:
        return ""
    cooperation = newsletter.cooperation
    several = len(names) > 1
    label = area_word(cooperation, several=several) if cooperation else translation.gettext("Applies to")
    return one_line(f"{label}: {', '.join(names)}")
