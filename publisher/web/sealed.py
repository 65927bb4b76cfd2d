"""Secrets on their way from one page to the next: encrypted, in a form or in the session, for the same person only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.fernet import InvalidToken
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from publisher.models import User
from publisher.models.fields import fernet

# The name of the form field; “secret” in it keeps it out of what is kept over a sign-in.
FIELD = "sealed_secret"
GOOD_FOR_S = 8 * 3600


def seal(user: User, values: Mapping[str, str]) -> str:
    """What a page may carry of `values`."""
    return fernet().encrypt(json.dumps([user.pk, dict(values)]).encode()).decode() if values else ""


def sealed_input(user: User, values: Mapping[str, str]) -> SafeString:
    """The hidden field that carries them."""
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, seal(user, values))


def opened(request: HttpRequest, user: User) -> dict[str, str]:
    """What a form of the same person brings back; nothing if it is too old or none of ours."""
    return unseal(user, request.POST.get(FIELD, ""), GOOD_FOR_S)


def unseal(user: User, sealed: str, good_for_s: int) -> dict[str, str]:
    """What was sealed for this person, at most so many seconds ago; else nothing."""
    try:
        owner, values = json.loads(fernet().decrypt(sealed.encode(), ttl=good_for_s))
    except (InvalidToken, UnicodeEncodeError, ValueError):
        return {}
    return {str(name): str(value) for name, value in values.items()} if owner == user.pk else {}
