"""The key of a test mail that `opslag doctor` sends: says when it was sent, and that it was us.

Signed, so that no other mail passes for one; it stands in several headers and links, since services replace some.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime

from django.conf import settings

_KEY = re.compile(r"test-([0-9a-f]{8,12})-([0-9a-f]{16})-([0-9a-f]{20})(?![0-9a-f])")
# Of a mail's beginning so much is searched; a hostile one may hold any number of lookalikes.
_LOOKED_AT, _LOOKALIKES = 65_536, 20


def new_trial_key(now: datetime) -> str:
    """A key for a test mail that is sent now; `now` is aware."""
    said = f"{int(now.timestamp()):08x}-{secrets.token_hex(8)}"
    return f"test-{said}-{_signature(said)}"


def trial_key_in(text: str) -> tuple[str, datetime] | None:
    """The first key of ours in the beginning of a text, and when it was made; None if there is none."""
    for found, _number in zip(_KEY.finditer(text[:_LOOKED_AT]), range(_LOOKALIKES), strict=False):
        if hmac.compare_digest(_signature(f"{found[1]}-{found[2]}"), found[3]):
            return found[0], datetime.fromtimestamp(int(found[1], 16), UTC)
    return None


def _signature(said: str) -> str:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"opslag-trial").digest()
    return hashlib.blake2b(said.encode(), key=key, digest_size=10).hexdigest()
