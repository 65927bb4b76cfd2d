"""Where e-mail services report what became of mails: proved, stored, and only then answered.

django-anymail proves who calls and reads the report; nothing else of the request is kept or logged. Answers: 200 for
what is stored or none of ours, 401 and 403 for strangers, 400 for what nobody can read, 413 for too much; 500 if it
could not be stored, so that the service tries again.
"""

from __future__ import annotations

import logging
from collections import Counter

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from publisher.api.esp_facts import StrangerError, UnreadableError, facts_of
from publisher.api.lengths import body_length
from publisher.operate import heartbeat
from publisher.track.events import keep
from publisher.transports.esps import ESPS, Esp

log = logging.getLogger(__name__)

# The largest that a service sends at once (SparkPost's batches); DATA_UPLOAD_MAX_MEMORY_SIZE is as much.
LARGEST_BODY = 5_000_000
REFUSED, UNREADABLE = "refused", "unreadable"
# Imported at the first call, not with every process.
_REPORTS_OF = "publisher.api.esp_views.reports_of"


@login_not_required
@csrf_exempt  # Services come without cookies; `reports_of` says who they are.
@never_cache
@require_http_methods(["POST", "HEAD"])
def esp_webhook(request: HttpRequest, name: str) -> HttpResponse:
    """One call of the service that OPSLAG_ESP names."""
    esp = ESPS.get(settings.OPSLAG_ESP)
    if esp is None or esp.name != name or not esp.view:
        raise Http404
    if request.method == "HEAD":
        # Some ask once whether anybody is here.
        return HttpResponse()
    if not settings.OPSLAG_ESP_WEBHOOK_KEY:
        log.error("a webhook of %s was refused: set OPSLAG_ESP_WEBHOOK_KEY", name)
        return _said(403, "not set up")
    if body_length(request, LARGEST_BODY) > LARGEST_BODY:
        return _said(413, "too large")
    return _take(request, esp)


def _take(request: HttpRequest, esp: Esp) -> HttpResponse:
    try:
        reports = import_string(_REPORTS_OF)(request, esp, settings.OPSLAG_ESP_WEBHOOK_KEY)
    except StrangerError:
        return _refused(request, esp)
    except UnreadableError as error:
        # No more than its kind: the words may quote the report, and with it addresses.
        log.warning("a webhook of %s could not be read (%s)", esp.name, error)
        _count(esp, Counter({UNREADABLE: 1}))
        return _said(400, "unreadable")
    facts, rest = facts_of(esp, reports, timezone.now())
    keep(facts)
    _count(esp, rest)
    return HttpResponse()


def _refused(request: HttpRequest, esp: Esp) -> HttpResponse:
    log.warning("a webhook of %s was refused: it is not signed, or not with OPSLAG_ESP_WEBHOOK_KEY", esp.name)
    _count(esp, Counter({REFUSED: 1}))
    if esp.signing_key or request.headers.get("Authorization"):
        return _said(403, "refused")
    # Amazon names user and password only when it is asked.
    response = _said(401, "who are you?")
    response["WWW-Authenticate"] = 'Basic realm="webhooks"'
    return response


def _count(esp: Esp, numbers: Counter[str]) -> None:
    heartbeat.add(heartbeat.name_of_webhook(esp.name), numbers)


def _said(status: int, words: str) -> HttpResponse:
    return HttpResponse(f"{words}\n", "text/plain; charset=utf-8", status=status)
