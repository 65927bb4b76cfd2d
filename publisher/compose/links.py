"""Our own addresses that mails lead to. They carry no name and no address of a person."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from functools import lru_cache

from django.conf import settings

from publisher.models import Item, Message


def unsubscribe_url(token: str) -> str:
    """The page on which a person leaves; also takes the one-click POST of RFC 8058. Must not redirect."""
    return f"{settings.OPSLAG_BASE_URL}/u/{token}"


def view_url(message: Message) -> str:
    """The mail as a web page: the same for everyone, since mails get forwarded."""
    return f"{settings.OPSLAG_BASE_URL}/m/{message.public_id.hex}"


_CODE_BYTES = 10
# What a signed 64-bit column can hold, in hexadecimal.
_NUMBER = re.compile(r"[1-9a-f][0-9a-f]{0,14}")
_SIGNATURE_BYTES = 16
# A delivery's number in hexadecimal (it fits a signed 64-bit column), then its signature.
_CLICK_TOKEN = re.compile(rf"([1-9a-f][0-9a-f]{{0,14}}|[1-7][0-9a-f]{{15}})[0-9a-f]{{{2 * _SIGNATURE_BYTES}}}")


def link_code(message: Message, url: str) -> str:
    """What stands for one address in one mail: 16 letters and digits, the same every time it is compiled."""
    digest = hashlib.blake2b(
        f"{message.public_id.hex} {url}".encode(), digest_size=_CODE_BYTES, key=_key(settings.SECRET_KEY, b"link")
    )
    return b32encode(digest.digest()).decode().lower()


def link_url(code: str) -> str:
    """The address that counts a click and leads on. With a click token behind it, it says whose click it was."""
    return f"{settings.OPSLAG_BASE_URL}/l/{code}"


def event_url(item_id: int) -> str:
    """An event as a file for one's calendar: the same for everyone, and nobody can count on to the next one."""
    return f"{settings.OPSLAG_BASE_URL}/events/{event_token(item_id)}.ics"


def event_token(item_id: int) -> str:
    """What stands for an item in its file's address: its number and a signature."""
    return _item_token(item_id, b"event")


def item_of_token(token: str) -> int | None:
    """The item that a file's token names; None for what we did not sign."""
    return _item_of(token, b"event")


def news_url(item_id: int) -> str:
    """Our page of a news item, for one that has no address of its own; nobody can count on to the next one."""
    return f"{settings.OPSLAG_BASE_URL}/n/{_item_token(item_id, b'news')}"


def item_of_news(token: str) -> int | None:
    """The item of our page; None for what we did not sign."""
    return _item_of(token, b"news")


def item_url(item: Item) -> str:
    """Where a news item can be read: at its source, else (what was written by hand) on our page."""
    return item.link or news_url(item.pk)


def _item_token(item_id: int, purpose: bytes) -> str:
    digest = hashlib.blake2b(b"%d" % item_id, digest_size=_CODE_BYTES, key=_key(settings.SECRET_KEY, purpose))
    return f"{item_id:x}-{digest.hexdigest()}"


def _item_of(token: str, purpose: bytes) -> int | None:
    number, _mark, _signature = token.partition("-")
    if not _NUMBER.fullmatch(number):
        return None
    item_id = int(number, 16)
    return item_id if hmac.compare_digest(_item_token(item_id, purpose).encode(), token.encode()) else None


def is_news(url: str) -> bool:
    """Whether an address is our page of a news item."""
    return url.startswith(f"{settings.OPSLAG_BASE_URL}/n/")


def is_own(url: str) -> bool:
    """Whether an address leads to this installation."""
    return f"{url}/".startswith(f"{settings.OPSLAG_BASE_URL}/")


@lru_cache(maxsize=4)
def _key(secret: str, purpose: bytes) -> bytes:
    """A key of its own for each purpose: what signs one thing never signs another."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"opslag " + purpose).digest()


@lru_cache(maxsize=2)
def _signer(secret: str) -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=_SIGNATURE_BYTES, key=_key(secret, b"click"))


def click_token(delivery_id: int) -> bytes:
    """What names a delivery behind every link of its mail, signed; for people who have said yes. About 1 µs."""
    signed = _signer(settings.SECRET_KEY).copy()
    signed.update(b"%d" % delivery_id)
    return b"%x%s" % (delivery_id, signed.hexdigest().encode())


def clicked_delivery(token: str) -> int | None:
    """The delivery that a click token names; None for what we did not sign."""
    read = _CLICK_TOKEN.fullmatch(token)
    if read is None:
        return None
    delivery_id = int(read[1], 16)
    return delivery_id if hmac.compare_digest(click_token(delivery_id), token.encode()) else None
