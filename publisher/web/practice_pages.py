"""The practice channel as the public would see it: a timeline, single posts, their pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from publisher.accounts import practice_channel
from publisher.compose.links import is_news, item_of_news, item_url
from publisher.items.content import excerpt
from publisher.items.pictures import picture_url
from publisher.models import Item, PracticeChannel, PracticePost
from publisher.templatetags.dates import when
from publisher.web.practice_api import handle_of
from publisher.web.residents import residents_page, speak

POSTS_A_PAGE = 20
CARD_WORDS = 160
CARD_WIDTH = 600


@login_not_required
@require_safe
def timeline(request: HttpRequest, slug: str) -> HttpResponse:
    """The channel's posts, the latest first."""
    channel = _channel(slug)
    page = Paginator(practice_channel.timeline(channel), POSTS_A_PAGE).get_page(request.GET.get("page"))
    return _feed(request, channel, page.object_list, page=page)


@login_not_required
@require_safe
def single_post(request: HttpRequest, slug: str, post_id: int) -> HttpResponse:
    """One post at its permanent address, with the thread that it is in."""
    channel = _channel(slug)
    post = practice_channel.thread_with(channel, post_id)
    if post is None:
        raise Http404
    return _feed(request, channel, [post])


@login_not_required
@require_safe
@cache_control(public=True, max_age=365 * 24 * 3600, immutable=True)
def picture(request: HttpRequest, slug: str, picture_id: int) -> HttpResponse:
    """The bytes of a published picture, exactly as they were uploaded."""
    found = practice_channel.published_picture(slug, picture_id)
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _channel(slug: str) -> PracticeChannel:
    channel = practice_channel.channel_of(slug)
    if channel is None:
        raise Http404
    return channel


def _feed(request: HttpRequest, channel: PracticeChannel, posts: Iterable[Any], **context: Any) -> HttpResponse:
    organisation = channel.organisation
    speak(request, organisation.language)
    threads = [[first, *first.thread_posts] for first in posts]
    stories = _stories(channel, {post.link for thread in threads for post in thread if post.link})
    drawn = [
        [_drawn(channel, post, stories.get(post.link), organisation.timezone) for post in thread] for thread in threads
    ]
    return residents_page(request, "timeline.html", organisation, channel=channel, threads=drawn, **context)


def _stories(channel: PracticeChannel, links: set[str]) -> dict[str, Item]:
    """The news items behind links: what a network's card would read from the linked pages."""
    tokens = {link.rpartition("/")[2] for link in links if is_news(link)}
    ours = [item_id for token in tokens if (item_id := item_of_news(token)) is not None]
    items = Item.objects.for_organisation(channel.organisation).filter(Q(link__in=links) | Q(pk__in=ours))
    return {item_url(item): item for item in items.select_related("picture")}


def _drawn(channel: PracticeChannel, post: Any, story: Item | None, zone: str) -> dict[str, Any]:
    """A post as templates/web/parts/post.html takes it."""
    address = reverse("practice-post", args=[channel.slug, post.pk])
    pictures = [
        {"url": reverse("practice-picture", args=[channel.slug, shot.pk]), "alt": shot.alt}
        for shot in sorted(post.pictures.all(), key=lambda shot: shot.pk)
    ]
    return {
        "kind": "practice",
        "name": channel.name,
        "handle": handle_of(channel),
        "text": post.text,
        "language": post.language,
        "when": _moments(address, post, zone),
        "pictures": pictures,
        "card": _card(post, story, with_picture=not pictures) if post.link else None,
    }


def _moments(address: str, post: Any, zone: str) -> SafeString:
    """When it was published, which leads to its own address, and when it was corrected."""
    shown = format_html('<a href="{}">{}</a>', address, when(post.shown_at, "short", zone))
    if post.edited_at is None:
        return shown
    return format_html("{} · {} {}", shown, _("corrected"), when(post.edited_at, "short", zone))


def _card(post: PracticePost, story: Item | None, *, with_picture: bool) -> dict[str, str]:
    if story is None:
        return {"url": post.link, "title": post.link.partition("://")[2]}
    shot = story.picture if with_picture else None
    return {
        "url": post.link,
        "host": urlsplit(post.link).hostname or "",
        "title": story.title,
        "description": excerpt(story.lead or story.body_text, CARD_WORDS),
        # As a path: the page may have been opened under another name of this server.
        "picture_url": picture_url(shot, CARD_WIDTH).removeprefix(settings.OPSLAG_BASE_URL) if shot else "",
    }
