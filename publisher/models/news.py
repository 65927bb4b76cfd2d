"""What: sources, items with their sightings, revisions and pictures, topics and areas."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from publisher.models.fields import EMPTY, EncryptedJSONField
from publisher.models.organisation import Cooperation, Organisation, User
from publisher.models.scoped import ScopedModel
from publisher.sources import source_choices
from publisher.vocabulary import EventStatus, ItemState, SourceStatus, Withdrawal


class Label(models.Model):
    """Base of Topic and Area: owned by an organisation, or by a cooperation and then shared by its members."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, null=True, blank=True)
    cooperation = models.ForeignKey(Cooperation, models.CASCADE, null=True, blank=True)
    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(max_length=80)

    class Meta:
        abstract = True
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="%(class)s_organisation_slug"),
            models.UniqueConstraint(fields=["cooperation", "slug"], name="%(class)s_cooperation_slug"),
            models.CheckConstraint(
                condition=Q(organisation__isnull=True) ^ Q(cooperation__isnull=True), name="%(class)s_one_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Topic(Label):
    """What an item is about."""


class Area(Label):
    """Where an item matters; residents see the cooperation's word for it, e.g. “Kommune”."""


class Source(ScopedModel):
    """Where items come from. `state` is the plug-in's own memory; `strikes` counts claims without an end.

    `host` is the server that it is read from, "" if nobody's in particular: one is asked one thing at a time.
    `quiet_since`: since when it gave nothing new. `failing_since`: when the looks began to fail (a busy server does not
    count); `told_at`: staff know of this failure.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=20, choices=source_choices)
    name = models.CharField(_("name"), max_length=120)
    config = models.JSONField(default=dict)
    credentials = EncryptedJSONField(blank=True, default=dict)
    status = models.CharField(max_length=10, choices=SourceStatus.choices, default=SourceStatus.ACTIVE)
    state = models.JSONField(default=dict)
    interval_s = models.PositiveIntegerField(_("seconds between polls"), default=900)
    next_poll_at = models.DateTimeField(null=True, db_index=True)
    last_polled_at = models.DateTimeField(null=True)
    last_new_item_at = models.DateTimeField(null=True)
    quiet_since = models.DateTimeField(null=True)
    first_poll_done = models.BooleanField(default=False)
    host = models.CharField(max_length=255, blank=True, db_index=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    last_error = models.JSONField(default=dict)
    strikes = models.PositiveSmallIntegerField(default=0)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host"],
                condition=Q(claim_id__isnull=False) & ~Q(host=""),
                name="source_host_one_claim",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Picture(ScopedModel):
    """A picture we host: the re-encoded bytes are files named by `sha256`, so a row's bytes never change.

    `focal_x` and `focal_y` (0 to 1, from the left and from the top) are what every crop keeps. `consent_by`: who is in
    it and said yes; `consent_until` the last day of that; `withdrawn_at`: they have taken it back, it is used no more.
    `consent_told`: staff have been told that it ends on that day. `file_name`: what it was called when it came.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="pictures")
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    media_type = models.CharField(max_length=20, default="image/jpeg")
    source_url = models.URLField(max_length=1000, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    alt = models.TextField(_("describe the picture (read aloud)"), blank=True)
    caption = models.TextField(_("caption"), blank=True)
    credit = models.CharField(_("photographer"), max_length=120, blank=True)
    licence = models.CharField(_("licence"), max_length=120, blank=True)
    consent_by = models.CharField(_("photo consent from"), max_length=200, blank=True)
    consent_until = models.DateField(_("photo consent until"), null=True, blank=True)
    consent_told = models.DateField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    focal_x = models.FloatField(default=0.5)
    focal_y = models.FloatField(default=0.5)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "sha256"], name="picture_once")]


