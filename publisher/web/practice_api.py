"""The practice channel's API: what a social network's API is to its plug-in. Called by our own workers with a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from publisher.accounts import practice_channel
from publisher.errors import InputError
from publisher.models import PracticeChannel, PracticePost
from publisher.web.practice_wire import RefusedError, number_of, read_edit, read_key, read_post, read_upload

Handler = Callable[..., dict[str, Any]]


def _endpoint(**handlers: Handler) -> Callable[..., JsonResponse]:
    """A view of the API: one handler per method, the token checked first, refusals as {"error": sentence}."""

    @login_not_required
    @csrf_exempt
    @never_cache
    def view(request: HttpRequest, slug: str, **more: str) -> JsonResponse:
        try:
            channel = practice_channel.channel_for(slug, _token(request))
            if channel is None:
                raise RefusedError(401, _("The token does not belong to this channel."))
            handler = handlers.get(request.method or "")
            if handler is None:
                raise RefusedError(405, _("This address knows only: %(names)s.") % {"names": ", ".join(handlers)})
            return JsonResponse(handler(request, channel, **more))
        except RefusedError as refused:
            return JsonResponse({"error": str(refused)}, status=refused.status)
        except InputError as refused:
            return JsonResponse({"error": str(refused)}, status=422)

    return view


def _token(request: HttpRequest) -> str:
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def address_of(channel: PracticeChannel, post: PracticePost | None = None) -> str:
    """The public address of a channel, or of one of its posts."""
    name, where = ("practice-post", [channel.slug, post.pk]) if post else ("practice-timeline", [channel.slug])
    return f"{settings.OPSLAG_BASE_URL}{reverse(name, args=where)}"


def handle_of(channel: PracticeChannel) -> str:
    """The channel's name as one would write it in a post."""
    return f"@{channel.slug}"


def _entity(channel: PracticeChannel, post: PracticePost) -> dict[str, Any]:
    return {"id": str(post.pk), "url": address_of(channel, post)}


def _show_channel(request: HttpRequest, channel: PracticeChannel) -> dict[str, Any]:
    return {
        "id": str(channel.pk),
        "name": channel.name,
        "handle": handle_of(channel),
        "url": address_of(channel),
    }


def _upload(request: HttpRequest, channel: PracticeChannel) -> dict[str, Any]:
    file, alt = read_upload(request)
    picture = practice_channel.keep_picture(channel, file.read(), file.content_type or "", alt)
    path = reverse("practice-picture", args=[channel.slug, picture.pk])
    return {"id": str(picture.pk), "url": f"{settings.OPSLAG_BASE_URL}{path}"}


def _create(request: HttpRequest, channel: PracticeChannel) -> dict[str, Any]:
    return _entity(channel, practice_channel.publish(channel, read_post(request)))


def _search(request: HttpRequest, channel: PracticeChannel) -> dict[str, Any]:
    post = practice_channel.post_with_key(channel, read_key(request))
    return {"posts": [_entity(channel, post)] if post else []}


def _post_named(channel: PracticeChannel, post_id: str) -> PracticePost:
    number = number_of(post_id)
    post = practice_channel.post_with_id(channel, number) if number else None
    if post is None:
        raise RefusedError(404, _("There is no such post."))
    return post


def _show_post(request: HttpRequest, channel: PracticeChannel, post_id: str) -> dict[str, Any]:
    """The post with what is counted here: nobody can like or share, and our own answers are the only ones."""
    post = _post_named(channel, post_id)
    return _entity(channel, post) | {"likes": 0, "reposts": 0, "replies": practice_channel.answer_count(post)}


def _edit(request: HttpRequest, channel: PracticeChannel, post_id: str) -> dict[str, Any]:
    post, (text, link) = _post_named(channel, post_id), read_edit(request)
    if not (text.strip() or link or post.pictures.exists()):
        raise RefusedError(422, _("An empty post cannot be published."))
    practice_channel.edit(post, text, link)
    return _entity(channel, post)


def _delete(request: HttpRequest, channel: PracticeChannel, post_id: str) -> dict[str, Any]:
    practice_channel.delete(_post_named(channel, post_id))
    return {}


channel = _endpoint(GET=_show_channel)
pictures = _endpoint(POST=_upload)
posts = _endpoint(GET=_search, POST=_create)
post = _endpoint(GET=_show_post, PUT=_edit, DELETE=_delete)
