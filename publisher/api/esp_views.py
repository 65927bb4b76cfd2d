"""django-anymail's webhook views: they prove who calls and read the report. Two are made over, so that Amazon SES needs
no boto3 and Resend no svix.

Import this only where it is used (`esp_webhook` does): what comes with it costs every process 8 MB.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import AmazonSESBaseWebhookView, AmazonSESTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView, SvixWebhookValidationMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from publisher import http
from publisher.api.esp_facts import Reported, StrangerError, UnreadableError
from publisher.transports.esps import Esp

_SNS_HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
# How old a signed call may be, in seconds (Standard Webhooks: “verify the timestamp”).
SIGNED_WITHIN_S = 300


class SesView(AmazonSESTrackingWebhookView):  # type: ignore[misc]
    """Amazon SES: basic auth has proved who calls; subscribing to its topic is confirmed over our own client."""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = True
        # Past its direct parent, which asks for boto3.
        super(AmazonSESBaseWebhookView, self).__init__(**kwargs)

    def auto_confirm_sns_subscription(self, sns_message: Mapping[str, Any]) -> None:
        """Visit the address that says yes, if it is Amazon's."""
        address = str(sns_message.get("SubscribeURL", ""))
        parts = urlsplit(address)
        if parts.scheme != "https" or not _SNS_HOST.fullmatch(parts.hostname or ""):
            raise AnymailWebhookValidationFailure("the SubscribeURL is not Amazon's")
        http.send("GET", address, limits=http.FetchLimits(total_s=10, max_bytes=100_000))


class ResendView(ResendTrackingWebhookView):  # type: ignore[misc]
    """Resend: its signature (standardwebhooks.com) is checked here; django-anymail would want svix for it."""

    warn_if_no_basic_auth = False
    signing_secret = ""
    _svix_webhook = None

    def __init__(self, **kwargs: Any) -> None:
        self.signing_secret = kwargs.pop("signing_secret")
        super(SvixWebhookValidationMixin, self).__init__(**kwargs)

    def validate_request(self, request: HttpRequest) -> None:
        """Refuse what is not signed with our key in the last five minutes."""
        name, at, given = (request.headers.get(f"svix-{each}", "") for each in ("id", "timestamp", "signature"))
        if not at.isascii() or not at.isdigit() or abs(time.time() - int(at[:12])) > SIGNED_WITHIN_S:
            raise AnymailWebhookValidationFailure("the call is too old, or has no time")
        key = b64decode(self.signing_secret.removeprefix("whsec_"))
        signed = hmac.new(key, f"{name}.{at}.".encode() + request.body, hashlib.sha256).digest()
        wanted = f"v1,{b64encode(signed).decode()}"
        if not any(hmac.compare_digest(each.encode(), wanted.encode()) for each in given.split()):
            raise AnymailWebhookValidationFailure("the signature is not ours")


_OURS = {"ses": SesView, "resend": ResendView}
# What django-anymail meets in a body that is not what it expects; a call that went to the wrong webhook included.
_UNREADABLE = (AnymailError, ImproperlyConfigured, LookupError, ValueError, TypeError, AttributeError)


def reports_of(request: HttpRequest, esp: Esp, key: str) -> list[Reported]:
    """What a call of the service reports. Raises StrangerError or UnreadableError."""
    make: Any = _OURS.get(esp.name) or import_string(f"anymail.webhooks.{esp.view}")
    view = make(**{esp.signing_key or "webhook_secret": key})
    try:
        view.run_validators(request)
        return list(view.parse_events(request))
    except AnymailWebhookValidationFailure:
        raise StrangerError from None
    except _UNREADABLE as error:
        raise UnreadableError(type(error).__name__) from None
