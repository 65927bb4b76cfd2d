"""To whom: newsletters, subscribers, subscriptions with their consent, suppressions."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from publisher.models.news import Area, Topic
from publisher.models.organisation import Cooperation, Organisation
from publisher.models.scoped import ScopedModel
from publisher.vocabulary import ConsentPurpose, LinkCounting, SuppressionReason


def new_token() -> str:
    """An unguessable token of 128 bits for links that work without signing in (22 characters)."""
    return secrets.token_urlsafe(16)


class Newsletter(ScopedModel):
    """A recurring publication. A cooperation's newsletter has one owner organisation; the others contribute.

    `first_wave`: so many get an issue first, and the rest `first_wave_minutes` later; 0: everybody at once.
    `issue_days` (Monday 0) and `issue_time`, wall time in the organisation's zone, are its cadence: when issues are
    meant to go out. `open_issue` is the one that rules gather items in, as long as it is a draft.
    """

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="newsletters")
    cooperation = models.ForeignKey(Cooperation, models.SET_NULL, null=True, blank=True, related_name="newsletters")
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(unique=True)
    sender_name = models.CharField(_("sender name"), max_length=120)
    sender_email = models.EmailField(_("sender address"))
    reply_to = models.EmailField(_("replies go to"))
    language = models.CharField(_("language"), max_length=8, default="da")
    brand_colour = models.CharField(_("colour"), max_length=7, default="#0B5FA5")
    template = models.CharField(max_length=40, default="calm")
    link_counting = models.CharField(
        _("count clicks on links"), max_length=10, choices=LinkCounting.choices, default=LinkCounting.TOGETHER
    )
    first_wave = models.PositiveIntegerField(_("send to so many first"), default=0)
    first_wave_minutes = models.PositiveSmallIntegerField(_("then wait (minutes)"), default=10)
    issue_days = models.JSONField(_("goes out on"), default=list, db_default=Value([], models.JSONField()), blank=True)
    issue_time = models.TimeField(_("goes out at"), null=True, blank=True)
    open_issue = models.ForeignKey("Campaign", models.SET_NULL, null=True, related_name="+")
    areas = models.ManyToManyField(Area, blank=True, related_name="newsletters")
    topics = models.ManyToManyField(Topic, blank=True, related_name="newsletters")

    def __str__(self) -> str:
        return self.name


class Subscriber(ScopedModel):
    """A person's address. `address_key`, the keyed hash (HMAC) of the normalised address, joins suppressions.

    `reopened_at`: when staff last said that the address may be written to again; what came back before counts no more.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="subscribers")
    address = models.EmailField(_("e-mail address"))
    address_key = models.CharField(max_length=64)
    domain = models.CharField(max_length=255)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, default="da")
    created_at = models.DateTimeField(auto_now_add=True)
    reopened_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "address_key"], name="subscriber_once"),
        ]


class Subscription(ScopedModel):
    """A subscriber's tie to a newsletter; holds the unsubscribe token. Active: confirmed and not unsubscribed.

    `tracking_consent_at`: since when we may note that this person clicked; None is no.
    """

    organisation_path = "newsletter__organisation"
    newsletter = models.ForeignKey(Newsletter, models.CASCADE, related_name="subscriptions")
    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="subscriptions")
    token = models.CharField(max_length=32, unique=True, default=new_token)
    areas = models.ManyToManyField(Area, blank=True, related_name="+")
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    tracking_consent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["newsletter", "subscriber"], name="subscription_once"),
            models.CheckConstraint(
                condition=Q(unsubscribed_at__isnull=True) | Q(unsubscribed_at__gte=F("created_at")),
                name="unsubscribed_after_created",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["newsletter", "confirmed_at"], name="subscription_confirmed"),
            models.Index(
                fields=["newsletter"], condition=Q(tracking_consent_at__isnull=False), name="subscription_tracking"
            ),
        ]


class ConsentText(models.Model):
    """A version of what people agreed to; never changed once used."""

    newsletter = models.ForeignKey(Newsletter, models.CASCADE, related_name="consent_texts")
    language = models.CharField(max_length=8)
    purpose = models.CharField(
        max_length=12, choices=ConsentPurpose.choices, default=ConsentPurpose.SUBSCRIPTION, db_default="subscription"
    )
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)


class Consent(ScopedModel):
    """The evidence for a subscription: which text, when, from where. Kept no longer than the law allows."""

    organisation_path = "subscription__newsletter__organisation"
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="consents")
    text = models.ForeignKey(ConsentText, models.PROTECT, null=True)
    source = models.CharField(max_length=60)
    given = models.BooleanField(default=True)
    at = models.DateTimeField(auto_now_add=True)


class Suppression(ScopedModel):
    """An address (as keyed hash) that the organisation must not mail; `explanation` tells staff why, in words."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="suppressions")
    address_key = models.CharField(max_length=64)
    reason = models.CharField(max_length=12, choices=SuppressionReason.choices)
    explanation = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "address_key"], name="suppression_once"),
        ]
