"""Where posts go: accounts on platforms, their posting times, and the practice channel's own posts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from publisher.models.audience import new_token
from publisher.models.fields import EMPTY, NOTHING, EncryptedJSONField
from publisher.models.organisation import Organisation, User
from publisher.models.scoped import ScopedModel
from publisher.platforms import PLATFORMS, platform_choices
from publisher.vocabulary import AccountStatus, Calls

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Account(ScopedModel):
    """An organisation's connected profile on a platform. `facts` is what its server told about itself.

    `apart` tells it from the organisation's others of the same name (accounts.telling_apart), "" where there is none.
    `renew_at`: when its credentials are renewed without a person; `lasts_until`: when a person must connect it again at
    the latest; `told_days`: of how many days before that the people were told last. `link_values` are the parameters
    that its links get (utm_source and the like). Its posting times are left out in quiet hours (wall times, from the
    first to before the second) and, with `keeps_holidays`, on Danish public holidays. `tells_of_comments`: staff get a
    mail a day about new comments, `comments_mailed_on` was the last such day. `writes_link`: where nobody can click a
    link in a text, it stands there all the same; else the text says that it is in the profile. `warnings`: what should
    be known although it works, as Explanations' JSON. Until `blocked_until` its platform wants no more `blocked_calls`
    (a word of Calls), and `blocked_why` says so.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="accounts")
    kind = models.CharField(max_length=20, choices=platform_choices)
    name = models.CharField(_("name"), max_length=120)
    apart = models.CharField(max_length=200, blank=True, default="", db_default="")
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
    blocked_calls = models.CharField(max_length=12, default=Calls.ALL, db_default=Calls.ALL)
    blocked_why = models.JSONField(default=dict, db_default=EMPTY)
    lease_until = models.DateTimeField(null=True)
    claim_id = models.UUIDField(null=True)
    renew_at = models.DateTimeField(null=True)
    lasts_until = models.DateTimeField(null=True)
    told_days = models.PositiveSmallIntegerField(null=True)
    warnings = models.JSONField(default=list, db_default=NOTHING)
    link_values = models.JSONField(default=dict, db_default=EMPTY)
    writes_link = models.BooleanField(default=False, db_default=False)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    keeps_holidays = models.BooleanField(default=False, db_default=False)
    tells_of_comments = models.BooleanField(default=False, db_default=False)
    comments_mailed_on = models.DateField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["renew_at"], condition=models.Q(status="connected"), name="account_renewal")
        ]

    def __str__(self) -> str:
        """As people tell it from the others: “Kulturfællesskabet (Mastodon)”, “… (Mastodon, @kultur@mastodon.social)”.

        An organisation has the same name everywhere. A name that says the platform already stands alone.
        """
        # “… på prøvekanalen”, “Facebooks …” say it as well.
        is_said = re.search(rf"\b{re.escape(self.called)}(?:en|s)?\b", self.name, re.IGNORECASE)
        more = ", ".join(filter(None, ("" if is_said else self.called, self.apart)))
        return f"{self.name} ({more})" if more else self.name

    @property
    def called(self) -> str:
        """What its platform is called; of one that this installation no longer has the short name."""
        platform = PLATFORMS.get(self.kind)
        return str(platform.called_there(self.facts)) if platform else self.kind

    @property
    def mended_there(self) -> StrOrPromise:
        """What is wrong, in a word or two, where that is mended at the platform; "" where connecting again helps."""
        platform = PLATFORMS.get(self.kind)
        if platform is None or self.status != AccountStatus.NEEDS_RECONNECT:
            return ""
        return platform.mended_there.get(str(self.last_error.get("msgid", "")), "")


class PlatformApp(ScopedModel):
    """What a platform gave to our app (client id and secret), with which people sign in there to connect accounts.

    `host` is the server, where each has its own apps. With `shared` the organisations of the same cooperations use it,
    too: nine municipalities need one app and not nine.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="platform_apps")
    kind = models.CharField(max_length=20, choices=platform_choices)
    host = models.CharField(max_length=200, blank=True)
    config = models.JSONField(default=dict)
    credentials = EncryptedJSONField(blank=True, default=dict)
    shared = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "kind", "host"], name="platform_app_once")
        ]


class SigningIn(ScopedModel):
    """A person is away at a platform, to come back and connect an account. `state_key` is the SHA-256 of the `state`.

    `kept`: what was filled in before, the PKCE verifier, and, back again, the profiles that they may choose from.
    `again` is the account that is connected anew.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    app = models.ForeignKey(PlatformApp, models.CASCADE, null=True, related_name="+")
    again = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=platform_choices)
    state_key = models.CharField(max_length=64, unique=True)
    kept = EncryptedJSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    redeemed_at = models.DateTimeField(null=True)


class SavedText(ScopedModel):
    """A text or a set of hashtags that staff put into posts with a click."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="saved_texts")
    name = models.CharField(_("name"), max_length=80)
    text = models.TextField(_("text"), max_length=2000)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "name"], name="saved_text_once")]


class Partner(ScopedModel):
    """Somebody whom posts mention: written @[Name] in a text, and as `handles` says on each platform (kind → @name)."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="partners")
    name = models.CharField(_("name"), max_length=80)
    handles = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "name"], name="partner_once")]


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
    """A post as the practice channel holds it; `key` makes a repeated call harmless, also once the post is deleted.

    `reply_to` is the post that it answers, `thread` the first one of its thread. A deleted post keeps its row without
    words and pictures.
    """

    organisation_path = "channel__organisation"
    channel = models.ForeignKey(PracticeChannel, models.CASCADE, related_name="posts")
    key = models.CharField(max_length=100)
    text = models.TextField()
    link = models.URLField(max_length=1000, blank=True)
    language = models.CharField(max_length=8, blank=True)
    planned_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    reply_to = models.ForeignKey("self", models.SET_NULL, null=True, related_name="answers")
    thread = models.ForeignKey("self", models.SET_NULL, null=True, related_name="following")
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

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
