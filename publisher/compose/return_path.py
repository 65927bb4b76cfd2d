"""Where mail that comes back is told apart: a signed address on each envelope (VERP), and one to unsubscribe by mail.

An address made here names one delivery and nobody's person, and cannot be forged: without OPSLAG_SECRET_KEY nobody can
say that another's mail came back. It survives being put into lower case, which mail servers do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

PLACE = "{token}"
# 64 bits: each guess costs the forger a mail.
_SIGNATURE_BYTES = 8
_TOKEN = re.compile(rf"([0-9a-f]{{1,15}})([0-9a-f]{{{2 * _SIGNATURE_BYTES}}})")
# Stands where a signed token would; holds letters that none has.
_UNSUBSCRIBE = "unsubscribe"


def return_addresses(delivery_ids: Sequence[int]) -> dict[int, str]:
    """The envelope sender of each delivery; empty without OPSLAG_BOUNCE_ADDRESS. In bulk: it is on the hot path."""
    if not settings.OPSLAG_BOUNCE_ADDRESS:
        return {}
    before, after = _around()
    keyed = _keyed(settings.SECRET_KEY)
    found = {}
    for number in delivery_ids:
        name = f"{number:x}"
        signature = keyed.copy()
        signature.update(name.encode())
        found[number] = f"{before}{name}{signature.hexdigest()}{after}"
    return found


def delivery_of_address(address: str) -> int | None:
    """The delivery whose envelope sender this is; None for any other address and for what we did not sign."""
    token = _token_in(address)
    found = _TOKEN.fullmatch(token) if token is not None else None
    if found is None:
        return None
    signature = _keyed(settings.SECRET_KEY).copy()
    signature.update(found[1].encode())
    # No secret is compared byte by byte with an outsider watching the clock: mail has no such clock.
    return int(found[1], 16) if signature.hexdigest() == found[2] else None


def unsubscribe_mailbox() -> str:
    """The address that takes unsubscribing by mail; "" where no mailbox is looked into."""
    if not (settings.OPSLAG_BOUNCE_ADDRESS and settings.OPSLAG_INBOUND_IMAP_URL):
        return ""
    before, after = _around()
    return f"{before}{_UNSUBSCRIBE}{after}"


def is_unsubscribe_mailbox(address: str) -> bool:
    """Whether mail to this address asks to unsubscribe."""
    return _token_in(address) == _UNSUBSCRIBE


def _token_in(address: str) -> str | None:
    """What stands in the token's place, in lower case; None if it is no address of ours."""
    if not settings.OPSLAG_BOUNCE_ADDRESS:
        return None
    before, after = (part.lower() for part in _around())
    lowered = address.strip().strip("<>").lower()
    if not (lowered.startswith(before) and lowered.endswith(after) and len(lowered) > len(before) + len(after)):
        return None
    return lowered[len(before) : len(lowered) - len(after)]


def _around() -> tuple[str, str]:
    before, _place, after = settings.OPSLAG_BOUNCE_ADDRESS.partition(PLACE)
    return before, after


@lru_cache(maxsize=4)
def _keyed(secret: str) -> hashlib.blake2b:
    """The signature's beginning: keyed BLAKE2b (RFC 7693) with a key of its own, derived from the secret."""
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"opslag return").digest()
    return hashlib.blake2b(key=key, digest_size=_SIGNATURE_BYTES)
