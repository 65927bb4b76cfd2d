"""How an organisation's sources are understood: which categories, words and sources mean which topics and areas."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from publisher.models.news import Area, Source, Topic
from publisher.models.organisation import Cooperation, Organisation
from publisher.vocabulary import LabelRuleKind


class LabelRule(models.Model):
    """Items with one of these categories or words, or from this source → these topics and areas.

    Owned by an organisation, or by a cooperation and then used by its members, as Label is.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, null=True, blank=True, related_name="label_rules")
    cooperation = models.ForeignKey(Cooperation, models.CASCADE, null=True, blank=True, related_name="label_rules")
    kind = models.CharField(max_length=8, choices=LabelRuleKind.choices)
    words = models.JSONField(default=list, blank=True)
    source = models.ForeignKey(Source, models.CASCADE, null=True, blank=True, related_name="label_rules")
    topics = models.ManyToManyField(Topic, blank=True, related_name="label_rules")
    areas = models.ManyToManyField(Area, blank=True, related_name="label_rules")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(organisation__isnull=True) ^ Q(cooperation__isnull=True), name="label_rule_one_owner"
            ),
            models.CheckConstraint(
                condition=Q(kind="source", source__isnull=False) | (~Q(kind="source") & Q(source__isnull=True)),
                name="label_rule_source",
            ),
        ]