class Item(ScopedModel):
    """One news item as we know it now. `link_key` is the normalised link, unique in the organisation when not empty.

    `picture_by_hand`: a colleague chose its picture, so its source does not change it any more. `picture_alt`: what is
    read aloud of its picture here, where that is not what the picture itself says (see `alt`).
    `title_key` is the hash of the headline that its source gave, `text_key` that of the source's text ("" for a short
    one), `dated_at` the source's date where `published_at` is another: by them an entry is known again whose key and
    link both changed. `held_why` says why it is held back, with the id (`item`) of what it may be if that is known.
    `withdrawn_at`: its publisher took it back. An item with `event_starts_at` is an event: over at `event_over_at`;
    `event_key` is the hash of what its source last said of it, so that what staff put right stays; `event_changed_at`:
    it was called off, moved or put off, and those who were told of it have not been looked for yet.
    `worded_at`: a person wrote or corrected it then; from then on its sources change nothing, what they say instead
    waits in `suggestion` (items.writing), and what they said last is in `said` ({} if that is what the item says).
    On PostgreSQL a column `search_words` beside these holds what `items.search` looks in.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="items")
    state = models.CharField(max_length=6, choices=ItemState.choices, default=ItemState.NEW)
    title = models.CharField(_("headline"), max_length=300)
    lead = models.TextField(_("lead"), blank=True)
    body_html = models.TextField(_("body"), blank=True)
    body_text = models.TextField(blank=True)
    picture = models.ForeignKey(Picture, models.PROTECT, null=True, blank=True, related_name="items")
    picture_alt = models.TextField(blank=True)
    picture_error = models.JSONField(default=dict)
    picture_by_hand = models.BooleanField(default=False)
    author = models.CharField(_("author"), max_length=200, blank=True)
    tags = models.JSONField(default=list)
    topics = models.ManyToManyField(Topic, blank=True, related_name="items")
    areas = models.ManyToManyField(Area, blank=True, related_name="items")
    language = models.CharField(max_length=8, blank=True)
    link = models.URLField(max_length=1000, blank=True)
    link_key = models.CharField(max_length=500, blank=True)
    title_key = models.CharField(max_length=64, blank=True)
    text_key = models.CharField(max_length=64, blank=True)
    published_at = models.DateTimeField(null=True)
    dated_at = models.DateTimeField(null=True)
    held_why = models.JSONField(default=dict)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=12, choices=Withdrawal.choices, blank=True)
    written_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    worded_at = models.DateTimeField(null=True)
    suggestion = models.JSONField(default=dict)
    said = models.JSONField(default=dict, db_default=EMPTY)
    event_starts_at = models.DateTimeField(_("begins"), null=True, blank=True)
    event_ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    event_all_day = models.BooleanField(_("all day"), default=False)
    event_place = models.CharField(_("place"), max_length=200, blank=True)
    event_price = models.CharField(_("price"), max_length=120, blank=True)
    event_booking_url = models.URLField(_("booking link"), max_length=1000, blank=True)
    event_status = models.CharField(max_length=10, choices=EventStatus.choices, blank=True)
    event_over_at = models.DateTimeField(null=True)
    event_key = models.CharField(max_length=64, blank=True)
    event_changed_at = models.DateTimeField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    revision = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "link_key"], condition=~Q(link_key=""), name="item_link_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organisation", "state", "-published_at"], name="item_list"),
            models.Index(fields=["organisation", "title_key"], name="item_title"),
            models.Index(fields=["organisation", "text_key"], condition=~Q(text_key=""), name="item_text"),
            models.Index(
                fields=["organisation", "event_starts_at"],
                condition=Q(event_starts_at__isnull=False),
                name="item_event",
            ),
            models.Index(
                fields=["event_changed_at"],
                condition=Q(event_changed_at__isnull=False),
                name="item_event_changed",
            ),
            models.Index(
                "organisation", Coalesce("published_at", "first_seen_at").desc(), F("id").desc(), name="item_latest"
            ),
            models.Index(fields=["organisation", "state", "withdrawn_at", "id"], name="item_standing"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def alt(self) -> str:
        """What its picture shows, as it is read aloud; "" without a picture, or if nobody has described it."""
        return (self.picture_alt or self.picture.alt) if self.picture else ""


class Sighting(ScopedModel):
    """Where an item was seen: (source, external key) → item.

    `asked_at`: it had vanished from the feed, and then its page was asked whether it is still there. `seen_at`: when a
    source that gives all it has in several looks gave it last.
    """

    organisation_path = "source__organisation"
    source = models.ForeignKey(Source, models.CASCADE, related_name="sightings")
    item = models.ForeignKey(Item, models.CASCADE, related_name="sightings")
    external_key = models.CharField(max_length=500)
    link = models.URLField(max_length=1000, blank=True)
    asked_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_key"], name="sighting_once")]
        indexes: ClassVar = [models.Index(fields=["source", "first_seen_at"], name="sighting_when")]


class ItemRevision(ScopedModel):
    """What an item said before and after an edit: the whole content at revision `number`."""

    organisation_path = "item__organisation"
    item = models.ForeignKey(Item, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "number"], name="revision_once")]


class SameSite(ScopedModel):
    """Another address of the same website: pages at `alias` (host[:port]) are those of `site` (an origin, "https://…")."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="same_sites")
    alias = models.CharField(max_length=255)
    site = models.URLField(max_length=300)

    class Meta:
        ordering: ClassVar = ["alias"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "alias"], name="same_site_once")]

    def __str__(self) -> str:
        return self.alias
