"""What the mail catcher kept instead of sending it: for staff to see each mail as its reader would have got it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from publisher.models import Role
from publisher.operate import caught
from publisher.operate.caught import Caught
from publisher.templatetags.dates import number
from publisher.web.documents import mail_document
from publisher.web.middleware import StaffRequest

MAILS_A_PAGE = 25


@require_safe
@never_cache
def catcher(request: StaffRequest) -> HttpResponse:
    """The mails that were caught, the newest first; `q` searches recipients and subjects."""
    may_see, query = _may_see(request), request.GET.get("q", "").strip()
    found, older = caught.newest(_folder(), lambda mail: may_see(mail) and mail.holds(query))
    page = Paginator(found, MAILS_A_PAGE).get_page(request.GET.get("page"))
    count = len(found)
    words = _count_words(count, searched=bool(query))
    context = {
        "title": _("Caught mail"),
        "state": words % {"count": number(count)} if count else "",
        "query": query,
        "page": page,
        "older": older,
        "looked_through": caught.LOOKED_THROUGH,
    }
    return render(request, "web/catcher/list.html", context)


@require_safe
@never_cache
def catcher_mail(request: StaffRequest, mail_id: str) -> HttpResponse:
    """One mail with its headers, its HTML in a box, its plain text."""
    _visible(request, mail_id)
    mail = caught.opened(_folder(), mail_id)
    if mail is None:
        raise Http404
    context = {"title": mail.caught.subject or _("(no subject)"), "mail": mail}
    return render(request, "web/catcher/mail.html", context)


@require_safe
@never_cache
def catcher_html(request: StaffRequest, mail_id: str) -> HttpResponse:
    """The mail's HTML as a document of its own, in a box where nothing can run."""
    _visible(request, mail_id)
    mail = caught.opened(_folder(), mail_id)
    if mail is None or not mail.html:
        raise Http404
    return mail_document(mail.html, sandboxed=True)


@require_safe
@never_cache
def catcher_raw(request: StaffRequest, mail_id: str) -> FileResponse:
    """The mail as it would have gone over the wire, under the names on its envelope."""
    _visible(request, mail_id)
    path = caught.file_of(_folder(), mail_id)
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="message/rfc822")


def _count_words(count: int, *, searched: bool) -> str:
    if searched:
        return ngettext("%(count)s mail found.", "%(count)s mails found.", count)
    return ngettext(
        "%(count)s mail was kept here instead of being sent.",
        "%(count)s mails were kept here instead of being sent.",
        count,
    )


def _folder() -> Path:
    """Where the catcher keeps mail. 404 where there is no catcher."""
    if not settings.OPSLAG_CATCHER_DIR:
        raise Http404
    return Path(settings.OPSLAG_CATCHER_DIR)


def _visible(request: StaffRequest, mail_id: str) -> None:
    """404 unless the mail is there and for this user to see."""
    mail = caught.listed(_folder(), mail_id)
    if mail is None or not _may_see(request)(mail):
        raise Http404


def _may_see(request: StaffRequest) -> Callable[[Caught], bool]:
    """The catcher takes everybody's mail; staff see what their organisation sent, and notices to colleagues."""
    organisation = request.organisation
    if request.user.is_superuser:
        return lambda mail: True
    if organisation is None:
        raise Http404
    roles = Role.objects.for_organisation(organisation).select_related("user")
    colleagues = {role.user.email.lower() for role in roles}

    def visible(mail: Caught) -> bool:
        if mail.stream:
            return mail.stream == organisation.slug
        return any(address.lower() in colleagues for address in mail.recipients)

    return visible
