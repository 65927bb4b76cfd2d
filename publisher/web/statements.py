"""What residents are owed in plain words: what is kept about them and how to complain; how accessible the pages are."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from publisher.access.organisations import organisation_of
from publisher.models import Newsletter, Organisation
from publisher.vocabulary import LinkCounting
from publisher.web.residents import gone, residents_page, speak

# Where residents of Denmark complain: about personal data, and about pages that shut them out.
DATA_PROTECTION = "https://www.datatilsynet.dk/"
DIGITAL_GOVERNMENT = "https://digst.dk/"


@login_not_required
@require_safe
def privacy(request: HttpRequest, slug: str) -> HttpResponse:
    """What an organisation keeps about those who read its newsletters."""
    organisation = organisation_of(slug)
    if organisation is None:
        return gone(request)
    speak(request, organisation.language)
    title = _("How we look after your address")
    counting = set(Newsletter.objects.for_organisation(organisation).values_list("link_counting", flat=True))
    return residents_page(
        request,
        "privacy.html",
        organisation,
        title=title,
        authority=DATA_PROTECTION,
        counts=bool(counting - {LinkCounting.NONE}),
        asks=LinkCounting.ONE_BY_ONE in counting,
    )


@login_not_required
@require_safe
def accessibility(request: HttpRequest, slug: str = "") -> HttpResponse:
    """How accessible the public pages and mails are, and whom to tell; with an organisation, whom to write to."""
    organisation: Organisation | None = organisation_of(slug) if slug else None
    if slug and organisation is None:
        return gone(request)
    if organisation:
        speak(request, organisation.language)
    title = _("Accessibility")
    return residents_page(request, "accessibility.html", organisation, title=title, authority=DIGITAL_GOVERNMENT)
