"""Where each person stands with a newsletter: every subscription is in exactly one group, so the figures add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.enums import TextChoices
from django.db.models.fields import CharField
from django.utils.translation import pgettext_lazy

from publisher.audience.addresses import address_key
from publisher.errors import InputError
from publisher.models import Area, Newsletter, Organisation, Subscriber, Subscription, Suppression

# A cooperation's members see numbers of people only where nobody can be picked out of them.
SMALLEST_GROUP = 20


class Standing(TextChoices):
    """The groups, the weightiest last: who has left has left, whether confirmed or blocked before."""

    ACTIVE = "active", pgettext_lazy("subscriber", "Active")
    UNCONFIRMED = "unconfirmed", pgettext_lazy("subscriber", "Not confirmed")
    BLOCKED = "blocked", pgettext_lazy("subscriber", "Blocked address")
    UNSUBSCRIBED = "unsubscribed", pgettext_lazy("subscriber", "Unsubscribed")


@dataclass(frozen=True)
class Figures:
    """How many people of a newsletter stand where."""

    active: int = 0
    unconfirmed: int = 0
    blocked: int = 0
    unsubscribed: int = 0

    @property
    def total(self) -> int:
        return self.active + self.unconfirmed + self.blocked + self.unsubscribed


def with_standing(subscriptions: QuerySet[Subscription]) -> QuerySet[Any]:
    """The same subscriptions, each with its `standing` (a value of Standing)."""
    blocked = Suppression.objects.filter(
        organisation=OuterRef("subscriber__organisation"), address_key=OuterRef("subscriber__address_key")
    )
    return subscriptions.annotate(
        standing=Case(
            When(unsubscribed_at__isnull=False, then=Value(Standing.UNSUBSCRIBED.value)),
            When(Exists(blocked), then=Value(Standing.BLOCKED.value)),
            When(confirmed_at__isnull=True, then=Value(Standing.UNCONFIRMED.value)),
            default=Value(Standing.ACTIVE.value),
            output_field=CharField(),
        )
    )


def block_on(person: Subscriber) -> Suppression | None:
    """Why the person's address is not mailed, and since when; None if it is."""
    blocks = Suppression.objects.filter(organisation_id=person.organisation_id, address_key=person.address_key)
    return blocks.first()


def figures(newsletters: Iterable[Newsletter]) -> dict[int, Figures]:
    """The figures of each newsletter, by its id, in one query."""
    wanted = [newsletter.pk for newsletter in newsletters]
    rows = with_standing(Subscription.objects.filter(newsletter__in=wanted)).order_by()
    counted: dict[int, dict[str, int]] = {pk: {} for pk in wanted}
    for pk, standing, count in rows.values_list("newsletter_id", "standing").annotate(count=Count("pk")):
        counted[pk][standing] = count
    return {pk: Figures(**groups) for pk, groups in counted.items()}


def active_in_area_of(member: Organisation, newsletters: Iterable[Newsletter]) -> dict[int, tuple[str, int]]:
    """Of newsletters that `member` contributes to: its area's name, and how many active people chose it, by id.

    A member's area is its cooperation's area of the same short name; without one, the newsletter is left out.
    """
    owners = {newsletter.pk: newsletter.cooperation_id for newsletter in newsletters}
    areas = {
        area.cooperation_id: area for area in Area.objects.filter(cooperation__in=owners.values(), slug=member.slug)
    }
    rows = with_standing(Subscription.objects.filter(newsletter__in=owners, areas__in=areas.values())).order_by()
    active = (
        rows.filter(standing=Standing.ACTIVE).values_list("newsletter_id").annotate(count=Count("pk", distinct=True))
    )
    counted = dict(active)
    return {pk: (areas[owner].name, counted.get(pk, 0)) for pk, owner in owners.items() if owner in areas}


def people(newsletter: Newsletter, *, text: str = "", standing: str = "") -> QuerySet[Subscription]:
    """A newsletter's subscriptions, newest first, with people and choices: all of one standing, or whose address is
    `text` or begins with it."""
    found = with_standing(Subscription.objects.filter(newsletter=newsletter)).select_related("subscriber")
    if text := text.strip():
        found = found.filter(_addressed(text))
    if standing:
        found = found.filter(standing=standing)
    return found.prefetch_related("areas", "topics").order_by("-pk")


def shared_with(organisation: Organisation) -> QuerySet[Newsletter]:
    """Newsletters of the organisation's cooperations that another member owns: it may contribute, not see addresses."""
    theirs = Newsletter.objects.filter(cooperation__in=organisation.cooperations.all())
    return theirs.exclude(organisation=organisation).select_related("organisation").order_by("name", "pk")


def _addressed(text: str) -> Q:
    """A whole address is looked up by its key, so that every way of writing it finds the same person."""
    begins = Q(subscriber__address__istartswith=text)
    try:
        return begins | Q(subscriber__address_key=address_key(text))
    except InputError:
        return begins
