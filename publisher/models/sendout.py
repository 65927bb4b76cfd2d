"""What staff queue: campaigns, their messages and blocks; rules that make them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from publisher.models.audience import Newsletter
from publisher.models.channels import Account
from publisher.models.fields import EMPTY, NOTHING
from publisher.models.line import LINE_BEGINS
from publisher.models.news import Area, Item, Picture, Source, Topic
from publisher.models.organisation import Organisation, User
from publisher.models.scoped import ScopedModel
from publisher.vocabulary import (
    BlockKind,
    CampaignStatus,
    HoldReason,
    MatchOutcome,
    MessageStatus,
    Outlet,
    RuleMail,
    RuleMode,
    RuleTiming,
)


class Rule(ScopedModel):
    """The automatic path: new items of these sources, topics, areas, words → this newsletter and these accounts.

    `words`: any of them must stand in the item; `without_words`: none of them may (see items.words). `on_since`: when a
    person last switched it on or let it go on; `answered_at`: when they last let it go on. `held_at`: it took up far
    more than usual or failed again and again, and waits for a person; `held_why` is an Explanation's JSON. `lost`: of
    which of its choices ("sources", "topics", "areas") the only one was taken away, since it was last switched on.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="rules")
    name = models.CharField(_("name"), max_length=120)
    active = models.BooleanField(_("active"), default=True)
    sources = models.ManyToManyField(Source, blank=True, related_name="rules")
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")
    areas = models.ManyToManyField(Area, blank=True, related_name="+")
    words = models.JSONField(_("with one of these words"), default=list, db_default=NOTHING, blank=True)
    without_words = models.JSONField(_("without these words"), default=list, db_default=NOTHING, blank=True)
    newsletter = models.ForeignKey(Newsletter, models.CASCADE, null=True, blank=True, related_name="rules")
    mail_as = models.CharField(max_length=10, choices=RuleMail.choices, default=RuleMail.OWN, db_default="own")
    accounts = models.ManyToManyField(Account, blank=True, related_name="rules")
    timing = models.CharField(max_length=14, choices=RuleTiming.choices, default=RuleTiming.AT_ONCE)
    delay_minutes = models.PositiveIntegerField(_("minutes to wait"), default=0)
    mode = models.CharField(max_length=10, choices=RuleMode.choices, default=RuleMode.REVIEW)
    daily_cap = models.PositiveSmallIntegerField(_("at most a day"), default=3)
    min_gap_minutes = models.PositiveIntegerField(_("minutes between two"), default=0, db_default=0)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    quiet_weekends = models.BooleanField(_("quiet on Saturdays and Sundays"), default=False, db_default=False)
    quiet_holidays = models.BooleanField(_("quiet on public holidays"), default=False, db_default=False)
    max_age_hours = models.PositiveIntegerField(_("nothing older than (hours)"), default=72)
    created_at = models.DateTimeField(auto_now_add=True)
    on_since = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    held_why = models.JSONField(default=dict, db_default=EMPTY)
    lost = models.JSONField(default=list, db_default=NOTHING)

    def __str__(self) -> str:
        return self.name


