"""What came into the mailbox: mails, kept only until they are settled, and when each mailbox was last looked into."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from publisher.models.audience import Newsletter, Subscription
from publisher.models.organisation import Organisation
from publisher.models.scoped import ScopedModel
from publisher.vocabulary import InboundKind, InboundStatus

# What `InboundMail` holds of a person once it is settled.
NOTHING_PERSONAL: dict[str, Any] = {"raw": b"", "sender": "", "excerpt": "", "subscription": None}


class Mailbox(models.Model):
    """A mailbox that is looked into: by one worker at a time (`lease_until`), again at `due_at`.

    `answered_at`: when it last let us in. `waiting` counts mails that lie there for a person.
    """

    name = models.CharField(max_length=60, unique=True)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    last_error = models.JSONField(default=dict)


class InboundMail(ScopedModel):
    """A mail from the mailbox, stored before it is taken out there; once per `digest` of its bytes.

    `raw`, `sender`, `excerpt` and `subscription` are personal data and go as soon as it is settled (`settled_at`, see
    NOTHING_PERSONAL); the rest stays for a while, so that the same mail is known again. `stays`: only a person can
    place it, so it is left in the mailbox; `is_cut`: it is too large, and `raw` is its beginning. `due_at`, `attempts`
    and the lease are for forwarding it.
    """

    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=12, choices=InboundKind.choices, blank=True)
    status = models.CharField(max_length=12, choices=InboundStatus.choices, default=InboundStatus.NEW)
    organisation = models.ForeignKey(Organisation, models.CASCADE, null=True, related_name="inbound")
    newsletter = models.ForeignKey(Newsletter, models.SET_NULL, null=True, related_name="+")
    subscription = models.ForeignKey(Subscription, models.SET_NULL, null=True, related_name="+")
    raw = models.BinaryField(default=bytes)
    stays = models.BooleanField(default=False)
    is_cut = models.BooleanField(default=False)
    sender = models.CharField(max_length=320, blank=True)
    excerpt = models.TextField(blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_error = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["received_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["status", "due_at"], condition=~Q(status="done"), name="inbound_open"),
        ]
