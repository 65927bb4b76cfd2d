"""E-mail addresses: one form for each, and a keyed hash that tells two apart without telling who they are."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.utils.translation import gettext_noop
from email_validator import EmailNotValidError, validate_email

from publisher.errors import InputError


def normalise_address(text: str) -> str:
    """The address as mail servers want it: the part before the @ as written, the domain in lower-case punycode.

    Raises InputError for what is not exactly one address, and for letters outside ASCII before the @, which most mail
    servers refuse (RFC 6531 is an extension that both sides must have).
    """
    try:
        valid = validate_email(
            text.strip(),
            check_deliverability=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            test_environment=True,  # .test is reserved for testing (RFC 6761): samples and benchmarks live there
            strict=True,
        )
    except EmailNotValidError as error:
        raise InputError(
            gettext_noop("“%(address)s” is not an e-mail address that can be written to. Check the spelling."),
            reason="bad_address",
            address=text.strip()[:120],
        ) from error
    return valid.ascii_email or valid.normalized


def address_key(address: str) -> str:
    """The keyed hash (HMAC-SHA256 in hex, with OPSLAG_ADDRESS_KEY) of an address, upper and lower case alike.

    The same for every way to write an address; it joins subscribers to suppressions. Raises InputError.
    """
    return key_of_normalised(normalise_address(address))


def key_of_normalised(address: str) -> str:
    """As `address_key`, for an address that `normalise_address` gave: for many at once."""
    return hmac.new(settings.OPSLAG_ADDRESS_KEY.encode(), address.lower().encode(), hashlib.sha256).hexdigest()


def domain_of(address: str) -> str:
    """The domain of a normalised address."""
    return address.rpartition("@")[2]
