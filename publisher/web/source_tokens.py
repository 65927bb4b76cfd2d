"""The tokens of a source that is pushed to: made, shown once, revoked; and how a website's system uses one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from publisher.access.audit import record
from publisher.items.push_tokens import new_token, revoke
from publisher.models import Source, SourceToken
from publisher.sources import SOURCES
from publisher.web.sealed import seal, unseal
from publisher.web.staff import OwnRequest, own, staff

# Where the session keeps a new token, and for how many seconds it can be shown.
_MADE, _SHOWN_FOR_S = "token_made", 10 * 60
_EXAMPLE = """curl -X POST {url} \\
  -H "Authorization: Bearer {bearer}" \\
  -H "Content-Type: application/json" \\
  -d '{{"external_id": "42",
       "title": "Sommerkoncert i parken",
       "lead": "Kom og hør byens kor.",
       "body_html": "<p>Kom og hør byens kor.</p>",
       "link": "https://www.example.org/nyheder/42",
       "picture": {{"url": "https://www.example.org/kor.jpg", "alt": "Koret synger i parken"}},
       "areas": ["Havnby"], "tags": ["Teater"],
       "published_at": "2026-11-26T08:00:00+01:00"}}'"""


def pushing(found: Source) -> dict[str, Any]:
    """What the source's page says about pushing: the address, an example, the tokens."""
    url = settings.OPSLAG_BASE_URL + reverse("api-items")
    return {
        "push_url": url,
        "example": _EXAMPLE.format(url=url, bearer="…"),
        "tokens": found.tokens.select_related("created_by"),
    }


@staff("edit")
@require_POST
def token_new(request: OwnRequest, pk: int) -> HttpResponse:
    """Make a token; the next page shows it. It goes there encrypted, in the session, so that no address has it."""
    found = _source(request, pk)
    token = new_token(found, request.user)
    record(request.organisation, request.user, "token_made", found, gettext_noop("made a token"))
    request.session[_MADE] = seal(request.user, {"source": str(pk), "token": token})
    return redirect("token-made", pk=pk)


@staff("edit")
@never_cache
@require_GET
def token_made(request: OwnRequest, pk: int) -> HttpResponse:
    """Show a token that was just made, this once."""
    found = _source(request, pk)
    made = unseal(request.user, request.session.pop(_MADE, ""), _SHOWN_FOR_S)
    if made.get("source") != str(pk):
        messages.info(request, _("A token is shown once only. If it was not copied, revoke it and make another one."))
        return redirect("source", pk=pk)
    token = made["token"]
    url = settings.OPSLAG_BASE_URL + reverse("api-items")
    context = {
        "title": _("The new token"),
        "state": _("Copy it now: it is shown this once. Whoever has it can put news into “%(name)s”.")
        % {"name": found.name},
        "token": token,
        "example": _EXAMPLE.format(url=url, bearer=token),
        "source": found,
    }
    return render(request, "web/settings/source_token.html", context)


@staff("edit")
@require_POST
def token_revoke(request: OwnRequest, pk: int, token: int) -> HttpResponse:
    """Nobody pushes with it any more."""
    found = _source(request, pk)
    row = own(SourceToken.objects.for_organisation(request.organisation).filter(source=found), token)
    if revoke(row):
        words = gettext_noop("revoked the token that ends in %(ending)s")
        record(request.organisation, request.user, "token_revoked", found, words, ending=row.ending)
        messages.success(request, _("The token that ends in %(ending)s works no more.") % {"ending": row.ending})
    return redirect("source", pk=pk)


def _source(request: OwnRequest, pk: int) -> Source:
    found = own(Source.objects.for_organisation(request.organisation).defer("credentials", "state"), pk)
    if found.kind not in SOURCES or SOURCES[found.kind].polled:
        raise Http404
    return found
