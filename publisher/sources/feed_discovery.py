"""Where a website has its feed, when staff gave the address of one of its pages."""

from __future__ import annotations

from publisher.address_guard import time_left, time_limit
from publisher.errors import OpslagError
from publisher.http import FetchLimits, Reply, fetch
from publisher.sources.contract import Suggestion
from publisher.sources.feed_entries import NotAFeedError, ReadFeed, read_feed
from publisher.sources.feed_pages import usual_places
from publisher.sources.json_feed import begins_as_json, read_json_feed

ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.1"
# Somebody waits for it in front of a page.
_PATIENCE_S = 15.0
_LIMITS = FetchLimits(connect_s=3, read_s=5, total_s=6, max_redirects=3)


def read_reply(reply: Reply) -> ReadFeed:
    """The feed in an answer, whose content decides what kind it is. Raises PermanentError (`not_a_feed`)."""
    read = read_json_feed if begins_as_json(reply.body) else read_feed
    return read(reply.body, reply.headers.get("content-type", ""), reply.url)


def suggestions(url: str, error: OpslagError) -> tuple[Suggestion, ...]:
    """What the person who gave `url` may have meant, after looking there ended in `error`."""
    if isinstance(error, NotAFeedError) and error.is_page:
        named = tuple(Suggestion({"url": feed.url}, feed.title) for feed in error.named if feed.url != url)
        return named or _at_a_usual_place(error.url)
    if ("." in url and not any(mark in url for mark in (":", "/", "@", " "))) or url.startswith("www."):
        return (Suggestion({"url": f"https://{url}"}),)
    return ()


def _at_a_usual_place(page: str) -> tuple[Suggestion, ...]:
    """The first usual place on the page's host that gives a feed: few questions, one after the other."""
    with time_limit(_PATIENCE_S):
        for place in usual_places(page):
            if time_left() <= 0:
                break
            try:
                reply = fetch(place, headers={"Accept": ACCEPT}, limits=_LIMITS)
                if reply.status == 200:
                    return (Suggestion({"url": place}, read_reply(reply).title),)
            except OpslagError:
                continue
    return ()
