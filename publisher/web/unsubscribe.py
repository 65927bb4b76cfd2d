"""Leaving a newsletter: one click in the mail program (RFC 8058), or one button on a page. No GET changes anything."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from publisher.audience.by_token import come_back, consent_words, masked, may_come_back, subscription_of
from publisher.audience.leave import unsubscribe as leave
from publisher.audience.tracking import allow_tracking, asks_for_tracking, refuse_tracking, tracking_words
from publisher.models import Subscription
from publisher.web.bodies import declared_length
from publisher.web.residents import gone, residents_page, speak

# The pair that a mail program posts, in a form of either encoding (RFC 8058 §3.1).
PAIR = ("List-Unsubscribe", "One-Click")
LARGEST_BODY = 65_536


@login_not_required
@csrf_exempt  # Mail programs come without cookies. Whatever is not their pair goes on to `_by_hand`, which checks.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The address in every mail's List-Unsubscribe header and at its foot. It never redirects (RFC 8058 §3.1)."""
    if declared_length(request) > LARGEST_BODY:
        response = HttpResponse(_("This is more than a form can hold."), "text/plain; charset=utf-8", status=413)
    elif request.method == "POST" and request.POST.get(PAIR[0]) == PAIR[1]:
        response = _one_click(request, token)
    else:
        response = _by_hand(request, token)
    response["Referrer-Policy"] = "same-origin"
    return response


def _one_click(request: HttpRequest, token: str) -> HttpResponse:
    subscription = subscription_of(token)
    if subscription is None or leave(token, source="one-click") is None:
        return HttpResponse(_("This address belongs to no subscription."), "text/plain; charset=utf-8", status=404)
    speak(request, subscription.subscriber.language)
    words = _("You have unsubscribed from %(newsletter)s.") % {"newsletter": subscription.newsletter.name}
    return HttpResponse(f"{words}\n", "text/plain; charset=utf-8")


@csrf_protect
def _by_hand(request: HttpRequest, token: str) -> HttpResponse:
    subscription = subscription_of(token)
    if subscription is None:
        return gone(request)
    language = speak(request, subscription.subscriber.language)
    if request.method != "POST":
        return _page(request, subscription, language)
    if request.POST.get("choice") == "again":
        if subscription.unsubscribed_at and may_come_back(subscription):
            subscription = come_back(subscription, language)
        return _page(request, subscription, language, came_back=subscription.unsubscribed_at is None)
    if request.POST.get("choice") in ("count", "no-count"):
        return _choose(request, subscription, language)
    leave(token, source="link")
    subscription.refresh_from_db(fields=["unsubscribed_at"])
    return _page(request, subscription, language)


def _choose(request: HttpRequest, subscription: Subscription, language: str) -> HttpResponse:
    """Whether we may note that they click."""
    if request.POST["choice"] == "count":
        done = allow_tracking(subscription, language)
    else:
        refuse_tracking(subscription)
        done = True
    subscription.refresh_from_db(fields=["unsubscribed_at", "tracking_consent_at"])
    return _page(request, subscription, language, chose=done)


def _page(
    request: HttpRequest, subscription: Subscription, language: str, *, came_back: bool = False, chose: bool = False
) -> HttpResponse:
    """The one page in its three states: to leave, has left, is back."""
    newsletter = subscription.newsletter
    left = subscription.unsubscribed_at is not None
    template = "back_again.html" if came_back else "unsubscribed.html" if left else "unsubscribe.html"
    return residents_page(
        request,
        template,
        newsletter.organisation,
        colour=newsletter.brand_colour,
        newsletter=newsletter,
        address=masked(subscription.subscriber.address),
        may_come_back=left and may_come_back(subscription),
        consent=consent_words(newsletter, language) if left else "",
        tracking=tracking_words(newsletter, language) if asks_for_tracking(newsletter) and not left else "",
        tracked=subscription.tracking_consent_at is not None,
        chose=chose,
    )
