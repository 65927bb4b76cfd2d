"""Clicks: a link's address, one more on its number, and what staff see of the numbers.

A click is joined to no person, no time and no address of a computer. Only where the newsletter counts one by one, and
the person has said yes and still does, their delivery says that they clicked; it never says on what.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from publisher.audience.standing import SMALLEST_GROUP
from publisher.compose.links import clicked_delivery
from publisher.models import Campaign, Delivery, Link, Message
from publisher.vocabulary import DeliveryStatus, LinkCounting

log = logging.getLogger(__name__)

# How long the reader waits for our counting at most; a click is worth less than that.
PATIENCE_MS = 500
_CODE = re.compile(r"[a-z2-7]{16}")


def follow(code: str, token: str = "", *, counts: bool = True) -> str | None:
    """Where a counted link leads; None if we know no such link. Counts it if it `counts` and the newsletter does.

    `token` may be anything: one that we did not sign, or that is another mail's, is as none.
    """
    if not _CODE.fullmatch(code):
        return None
    link = Link.objects.select_related("message__newsletter").filter(code=code).first()
    if link is None:
        return None
    newsletter = link.message.newsletter
    counting = newsletter.link_counting if newsletter else LinkCounting.NONE
    if counts and counting != LinkCounting.NONE:
        _count(link, token if counting == LinkCounting.ONE_BY_ONE else "")
    return link.url


def _count(link: Link, token: str) -> None:
    try:
        with _briefly():
            Link.objects.filter(pk=link.pk).update(clicks=F("clicks") + 1)
            delivery_id = clicked_delivery(token)
            if delivery_id is not None:
                standing = Delivery.objects.filter(
                    subscription__tracking_consent_at__isnull=False, subscription__unsubscribed_at__isnull=True
                )
                mine = standing.filter(pk=delivery_id, message=link.message_id, clicked_at__isnull=True)
                Delivery.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(
                    clicked_at=timezone.now()
                )
    except DatabaseError:
        # The reader goes on all the same. Neither code nor token: they would join this line to a person's request.
        log.warning("a click could not be counted in time")


@contextmanager
def _briefly() -> Iterator[None]:
    """A transaction that gives up after PATIENCE_MS instead of letting somebody wait. Raises DatabaseError."""
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if not postgresql:
            cursor.execute("PRAGMA busy_timeout")
            usual = cursor.fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            with transaction.atomic():
                if postgresql:
                    cursor.execute(
                        f"SET LOCAL lock_timeout = {PATIENCE_MS}; SET LOCAL statement_timeout = {PATIENCE_MS}"
                    )
                yield
        finally:
            if not postgresql:
                cursor.execute(f"PRAGMA busy_timeout = {usual:d}")


@dataclass(frozen=True)
class LinkFigures:
    """A mail's links with their clicks. `hidden`: it reached too few people for numbers about them.

    `agreed` and `clicked` are of a newsletter that counts one by one: how many of those it was sent to have said yes,
    and how many of these have clicked; None where they are too few, or where nobody is asked.
    """

    message: Message
    links: list[Link]
    hidden: bool
    agreed: int | None = None
    clicked: int | None = None


def link_figures(campaign: Campaign) -> list[LinkFigures]:
    """For each of its mails that has counted links and was begun."""
    begun = campaign.messages.filter(started_at__isnull=False, links__isnull=False).distinct()
    return [_figures(message) for message in begun.select_related("newsletter").prefetch_related("links", "counts")]


def _figures(message: Message) -> LinkFigures:
    sent = sum(row.count for row in message.counts.all() if row.status == DeliveryStatus.SENT)
    links, hidden = list(message.links.all()), sent < SMALLEST_GROUP
    newsletter = message.newsletter
    if hidden or newsletter is None or newsletter.link_counting != LinkCounting.ONE_BY_ONE:
        return LinkFigures(message, links, hidden)
    # Asked from the few who said yes, not from everybody who got the mail.
    said_yes = newsletter.subscriptions.filter(tracking_consent_at__isnull=False, unsubscribed_at__isnull=True)
    theirs = Delivery.objects.filter(
        message=message, status=DeliveryStatus.SENT, subscriber__in=said_yes.values("subscriber")
    )
    agreed, clicked = theirs.count(), theirs.filter(~Q(clicked_at=None)).count()
    if agreed < SMALLEST_GROUP:
        return LinkFigures(message, links, hidden)
    return LinkFigures(message, links, hidden, agreed, clicked)
