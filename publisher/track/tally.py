"""A campaign's receipt in one line, for lists: from the live figures, without counting rows."""

from __future__ import annotations

from collections import Counter

from django.utils.translation import gettext, ngettext

from publisher.models import Campaign, Message
from publisher.track.receipts import in_groups
from publisher.vocabulary import DeliveryStatus, MessageStatus, Outlet

SEPARATOR = " · "


def tally(campaign: Campaign) -> str:
    """In the reader's language: “173 mails sent · 27 skipped · 1 post published”; "" before anything is frozen.

    For lists fetch the campaigns with `prefetch_related("messages__counts")`; then it asks the database nothing.
    """
    messages = [m for m in campaign.messages.all() if m.started_at is not None or m.status == MessageStatus.FINISHED]
    mails = [message for message in messages if message.outlet == Outlet.EMAIL]
    posts = [message for message in messages if message.outlet == Outlet.POST]
    standing = [post for post in posts if post.withdrawn_at is None]
    withdrawn = _reached([post for post in posts if post.withdrawn_at])
    return SEPARATOR.join([*_mails(_reached(mails)), *_posts(_reached(standing)), *_withdrawn(withdrawn)])


def _reached(messages: list[Message]) -> Counter[str]:
    reached: Counter[str] = Counter()
    for message in messages:
        for row in message.counts.all():
            reached[row.status] += row.count
    return reached


def _mails(reached: Counter[str]) -> list[str]:
    if not sum(reached.values()):
        return []
    sent = reached[DeliveryStatus.SENT]
    words = [ngettext("%(number)s mail sent", "%(number)s mails sent", sent) % {"number": in_groups(sent)}]
    others = (
        (DeliveryStatus.PENDING, gettext("%(number)s waiting")),
        (DeliveryStatus.SENDING, gettext("%(number)s being sent")),
        (DeliveryStatus.SUPPRESSED, gettext("%(number)s skipped")),
        (DeliveryStatus.FAILED, gettext("%(number)s failed")),
        (DeliveryStatus.UNCERTAIN, gettext("%(number)s unconfirmed")),
        (DeliveryStatus.CANCELLED, gettext("%(number)s cancelled")),
    )
    return words + [text % {"number": in_groups(reached[status])} for status, text in others if reached[status]]


def _posts(reached: Counter[str]) -> list[str]:
    total, out = sum(reached.values()), reached[DeliveryStatus.SENT]
    if not total:
        return []
    if out == total:
        return [ngettext("%(number)s post published", "%(number)s posts published", out) % {"number": in_groups(out)}]
    words = ngettext("%(out)s of %(number)s post published", "%(out)s of %(number)s posts published", total)
    return [words % {"out": in_groups(out), "number": in_groups(total)}]


def _withdrawn(reached: Counter[str]) -> list[str]:
    """Not that they are down: some platforms let nobody but a person at the platform itself do that."""
    out = reached[DeliveryStatus.SENT]
    words = ngettext("%(number)s post had been published", "%(number)s posts had been published", out)
    return [words % {"number": in_groups(out)}] if out else []
