"""feedparser's parser of well-formed feeds, with a short way for the elements that nearly all of a feed is made of.

For each element feedparser looks for namespaces, bases, languages and markup within words before it calls what handles
the element, and a feed of twenty articles with a dozen categories each has five hundred. Where an element surely brings
none of that, what handles it is called at once. It is feedparser's in either case, and so is what comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from xml.parsers import expat

from feedparser.api import StrictFeedParser
from feedparser.util import FeedParserDict

BETWEEN = "\n"  # between a namespace and a name, neither of which can contain it
Name = tuple[str | None, str]
# As feedparser names them. What handles these looks at nothing but the words and attributes of the element.
_SHORT = frozenset(
    {
        "author",
        "category",
        "content_encoded",
        "dc_creator",
        "dc_date",
        "dc_subject",
        "description",
        "guid",
        "id",
        "link",
    }
    | {"name", "pubdate", "published", "summary", "title", "updated"}
)
# Attributes that say something about what is within, or whose values are brought into one form.
_LONG = frozenset({"base", "lang", "mode", "rel", "type"})
# What Windows-1252 has at these places feedparser puts there.
_WINDOWS = re.compile("[\x80-\x9f]")


class _Way(NamedTuple):
    """What feedparser does where an element begins, and where it ends."""

    tag: str
    begin: Callable[[dict[str, str]], object]
    end: Callable[[], object]


class FeedElements(StrictFeedParser):  # type: ignore[misc]
    """Takes elements as expat gives them. Without feedparser's cleaning of HTML and joining of addresses."""

    def __init__(self) -> None:
        super().__init__("", None, "utf-8")
        self.resolve_relative_uris = self.sanitize_html = False
        # Asked four things at each element, and mostly empty: feedparser's own kind of dict is slow to say so.
        self.contentparams: dict[str, Any] = {}
        self._known: dict[Name, _Way | None] = {}
        self._open: list[_Way | None] = []
        # Whether the innermost element was begun the short way and has nothing but words so far.
        self._is_plain = False

    def startPrefixMapping(self, prefix: str | None, uri: str) -> None:  # noqa: N802 -- the name that SAX gives it
        """A prefix gets a meaning."""
        self._known.clear()
        super().startPrefixMapping(prefix, uri)

    def begin(self, name: Name, attributes: dict[str, str]) -> None:
        """An element begins; a namespace stands before the name of an attribute, with BETWEEN."""
        way = None if self._is_within_words() or _are_long(attributes) else self._way_of(name)
        self._open.append(way)
        self._is_plain = way is not None
        if way is None:
            self.startElementNS(name, None, _Attributes(attributes))
        else:
            self.depth += 1
            self.basestack.append(self.baseuri)
            self.langstack.append(self.lang)
            way.begin({key.lower(): value for key, value in attributes.items()})

    def end(self, name: Name) -> None:
        """The innermost element ends."""
        way = self._open.pop()
        if way is None:
            self._is_plain = False
            self.endElementNS(name, None)
            return
        try:
            way.end()
        except AttributeError:  # so it is in feedparser
            self.pop(way.tag)
        self._is_plain = False
        self._leave()

    def _leave(self) -> None:
        """Base and language are again what they were around the element."""
        self.depth -= 1
        if self.basestack:
            self.basestack.pop()
        if self.basestack and self.basestack[-1]:
            self.baseuri = self.basestack[-1]
        if self.langstack:
            self.langstack.pop()
        if self.langstack:
            self.lang = self.langstack[-1]

    def push_content(self, *element: Any) -> None:
        """feedparser's: an element that may hold markup begins."""
        super().push_content(*element)
        self.contentparams = dict(self.contentparams)

    def pop_content(self, tag: str) -> Any:
        """feedparser's: the words of such an element."""
        words = super().pop_content(tag)
        self.contentparams = {}
        return words

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        """feedparser's: an element's words, put where they belong. Its short way, for an article's mere words."""
        if not self._is_plain or not self.inentry or self.insource or not strip_whitespace:
            return super().pop(element, strip_whitespace)
        if self.elementstack[-1][0] != element:
            return None
        words = "".join(self.elementstack[-1][2]).strip()
        if not words.isascii() and not words.replace("\n", "").isprintable() and _WINDOWS.search(words):
            return super().pop(element)
        _element, is_wanted, _pieces = self.elementstack.pop()
        return self._keep(element, words) if is_wanted else words

    def _keep(self, element: str, words: str) -> str:
        if element in self.can_be_relative_uri and words and (element != "id" or self.guidislink):
            words = self.resolve_uri(words)
        is_plain_text = not self.version.startswith("atom") and self.contentparams.get("type") == "text/plain"
        if is_plain_text and self.looks_like_html(words):
            self.contentparams["type"] = "text/html"
        self.contentparams.pop("base64", None)
        words = _decoded_once_more(words)
        if element == "category" or (element == "title" and -1 < self.title_depth <= self.depth):
            return words
        if element == "link":
            return self._keep_link(words)
        entry = self.entries[-1]
        if element == "content":
            entry.setdefault(element, []).append(self.contentparams | {"value": words})
            return words
        element = "summary" if element == "description" else element
        depths = self.property_depth_map.setdefault(entry, {})
        if self.depth <= depths.get(element, self.depth):
            depths[element] = self.depth
            entry[element] = words
        if self.incontent:
            entry[f"{element}_detail"] = self.contentparams | {"value": words}
        return words

    def _keep_link(self, words: str) -> str:
        if "&" in words:
            words = re.sub("&([A-Za-z0-9_]+);", r"&\g<1>", words.replace("&amp;", "&"))
        self.entries[-1]["link"] = words
        if words:
            self.entries[-1]["links"][-1]["href"] = words
        return words

    def _add_tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        """feedparser's: a category, unless it is there already."""
        tags = dict.setdefault(self._get_context(), "tags", [])
        tag = FeedParserDict(term=term, scheme=scheme, label=label)
        if (term or scheme or label) and tag not in tags:
            tags.append(tag)

    def _is_within_words(self) -> bool:
        """Whether it is within an article's markup or an image, has a base, or the first with a new namespace."""
        return bool(self.incontent or self.inimage or self.intextinput or self.baseuri or self.decls)

    def _way_of(self, name: Name) -> _Way | None:
        if name not in self._known:
            namespace, local = name
            prefix = self._matchnamespaces.get((namespace or "").lower())
            prefix = self.namespacemap.get(prefix, prefix) if prefix else prefix
            tag = f"{prefix}_{local}".lower() if prefix else local.lower()
            is_short = prefix is not None and tag in _SHORT
            way = _Way(tag, getattr(self, f"_start_{tag}"), getattr(self, f"_end_{tag}")) if is_short else None
            self._known[name] = way
        return self._known[name]


def _decoded_once_more(words: str) -> str:
    """feedparser's: UTF-8 that was taken for Latin-1 and encoded again, as it was meant."""
    if words.isascii():
        return words
    try:
        return words.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        return words


def parser_for(
    start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], text: Callable[[str], None]
) -> expat.XMLParserType:
    """Expat with these handlers; names of elements as `split` takes them apart, text in one piece."""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=BETWEEN)
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser


def split(tag: str) -> Name:
    """Expat's namespace and name in one string."""
    namespace, _, name = tag.rpartition(BETWEEN)
    return namespace or None, name


def _are_long(attributes: Iterable[str]) -> bool:
    for name in attributes:  # noqa: SIM110 -- asked of each element, and a generator for each takes twice as long
        if BETWEEN in name or name.lower() in _LONG:
            return True
    return False


class _Attributes:
    """Attributes as feedparser asks for them."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self._named = {split(name): value for name, value in attributes.items()}

    def items(self) -> Iterable[tuple[Name, str]]:
        return self._named.items()

    def getQNames(self) -> tuple[str, ...]:  # noqa: N802 -- the name that SAX gives it
        return ()