class Campaign(ScopedModel):
    """A send-out: chosen items and their messages under one review. Approval pins `approved_revision`.

    `scheduled_wall` holds what the clocks in `scheduled_zone` were meant to show, labelled UTC (see review.planned).
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="campaigns")
    title = models.CharField(_("title"), max_length=300)
    status = models.CharField(max_length=10, choices=CampaignStatus.choices, default=CampaignStatus.DRAFT)
    items = models.ManyToManyField(Item, through="CampaignItem", related_name="campaigns")
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, blank=True, related_name="campaigns")
    revision = models.PositiveIntegerField(default=1)
    approved_revision = models.PositiveIntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    scheduled_at = models.DateTimeField(null=True)
    scheduled_wall = models.DateTimeField(null=True)
    scheduled_zone = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.title


class CampaignItem(ScopedModel):
    """An item chosen for a campaign, at the revision that was composed from.

    `kept_revision`: staff have seen the item's changes up to this revision and kept the words as they are.
    `told_revision`: those who approve were told of the change to it. `accepted_withdrawal`: a person said to send it
    all the same, although it was withdrawn at that instant. `accepted_again`: when a person said to send it again,
    although it had already gone where this campaign goes.
    """

    organisation_path = "campaign__organisation"
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="chosen")
    item = models.ForeignKey(Item, models.PROTECT, related_name="chosen_for")
    item_revision = models.PositiveIntegerField(default=1)
    kept_revision = models.PositiveIntegerField(default=0)
    told_revision = models.PositiveIntegerField(default=0)
    accepted_withdrawal = models.DateTimeField(null=True)
    accepted_again = models.DateTimeField(null=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["campaign", "item"], name="campaign_item_once")]


class RuleMatch(ScopedModel):
    """A rule met an item: at most once ever, whatever the source does later.

    `goes_at`: when what it made goes out, or will; `due`: when an item that waits for its turn is looked at again.
    `issue`: the newsletter's issue that the item joined.
    """

    organisation_path = "rule__organisation"
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="matches")
    item = models.ForeignKey(Item, models.CASCADE, related_name="rule_matches")
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, related_name="+")
    issue = models.ForeignKey(Campaign, models.SET_NULL, null=True, related_name="joined_by")
    outcome = models.CharField(max_length=20, choices=MatchOutcome.choices)
    at = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField(null=True)
    goes_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "item"], name="rule_item_once")]
        indexes: ClassVar = [
            models.Index(fields=["rule", "due"], condition=Q(outcome="waiting"), name="rule_match_waiting"),
            models.Index(fields=["rule", "at"], name="rule_match_at"),
        ]


class RuleLook(ScopedModel):
    """A rule read an item and did not find what it wants in its words: it need not read this revision again."""

    organisation_path = "rule__organisation"
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="looks")
    item = models.ForeignKey(Item, models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "item"], name="rule_look_once")]


class Message(ScopedModel):
    """A campaign's content for one outlet: an e-mail for a newsletter, or a post for one account.

    `frozen_at` is the instant whose audience was frozen; `frozen_count` counts it from the audience rule itself.
    `composed_html` is the view-in-browser page's content. A claim on the row (`claim_id`, `lease_until`, `strikes`)
    guards freezing and compiling. The circuit breaker counts mails begun after `bounces_from` and beyond the first
    `bounces_base` (a person said to go on then); `bounces_told_at`: staff know of what came back after the end.
    `wave_size`: so many get it first; `wave_until`: when the rest follow, known once the first have their outcome.
    `claimed_due_at`, `claimed_id`: the last place of its line that a lane has claimed (models.line).
    `corrects`: earlier messages that this one puts right; such a mail is for those alone who got one of them.
    `prefers_card`: the link's card is shown instead of the pictures, where a post has room for one of them.
    `follow_ups`: of a post, what comes after it: more posts of a thread, or the first comment. `corrected_at`: its
    public page says since then that it was corrected, with `correction_note`; `withdrawn_at`: that it was withdrawn.
    `keeps_past_events`: a person said to send it although what it is about is over.
    """

    organisation_path = "campaign__organisation"
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="messages")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    outlet = models.CharField(max_length=5, choices=Outlet.choices)
    newsletter = models.ForeignKey(Newsletter, models.PROTECT, null=True, blank=True, related_name="messages")
    account = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="messages")
    language = models.CharField(max_length=8, default="da")
    corrects = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="corrections")
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    preview_text = models.CharField(_("preview text"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    link = models.URLField(_("link"), max_length=1000, blank=True)
    prefers_card = models.BooleanField(default=False, db_default=False)
    follow_ups = models.JSONField(default=list, db_default=NOTHING)
    corrected_at = models.DateTimeField(null=True)
    correction_note = models.TextField(blank=True, default="", db_default="")
    withdrawn_at = models.DateTimeField(null=True)
    visibility = models.CharField(max_length=12, default="public")
    status = models.CharField(max_length=10, choices=MessageStatus.choices, default=MessageStatus.DRAFT)
    hold_reason = models.CharField(max_length=20, choices=HoldReason.choices, blank=True)
    last_error = models.JSONField(default=dict)
    scheduled_at = models.DateTimeField(null=True)
    scheduled_wall = models.DateTimeField(null=True)
    scheduled_zone = models.CharField(max_length=40, blank=True)
    composed_html = models.TextField(blank=True)
    composed_text = models.TextField(blank=True)
    frozen_at = models.DateTimeField(null=True)
    frozen_count = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)
    claimed_due_at = models.DateTimeField(default=LINE_BEGINS, db_default=LINE_BEGINS)
    claimed_id = models.BigIntegerField(default=0, db_default=0)
    finished_at = models.DateTimeField(null=True)
    bounces_from = models.DateTimeField(null=True)
    bounces_base = models.PositiveIntegerField(default=0)
    bounces_told_at = models.DateTimeField(null=True)
    wave_size = models.PositiveIntegerField(null=True)
    wave_minutes = models.PositiveSmallIntegerField(default=0)
    wave_until = models.DateTimeField(null=True)
    keeps_past_events = models.BooleanField(default=False, db_default=False)
    strikes = models.PositiveSmallIntegerField(default=0)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outlet="email", newsletter__isnull=False, account__isnull=True)
                | Q(outlet="post", account__isnull=False, newsletter__isnull=True),
                name="message_one_outlet",
            ),
            models.UniqueConstraint(fields=["campaign", "newsletter"], name="message_newsletter_once"),
            models.UniqueConstraint(fields=["campaign", "account"], name="message_account_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["scheduled_at"], condition=Q(status="scheduled"), name="message_due"),
            models.Index(fields=["served_at"], condition=Q(status="sending"), name="message_sending"),
            models.Index(
                fields=["finished_at"], condition=Q(status="finished", outlet="email"), name="message_finished"
            ),
            models.Index(fields=["started_at"], condition=Q(status="cancelled"), name="message_cancelled"),
            models.Index(fields=["withdrawn_at"], condition=Q(withdrawn_at__isnull=False), name="message_withdrawn"),
        ]


class PostPicture(ScopedModel):
    """One of a post's pictures, in their order, with a description of its own.

    `left_out`: when the post was approved its channel took fewer pictures, and this one was not among them. `gone_at`:
    a colleague has deleted the public post, or this picture of it, by hand, since it may not be shown any more.
    """

    organisation_path = "message__campaign__organisation"
    message = models.ForeignKey(Message, models.CASCADE, related_name="pictures")
    picture = models.ForeignKey(Picture, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    alt = models.TextField(_("describe the picture (read aloud)"), blank=True)
    left_out = models.BooleanField(default=False)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "picture"], name="post_picture_once")]


class Block(ScopedModel):
    """One part of an e-mail. `content` is its own copy (title, lead, html, text, link, picture, alt …), so that later
    changes of the item do not change what was composed. Without areas and topics it is for everyone."""

    organisation_path = "message__campaign__organisation"
    message = models.ForeignKey(Message, models.CASCADE, related_name="blocks")
    kind = models.CharField(max_length=12, choices=BlockKind.choices)
    position = models.PositiveSmallIntegerField()
    item = models.ForeignKey(Item, models.PROTECT, null=True, blank=True, related_name="+")
    picture = models.ForeignKey(Picture, models.PROTECT, null=True, blank=True, related_name="+")
    content = models.JSONField(default=dict)
    areas = models.ManyToManyField(Area, blank=True, related_name="+")
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["position", "id"]


class CompiledMail(ScopedModel):
    """The e-mail ready for the wire, in pieces from which each subscriber's edition is put together (compose.editions).

    `segments` is a JSON list of [kind, value]: `["bytes", base64]`, `["slot", name]`, or `["for", bits]`, which says
    who sees what follows it. `aims` tells what the bits mean (audience.aims). `page_parts` cuts the message's
    `composed_html`: a list of [areas, topics, number of characters]. `left_out`: the ids of blocks that are not in it,
    because their event is over when it is sent.
    """

    organisation_path = "message__campaign__organisation"
    message = models.OneToOneField(Message, models.CASCADE, related_name="compiled")
    segments = models.JSONField()
    aims = models.JSONField(default=dict)
    page_parts = models.JSONField(default=list)
    left_out = models.JSONField(default=list)


class Link(ScopedModel):
    """A link in a mail's stories whose clicks are counted. `code` stands in its address, `title` is its story's.

    `clicks` is all that is ever written down of them: a number, without times and without persons.
    """

    organisation_path = "message__campaign__organisation"
    message = models.ForeignKey(Message, models.CASCADE, related_name="links")
    number = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=16, unique=True)
    url = models.TextField()
    title = models.TextField(blank=True)
    clicks = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["number", "id"]
