"""Tokens of sources that are pushed to: shown once, told apart by their hash, limited by the minute, revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from publisher.models import Source, SourceToken, User

# So that a token in the wrong place is recognised as one.
PREFIX = "opslag_"
CALLS = 60
PERIOD = timedelta(minutes=1)
_ENDING = 4
_LONGEST = 200


def new_token(source: Source, user: User) -> str:
    """Make a token for a source; it is never seen again. Older ones work until somebody revokes them."""
    token = PREFIX + secrets.token_urlsafe(32)
    SourceToken.objects.create(source=source, digest=_digest(token), ending=token[-_ENDING:], created_by=user)
    return token


def revoke(token: SourceToken) -> bool:
    """From now on nobody pushes with it; False if it was revoked before."""
    alive = SourceToken.objects.filter(pk=token.pk, revoked_at=None)
    return bool(alive.update(revoked_at=timezone.now()))


def holder_of(token: str) -> SourceToken | None:
    """The token's row with its source and organisation; None if it is unknown or revoked."""
    if len(token) > _LONGEST:
        return None
    alive = SourceToken.objects.filter(revoked_at=None).select_related("source__organisation")
    return alive.defer("source__credentials").filter(digest=_digest(token)).first()


def count_call(token: SourceToken) -> int:
    """Note that a token is used; gives the seconds to wait if it has been used too often in the last minute, else 0."""
    now = timezone.now()
    mine = SourceToken.objects.filter(pk=token.pk)
    over = Q(counted_from=None) | Q(counted_from__lte=now - PERIOD)
    if mine.filter(over).update(counted_from=now, calls=1, last_used_at=now):
        return 0
    if mine.filter(calls__lt=CALLS).update(calls=F("calls") + 1, last_used_at=now):
        return 0
    begun = mine.values_list("counted_from", flat=True).first() or now
    return max(1, int((begun + PERIOD - now).total_seconds()))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
