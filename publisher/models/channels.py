"""Where posts go: accounts on platforms, their posting times, and the practice channel's own posts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from publisher.models.audience import new_token
from publisher.models.fields import EncryptedJSONField
from publisher.models.organisation import Organisation
from publisher.models.scoped import ScopedModel
from publisher.platforms import platform_choices
from publisher.vocabulary import AccountStatus


class Account(ScopedModel):
    """An organisation's connected profile on a platform. `facts` is what its server told about itself."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="accounts")
    kind = models.CharField(max_length=20, choices=platform_choices)
    name = models.CharField(_("name"), max_length=120)
    handle = models.CharField(max_length=200, blank=True)
    remote_id = models.CharField(max_length=200, blank=True)
    url = models.URLField(max_length=500, blank=True)
    avatar_url = models.URLField(max_length=500, blank=True)
    config = models.JSONField(default=dict)
    credentials = EncryptedJSONField(blank=True, default=dict)
    facts = models.JSONField(default=dict)
    language = models.CharField(max_length=8, default="da")
    visibility = models.CharField(max_length=12, default="public")
    status = models.CharField(max_length=16, choices=AccountStatus.choices, default=AccountStatus.CONNECTED)
    last_error = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True)
    blocked_until = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    claim_id = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.name


class Slot(ScopedModel):
    """A posting time of an account: weekday (Monday 0) and wall time in the organisation's zone."""

    organisation_path = "account__organisation"
    account = models.ForeignKey(Account, models.CASCADE, related_name="slots")
    weekday = models.PositiveSmallIntegerField()
    time = models.TimeField()

    class Meta:
        ordering: ClassVar = ["weekday", "time"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "weekday", "time"], name="slot_once"),
            models.CheckConstraint(condition=models.Q(weekday__lte=6), name="slot_weekday"),
        ]


class PracticeChannel(ScopedModel):
    """The server side of the practice platform: one timeline page, reached by the workers with `token`."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="practice_channels")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    token = models.CharField(max_length=32, default=new_token)


class PracticePost(ScopedModel):
    """A post as the practice channel holds it; `key` makes a repeated call harmless. `pictures`: [{id, alt, …}]."""

    organisation_path = "channel__organisation"
    channel = models.ForeignKey(PracticeChannel, models.CASCADE, related_name="posts")
    key = models.CharField(max_length=100)
    text = models.TextField()
    link = models.URLField(max_length=1000, blank=True)
    language = models.CharField(max_length=8, blank=True)
    planned_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["channel", "key"], name="practice_post_once")]


class PracticePicture(ScopedModel):
    """A picture uploaded to a practice channel; belongs to a post once that is published."""

    organisation_path = "channel__organisation"
    channel = models.ForeignKey(PracticeChannel, models.CASCADE, related_name="pictures")
    post = models.ForeignKey(PracticePost, models.CASCADE, null=True, related_name="pictures")
    content = models.BinaryField()
    media_type = models.CharField(max_length=20)
    alt = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
