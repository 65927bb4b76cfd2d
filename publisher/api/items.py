"""`/api/items`: where a website's own system pushes its news (docs/push.md).

Whoever has a source's token writes to that source and reads nothing. Every answer is JSON; what went wrong is said in
the language that the caller accepts, with the path of each field.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from publisher.api.lengths import body_length
from publisher.items import pushed
from publisher.items.push_tokens import PERIOD, count_call, holder_of
from publisher.models import Source, SourceToken
from publisher.sources.push import LARGEST_BODY, FaultsError, UnreadableError, read
from publisher.vocabulary import SourceStatus

JSON = "application/json"
# What came of items that are published.
STANDING = {pushed.CREATED, pushed.JOINED, pushed.CHANGED, pushed.UNCHANGED}
ItemsView = Callable[..., HttpResponse]


def _for_holders(*methods: str) -> Callable[[ItemsView], ItemsView]:
    """Let in calls by one of `methods` with a token that works, and hand its source on."""

    def decorate(view: ItemsView) -> ItemsView:
        @login_not_required
        @csrf_exempt  # Programs come without cookies; the token says who they are.
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, **named: str) -> HttpResponse:
            token = _token(request)
            if token is None:
                return _unknown()
            if request.method not in methods:
                return _not_allowed(methods)
            if token.source.status == SourceStatus.PAUSED:
                return _refused(403, "paused", _("The news source is paused in Opslag: nothing is taken in."))
            if wait_s := count_call(token):
                return _too_often(wait_s)
            return view(request, token.source, **named)

        return guarded

    return decorate


@_for_holders("POST")
def items(request: HttpRequest, source: Source) -> HttpResponse:
    """Take in one news item, or a list of them: all or, if one cannot be read, none."""
    if request.content_type != JSON:
        return _refused(415, "media_type", _("Send JSON, with the header Content-Type: application/json."))
    if body_length(request, LARGEST_BODY) > LARGEST_BODY:
        return _refused(413, "too_large", _("One call may hold at most 1 MB. Send fewer items at once."))
    try:
        given = read(request.body, ZoneInfo(source.organisation.timezone))
    except UnreadableError as error:
        return _refused(400, "unreadable", str(error))
    except FaultsError as error:
        fields = [{"path": fault.path, "message": str(fault.words)} for fault in error.faults]
        return _refused(422, "invalid", str(error), fields=fields)
    taken = pushed.take(source, given)
    status = 201 if any(each.result == pushed.CREATED for each in taken) else 200
    return JsonResponse({"items": [_answer(each) for each in taken]}, status=status)


@_for_holders("DELETE")
def item(request: HttpRequest, source: Source, external_id: str) -> HttpResponse:
    """Take one news item back."""
    taken = pushed.withdraw(source, external_id)
    if taken.item is None:
        return _refused(404, "unknown", _("This source has no news item with that id."))
    return JsonResponse({"items": [_answer(taken)]})


def _answer(taken: pushed.Taken) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "external_id": taken.external_id,
        "id": taken.item.pk if taken.item else None,
        "result": taken.result,
    }
    notes = []
    if taken.result == pushed.IGNORED:
        notes.append(_("A draft is not stored. Send it when it is published; to take an item back send “withdrawn”."))
    if taken.result == pushed.JOINED:
        notes.append(_("The item was here already, from another place or under another id: no second one was made."))
    if taken.is_archived and taken.result in STANDING:
        notes.append(_("It lies in the back catalogue: no rule uses it until somebody in Opslag takes it into use."))
    if taken.is_held:
        notes.append(_("The item is held back until a person in Opslag says that it is news."))
    if taken.result in STANDING and taken.without_picture:
        notes.append(_without_picture(taken) % {"why": taken.without_picture})
    return answer | ({"notes": notes} if notes else {})


def _without_picture(taken: pushed.Taken) -> str:
    if taken.picture_again:
        return _("Without its picture: %(why)s Send the item again to try once more.")
    return _("Without its picture: %(why)s")


def _token(request: HttpRequest) -> SourceToken | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return holder_of(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _unknown() -> HttpResponse:
    words = _("Send the source’s token in the header: Authorization: Bearer … This one is missing, wrong or revoked.")
    response = _refused(401, "token", words)
    response["WWW-Authenticate"] = 'Bearer realm="opslag"'
    return response


def _not_allowed(methods: tuple[str, ...]) -> HttpResponse:
    words = _("Only %(methods)s is possible here.") % {"methods": ", ".join(methods)}
    response = _refused(405, "method", words)
    response["Allow"] = ", ".join(methods)
    return response


def _too_often(wait_s: int) -> HttpResponse:
    words = _("Too many calls within %(period)s seconds. Wait %(wait)s seconds, and send several items at once.") % {
        "period": int(PERIOD.total_seconds()),
        "wait": wait_s,
    }
    response = _refused(429, "too_often", words)
    response["Retry-After"] = str(wait_s)
    return response


def _refused(status: int, code: str, message: str, **more: Any) -> HttpResponse:
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)
