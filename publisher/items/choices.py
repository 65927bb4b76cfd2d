"""The topics and areas to choose among: an organisation's own and its cooperations'; a newsletter may offer fewer."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import get_language

from publisher.models import Area, Cooperation, Membership, Newsletter, Organisation, Topic
from publisher.models.given import Given

# The words that every cooperation begins with, for several areas; a word of its own stands for one and for many.
_SEVERAL = {"Kommune": "Kommuner", "Municipality": "Municipalities"}


def known_to(organisation: Organisation | Given) -> Q:
    """For a filter over topics, areas and labellings: its own and those of its cooperations."""
    theirs = Membership.objects.filter(organisation=organisation).values("cooperation")
    return Q(organisation=organisation) | Q(cooperation__in=theirs)


def topics_for(organisation: Organisation) -> QuerySet[Topic]:
    """By name."""
    return Topic.objects.filter(known_to(organisation)).order_by("name", "pk")


def areas_for(organisation: Organisation) -> QuerySet[Area]:
    """By name."""
    return Area.objects.filter(known_to(organisation)).order_by("name", "pk")


def offered_topics(newsletter: Newsletter) -> QuerySet[Topic]:
    """What a newsletter's subscribers may choose, by name: its own selection, else all that its organisation has."""
    return (
        newsletter.topics.order_by("name", "pk") if newsletter.topics.exists() else topics_for(newsletter.organisation)
    )


def offered_areas(newsletter: Newsletter) -> QuerySet[Area]:
    """The same for areas."""
    return newsletter.areas.order_by("name", "pk") if newsletter.areas.exists() else areas_for(newsletter.organisation)


def area_word(cooperation: Cooperation, *, several: bool) -> str:
    """What the cooperation calls an area, in the language that is active: “Kommune”, “Kommuner”."""
    word = cooperation.area_label_da if get_language() == "da" else cooperation.area_label_en
    return _SEVERAL.get(word, word) if several else word
