"""The e-mail services (ESPs) that Opslag knows: to add one, add it here. What each wants, from its own documentation.

By SMTP our engine sends, with header lines that switch the service's tracking off and bring the delivery's key back in
its webhooks; by API django-anymail does. Reasons and limits: docs/production.md, “E-mail through a relay or a service”.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.conf import settings
from django.utils.translation import gettext_noop

from publisher.errors import AccountError

# Stands in a header's value for the delivery's key: what is before the @ of its Message-ID.
DELIVERY_KEY = "{delivery}"
# The name under which the key travels, and comes back in webhooks.
KEY_NAME = "delivery"
_JSON_KEY = f'{{"{KEY_NAME}": "{DELIVERY_KEY}"}}'

Headers = tuple[tuple[str, str], ...]


class Tracking(Enum):
    """Who switches the service's open and click tracking off: each mail of ours, the account's owner, or nobody."""

    EACH_MAIL = "each mail"
    ACCOUNT = "account"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Esp:
    """One service.

    SMTP: `host` (port 587, STARTTLS) and `user` stand in for what OPSLAG_SMTP_URL leaves out; `headers` go into every
    mail, `bulk_headers` into newsletters, `notice_headers` into all other mail.
    API: `backend` is django-anymail's module ("" where only SMTP is used), `api_url` an address other than its default,
    `key_parts` are its names for what OPSLAG_ESP_KEY holds, `refused` the headers (lower case) it does not take,
    `extra` those that it wants, `bulk_fields` what its JSON needs in newsletters, `tags_key` says that the key travels
    as a tag, `once_header` is the HTTP header whose value it takes only once, `sets_tracking` says that tracking is
    set in each call, `fills_in` that it would act on “{{”, `auth` how a GET signs in (“basic user:password”, or a
    header line), `probe` is an address that answers to a good key only; in both, {0} and {1} are the key's parts.
    Webhooks: `view` is django-anymail's ("" if there is none), `signing_key` its name for the key that proves who
    calls; "" means basic auth.
    """

    name: str
    label: str
    tracking: Tracking
    host: str = ""
    user: str = ""
    headers: Headers = ()
    bulk_headers: Headers = ()
    notice_headers: Headers = ()
    backend: str = ""
    api_url: str = ""
    key_parts: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    extra: Headers = ()
    bulk_fields: Headers = ()
    tags_key: bool = False
    once_header: str = ""
    sets_tracking: bool = False
    fills_in: bool = False
    auth: str = ""
    probe: str = ""
    view: str = ""
    signing_key: str = ""


_ALL = (
    Esp(
        "brevo",
        "Brevo",
        Tracking.ACCOUNT,
        host="smtp-relay.brevo.com",
        headers=(("X-Mailin-custom", _JSON_KEY),),
        backend="brevo",
        key_parts=("api_key",),
        fills_in=True,
        auth="api-key: {0}",
        probe="account",
        view="brevo.BrevoTrackingWebhookView",
    ),
    Esp(
        "mailersend",
        "MailerSend",
        Tracking.ACCOUNT,
        host="smtp.mailersend.net",
        headers=(("X-MailerSend-Tags", DELIVERY_KEY),),
        backend="mailersend",
        key_parts=("api_token",),
        # It sets these itself and lets nobody override them.
        refused=frozenset({"message-id"}),
        tags_key=True,
        sets_tracking=True,
        fills_in=True,
        auth="Authorization: Bearer {0}",
        probe="domains",
        view="mailersend.MailerSendTrackingWebhookView",
        signing_key="signing_secret",
    ),
    Esp(
        "mailgun",
        "Mailgun",
        Tracking.EACH_MAIL,
        host="smtp.eu.mailgun.org",
        headers=(
            ("X-Mailgun-Track-Opens", "no"),
            ("X-Mailgun-Track-Clicks", "no"),
            ("X-Mailgun-Variables", _JSON_KEY),
        ),
        backend="mailgun",
        api_url="https://api.eu.mailgun.net/v3",
        key_parts=("sender_domain", "api_key"),
        sets_tracking=True,
        auth="basic api:{1}",
        probe="domains/{0}/tracking",
        view="mailgun.MailgunTrackingWebhookView",
        signing_key="webhook_signing_key",
    ),
    Esp(
        "mailjet",
        "Mailjet",
        Tracking.EACH_MAIL,
        host="in-v3.mailjet.com",
        headers=(("X-Mailjet-TrackOpen", "0"), ("X-Mailjet-TrackClick", "0"), ("X-MJ-EventPayload", _JSON_KEY)),
        backend="mailjet",
        key_parts=("api_key", "secret_key"),
        # “Header cannot be customized using the "Headers" collection” (send-0011).
        refused=frozenset({"message-id", "list-id"}),
        sets_tracking=True,
        auth="basic {0}:{1}",
        probe="/v3/REST/apikey",
        view="mailjet.MailjetTrackingWebhookView",
    ),
    Esp(
        "mailtrap",
        "Mailtrap",
        Tracking.ACCOUNT,
        host="bulk.smtp.mailtrap.io",
        user="api",
        headers=(("X-MT-Custom-Variables", _JSON_KEY),),
        backend="mailtrap",
        api_url="https://bulk.api.mailtrap.io/api/",
        key_parts=("api_token",),
        view="mailtrap.MailtrapTrackingWebhookView",
        signing_key="tracking_secret",
    ),
    Esp(
        "postal",
        "Postal",
        Tracking.EACH_MAIL,
        # Its documentation: the header is taken out again, and nothing in the mail is rewritten.
        headers=(("X-AMP", "skip"), ("X-Postal-Tag", DELIVERY_KEY)),
        backend="postal",
        key_parts=("api_key",),
        extra=(("X-AMP", "skip"),),
        tags_key=True,
        view="postal.PostalTrackingWebhookView",
        signing_key="webhook_key",
    ),
    Esp(
        "postmark",
        "Postmark",
        # Switched off in each mail, but a server on which open tracking is on does not listen to that.
        Tracking.EACH_MAIL,
        host="smtp-broadcasts.postmarkapp.com",
        headers=(
            ("X-PM-TrackOpens", "false"),
            ("X-PM-TrackLinks", "None"),
            ("X-PM-KeepID", "true"),
            (f"X-PM-Metadata-{KEY_NAME}", DELIVERY_KEY),
        ),
        bulk_headers=(("X-PM-Message-Stream", "broadcast"),),
        notice_headers=(("X-PM-Message-Stream", "outbound"),),
        backend="postmark",
        key_parts=("server_token",),
        extra=(("X-PM-KeepID", "true"),),
        bulk_fields=(("MessageStream", "broadcast"),),
        sets_tracking=True,
        auth="X-Postmark-Server-Token: {0}",
        probe="server",
        view="postmark.PostmarkTrackingWebhookView",
    ),
    Esp(
        "resend",
        "Resend",
        Tracking.ACCOUNT,
        host="smtp.resend.com",
        user="resend",
        headers=(("X-Metadata", _JSON_KEY),),
        backend="resend",
        key_parts=("api_key",),
        once_header="Idempotency-Key",
        auth="Authorization: Bearer {0}",
        probe="domains",
        view="resend.ResendTrackingWebhookView",
        signing_key="signing_secret",
    ),
    Esp(
        "scaleway",
        "Scaleway",
        Tracking.NONE,
        host="smtp.tem.scaleway.com",
        backend="scaleway",
        key_parts=("project_id", "secret_key"),
        auth="X-Auth-Token: {1}",
        probe="domains?project_id={0}",
    ),
    Esp(
        "ses",
        "Amazon SES",
        Tracking.ACCOUNT,
        host="email-smtp.eu-north-1.amazonaws.com",
        headers=(("X-Metadata", _JSON_KEY),),
        view="amazon_ses.AmazonSESTrackingWebhookView",
    ),
    Esp(
        "sparkpost",
        "SparkPost",
        Tracking.EACH_MAIL,
        host="smtp.eu.sparkpostmail.com",
        user="SMTP_Injection",
        headers=(
            (
                "X-MSYS-API",
                f'{{"options": {{"open_tracking": false, "click_tracking": false}}, "metadata": {_JSON_KEY}}}',
            ),
        ),
        backend="sparkpost",
        api_url="https://api.eu.sparkpost.com/api/v1/",
        key_parts=("api_key",),
        sets_tracking=True,
        fills_in=True,
        auth="Authorization: {0}",
        probe="account",
        view="sparkpost.SparkPostTrackingWebhookView",
    ),
)
ESPS: dict[str, Esp] = {esp.name: esp for esp in _ALL}


def configured_esp() -> Esp | None:
    """The service that OPSLAG_ESP names; None without one. Raises AccountError for a name that nobody here knows."""
    name = settings.OPSLAG_ESP
    if not name:
        return None
    if name not in ESPS:
        raise AccountError(
            gettext_noop("OPSLAG_ESP names no e-mail service that we know. Known are: %(names)s."),
            reason="account",
            names=", ".join(ESPS),
        )
    return ESPS[name]
