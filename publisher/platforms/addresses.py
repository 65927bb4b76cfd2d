"""Where platforms with one address for everybody are called."""

from __future__ import annotations

from django.conf import settings


def origin(kind: str, usual: str) -> str:
    """`usual`, such as "https://graph.facebook.com"; in trials the contract server in OPSLAG_PLATFORM_ADDRESSES."""
    return str(settings.OPSLAG_PLATFORM_ADDRESSES.get(kind, usual))
