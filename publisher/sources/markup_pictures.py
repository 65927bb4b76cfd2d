"""The pictures in an article's markup, and which of several is the one to show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from publisher.sources.contract import PictureRef
from publisher.sources.feed_markup import TOKEN, attributes_of, pixels, plain_text, web_address

MIN_WIDTH = 100
# From here on a picture is large enough to lead a story; above LARGEST it only costs time and room.
GOOD_WIDTH = 300
LARGEST_SIDE = 2000
PER_ARTICLE = 5
_LONGEST_SET = 20_000
_LAZY = ("data-src", "data-lazy-src", "data-original", "data-lazyload", "data-hi-res-src")
_ANY = re.compile("<img", re.IGNORECASE)
_DESCRIPTOR = re.compile(r"(\d{1,6}(?:\.\d{1,4})?)([wx])", re.ASCII)
# Words of file names that say what a picture is: “kommunelogo” is one, “logopædi” and “katalog” are none.
_LOGO = re.compile(
    r"(?:logo(?:type)?|(?<![^\W\d_])(?:favicon|default|fallback|placeholder))s?(?![^\W\d_])", re.IGNORECASE
)
_SMALL_THINGS = re.compile(
    r"(?<![^\W\d_])(?:avatar|gravatar|icon|ikon|sprite|pixel|spacer|blank|emoji|smiley|spinner|tracking)s?(?![^\W\d_])",
    re.IGNORECASE,
)
_COUNTERS = frozenset({"gravatar.com", "secure.gravatar.com", "pixel.wp.com", "stats.wp.com", "feeds.feedburner.com"})


def pictures_in(markup: str, base: str, most: int = PER_ARTICLE) -> list[PictureRef]:
    """The first pictures that are meant to be seen, in reading order, with alt text and their figure's caption.

    Knows pictures that a script loads later (data-src) and takes the best of several sizes (srcset). Leaves out
    counting pixels and pictures known to be narrower than MIN_WIDTH.
    """
    found: list[PictureRef] = []
    if not _ANY.search(markup):
        return found
    figure = -1
    for token in TOKEN.finditer(markup):
        name = (token["name"] or "").lower()
        if name == "figure":
            figure = -1 if token["end"] else token.end()
        elif name == "img":
            picture = _picture(attributes_of(token["rest"]), base)
            if picture:
                found.append(replace(picture, caption=_caption(markup[figure:]) if figure >= 0 else ""))
            if len(found) == most:
                break
    return found


def best_first(pictures: Iterable[PictureRef]) -> tuple[PictureRef, ...]:
    """The pictures that may lead a story, each address once with all that is said of it, in the order to try them in.

    First those known to be large enough, the largest first, and what is larger than anybody needs behind them; then
    those of unknown size as they came; then small ones. Logos, avatars, icons and counting pixels are left out.
    """
    known: dict[str, PictureRef] = {}
    for picture in pictures:
        same = known.get(picture.url)
        known[picture.url] = merged(same, picture) if same else picture
    return tuple(sorted((each for each in known.values() if not _is_ornament(each)), key=_rank))


def merged(first: PictureRef, second: PictureRef) -> PictureRef:
    """One picture with what either mention of it says, the first before the second."""
    return replace(
        first,
        alt=first.alt or second.alt,
        caption=first.caption or second.caption,
        credit=first.credit or second.credit,
        width=first.width or second.width,
        height=first.height or second.height,
    )


def _rank(picture: PictureRef) -> tuple[int, int]:
    area = picture.width * (picture.height or picture.width * 2 // 3)
    if not picture.width:
        return 2, 0
    if picture.width < GOOD_WIDTH:
        return 3, -area
    return (1, area) if max(picture.width, picture.height) > LARGEST_SIDE else (0, -area)


def _is_ornament(picture: PictureRef) -> bool:
    try:
        parts = urlsplit(picture.url)
    except ValueError:
        return True
    name = unquote(parts.path).rpartition("/")[2]
    if 0 < picture.width < MIN_WIDTH or picture.height == 1 or parts.hostname in _COUNTERS or _LOGO.search(name):
        return True
    return picture.width < GOOD_WIDTH and bool(_SMALL_THINGS.search(name))


def _picture(attributes: Mapping[str, str], base: str) -> PictureRef | None:
    width, height = pixels(attributes.get("width", "")), pixels(attributes.get("height", ""))
    if height == 1 or 0 < width < MIN_WIDTH:
        return None
    address, wide = _best_address(attributes)
    url = web_address(address, base) if address else ""
    if not url:
        return None
    if wide:
        height = round(wide * height / width) if width and height else 0
        width = wide
    return PictureRef(url, alt=plain_text(attributes.get("alt", "")), width=width, height=height)


def _best_address(attributes: Mapping[str, str]) -> tuple[str, int]:
    """Of all that an img names, the address to fetch, and its width where that is told. A placeholder comes last."""
    sizes = [
        each for name in ("srcset", "data-srcset", "data-lazy-srcset") for each in _sizes(attributes.get(name, ""))
    ]
    if sizes:
        fit = [each for each in sizes if each[1] <= LARGEST_SIDE]
        address, width = max(fit, key=lambda each: each[1]) if fit else min(sizes, key=lambda each: each[1])
        return address, int(width)
    lazy = next((attributes[name] for name in _LAZY if attributes.get(name)), "")
    source = attributes.get("src", "").strip()
    return lazy or source, 0


def _sizes(written: str) -> Iterator[tuple[str, float]]:
    """Each address of a srcset with its width in pixels; those told only by density (2x) say nothing of use."""
    words = written[:_LONGEST_SET].split()
    for address, descriptor in pairwise(words):
        told = _DESCRIPTOR.fullmatch(descriptor.rstrip(","))
        if told and told[2] == "w" and float(told[1]) >= MIN_WIDTH and not address.startswith("data:"):
            yield address.lstrip(","), float(told[1])


def _caption(after_figure: str) -> str:
    inside = after_figure.partition("</figure")[0]
    return plain_text(inside.partition("<figcaption")[2].partition(">")[2].partition("</figcaption")[0])
