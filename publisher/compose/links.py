"""Our own addresses that mails lead to. They carry no name and no address of a person."""

from __future__ import annotations

from django.conf import settings

from publisher.models import Message


def unsubscribe_url(token: str) -> str:
    """The page on which a person leaves; also takes the one-click POST of RFC 8058. Must not redirect."""
    return f"{settings.OPSLAG_BASE_URL}/u/{token}"


def view_url(message: Message) -> str:
    """The mail as a web page: the same for everyone, since mails get forwarded."""
    return f"{settings.OPSLAG_BASE_URL}/m/{message.public_id.hex}"
