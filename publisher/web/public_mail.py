"""“View in browser”: a mail as a web page. The address is the same for everyone, since mails get forwarded."""

from __future__ import annotations

import re
import uuid

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from publisher.compose.viewing import MailPage, mail_page
from publisher.errors import OpslagError
from publisher.web.documents import mail_document
from publisher.web.middleware import StaffRequest
from publisher.web.residents import gone

# Seconds: a correction is seen soon, and a newsletter read by many at once asks the database once in a while.
FRESH_FOR_S = 300


@login_not_required
@require_safe
def view_mail(request: StaffRequest, public_id: str) -> HttpResponse:
    """The mail, or for the organisation's staff a preview of one that has not begun; 404 for everything else."""
    try:
        page = mail_page(uuid.UUID(public_id), request.user)
    except OpslagError as fault:
        return _private(render(request, "web/public/mail_fault.html", {"fault": fault}, status=409))
    if page is None:
        return _private(gone(request))
    response = mail_document(_with_note(page, _with_foot(page)), page.language)
    if page.preview:
        return _private(response)
    patch_cache_control(response, public=True, max_age=FRESH_FOR_S)
    return response


def _with_foot(page: MailPage) -> str:
    """The mail with the links of our public pages beneath it; the mail itself, as it was sent, stays as it is."""
    body, end, rest = page.html.rpartition("</body>")
    if not end:
        return page.html
    with translation.override(page.language):
        foot = render_to_string("newsletters/parts/browser_foot.html", {"organisation": page.sender})
    return body + foot + end + rest


_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def _with_note(page: MailPage, html: str) -> str:
    """The page with what was wrong above the mail, where everybody sees it before they read on."""
    begins = _BODY.search(html)
    if page.noted_at is None or begins is None:
        return html
    with translation.override(page.language):
        context = {"withdrawn": page.withdrawn, "at": page.noted_at, "note": page.note}
        note = render_to_string("newsletters/parts/browser_note.html", context)
    return html[: begins.end()] + note + html[begins.end() :]


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response
