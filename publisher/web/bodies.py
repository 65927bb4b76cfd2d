"""How large a request says that it is, before any of it is read."""

from __future__ import annotations

from django.http import HttpRequest


def declared_length(request: HttpRequest) -> int:
    """Bytes of the body. Django reads no more than this: a body without a length counts as empty."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
