"""The feeds of a website, given one of its pages: those that the page names, and the places where one usually is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from publisher.sources.feed_markup import elements, plain_text, web_address

MAX_NAMED = 12
# What the page says of itself stands at its beginning.
_HEAD = 262_144
# “feed+json” is the registered name, “json” what JSON Feed 1.0 asked for.
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"})
_PERHAPS_A_FEED = frozenset({"application/json", "application/xml", "text/xml"})
# WordPress, Drupal, Hugo and static sites, Umbraco and Sitecore by habit, JSON Feed; the likeliest first.
USUAL_PLACES = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/feed.json", "/index.xml")


@dataclass(frozen=True)
class NamedFeed:
    """A feed's address, and what the page calls it ("" if nothing)."""

    url: str
    title: str = ""


def named_feeds(page: str, url: str) -> tuple[NamedFeed, ...]:
    """The feeds that a web page at `url` names in link elements, each address once, in its order.

    Feeds of comments are left out where there are others: WordPress names them on every page.
    """
    base = url
    found: dict[str, NamedFeed] = {}
    for name, attributes in elements(page[:_HEAD], "base", "link"):
        address = web_address(attributes.get("href", ""), base) if attributes.get("href") else ""
        if name == "base":
            base = address or base
        elif address and _is_feed(attributes, address):
            found.setdefault(address, NamedFeed(address, plain_text(attributes.get("title", ""))[:120]))
    news = [feed for feed in found.values() if not _is_about_comments(feed)]
    return tuple(news or found.values())[:MAX_NAMED]


def usual_places(url: str) -> tuple[str, ...]:
    """Addresses on the host of `url` at which websites often have a feed."""
    return tuple(urljoin(url, place) for place in USUAL_PLACES if urlsplit(url).path != place)


def _is_feed(link: dict[str, str], address: str) -> bool:
    relation, kind = link.get("rel", "").lower().split(), link.get("type", "").partition(";")[0].strip().lower()
    if "alternate" not in relation and "feed" not in relation:
        return False
    if kind in _FEED_TYPES:
        return True
    path = urlsplit(address).path.lower()
    # “application/json” is also what WordPress calls the page's own data.
    return kind in _PERHAPS_A_FEED and any(word in path for word in ("feed", "rss", "atom"))


def _is_about_comments(feed: NamedFeed) -> bool:
    words = f"{urlsplit(feed.url).path} {feed.title}".lower()
    return "comment" in words or "kommentar" in words
