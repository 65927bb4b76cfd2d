"""A mail as a document of its own, under a content security policy of its own: inline styles, our pictures, no more."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse

# Links open in a window of their own, outside the box.
SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"


def _media_host() -> str:
    parts = urlsplit(settings.OPSLAG_BASE_URL)
    return f"{parts.scheme}://{parts.netloc}"


def mail_document(html: str, language: str = "", *, sandboxed: bool = False) -> HttpResponse:
    """Serve a mail's HTML. `language` is the mail's own; `sandboxed` puts it into a box without any origin.

    Only here may a page bring its own styles (mails have no others), and only since no script can run beside them.
    """
    policy = [
        "default-src 'none'",
        "script-src 'none'",
        "style-src 'unsafe-inline'",
        f"img-src 'self' {_media_host()}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        *([SANDBOX] if sandboxed else []),
    ]
    response = HttpResponse(html)
    response["Content-Security-Policy"] = "; ".join(policy)
    response["X-Robots-Tag"] = "noindex"
    if language:
        response["Content-Language"] = language
    return response
