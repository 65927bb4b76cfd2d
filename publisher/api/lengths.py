"""How long a call's body says it is."""

from __future__ import annotations

from django.http import HttpRequest


def body_length(request: HttpRequest, most: int) -> int:
    """The body's length in bytes; more than `most` if it says something that is no length.

    Django reads no more than this: a body without a length counts as empty.
    """
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else most + 1
