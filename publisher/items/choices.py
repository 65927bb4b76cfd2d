"""The topics and areas that an organisation may choose among: its own and those of its cooperations."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from publisher.models import Area, Organisation, Topic


def topics_for(organisation: Organisation) -> QuerySet[Topic]:
    """By name."""
    return Topic.objects.filter(_known_to(organisation)).order_by("name", "pk")


def areas_for(organisation: Organisation) -> QuerySet[Area]:
    """By name."""
    return Area.objects.filter(_known_to(organisation)).order_by("name", "pk")


def _known_to(organisation: Organisation) -> Q:
    cooperations = organisation.cooperations.values("pk")
    return Q(organisation=organisation) | Q(cooperation__in=cooperations)
