"""Column types of our own: JSON encrypted at rest."""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models import Value
from django.utils.translation import gettext_noop

from publisher.errors import AccountError

# What older rows have in a JSON column that was added later.
NOTHING = Value([], models.JSONField())
EMPTY = Value({}, models.JSONField())


def fernet() -> MultiFernet:
    """What encrypts with the first of OPSLAG_ENCRYPTION_KEYS and opens what any of them encrypted."""
    return MultiFernet([Fernet(key.strip().encode()) for key in settings.OPSLAG_ENCRYPTION_KEYS])


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]
    """JSON kept encrypted with OPSLAG_ENCRYPTION_KEYS (Fernet: AES-128-CBC with HMAC), for account credentials.

    Reading raises AccountError where none of the keys opens the value.
    """

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        if not value:
            return {}
        try:
            return json.loads(fernet().decrypt(value.encode()))
        except InvalidToken as error:
            raise AccountError(
                gettext_noop(
                    "The stored credentials cannot be opened with OPSLAG_ENCRYPTION_KEYS. "
                    "Put the old key back, or connect the channel again."
                ),
                reason="account",
            ) from error

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str:
        return fernet().encrypt(json.dumps(value or {}).encode()).decode()
