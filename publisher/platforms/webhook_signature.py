"""Signatures of outgoing webhooks, as Standard Webhooks has them (github.com/standard-webhooks; symmetric, v1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from django.utils.translation import gettext_noop

from publisher.errors import AccountError
from publisher.vocabulary import Reason

PREFIX = "whsec_"
_KEY_BYTES = 32
_SHORTEST, _LONGEST = 24, 64


def new_secret() -> str:
    """A new signing secret, in the form in which people pass it on."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret as it was pasted. Raises AccountError, which quotes nothing of it."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise AccountError(
            gettext_noop("The signing secret is not whole. It begins with whsec_ and has 38 characters or more."),
            reason=Reason.ACCOUNT,
        )
    return key


def signatures(secrets_in_use: tuple[str, ...], identity: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature per secret, so that a receiver may know either of them.

    `timestamp`: seconds since 1970 of this attempt.
    """
    signed = f"{identity}.{timestamp}.".encode() + body
    made = (hmac.digest(key_of(secret), signed, hashlib.sha256) for secret in secrets_in_use)
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made)
