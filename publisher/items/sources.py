"""Sources as people keep them: the one for an address, starting one again, taking one away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.identity import normalise_link, web_address
from publisher.items.lost_choices import switch_off_without
from publisher.models import Item, Organisation, Rule, Source
from publisher.vocabulary import SourceStatus


@dataclass(frozen=True)
class Dependants:
    """What a source has to do with: how many items came from it, which rules use it, which of them nothing else."""

    items: int
    rules: Sequence[Rule]
    only: Sequence[Rule]


def checked_address(url: str) -> str:
    """A feed's address as it is kept. Raises InputError if `url` is no web address."""
    address = web_address(url)
    if not address:
        raise InputError(
            gettext_noop("“%(url)s” is not a web address. It must begin with https:// or http://."),
            reason="bad_address",
            url=url[:200],
        )
    return address


def known_feed(organisation: Organisation, address: str) -> Source | None:
    """The organisation's source for a feed's address, however that is written; None if there is none."""
    for source in Source.objects.filter(organisation=organisation, kind="feed").order_by("pk"):
        if normalise_link(str(source.config.get("url", ""))) == normalise_link(address):
            return source
    return None


def resume(source: Source) -> None:
    """Start a paused or broken source again, at once and with a clean record."""
    Source.objects.filter(pk=source.pk).update(
        status=SourceStatus.ACTIVE, failures=0, failing_since=None, told_at=None, strikes=0, last_error={},
        next_poll_at=None,
    )  # fmt: skip
    source.refresh_from_db()


def dependants(source: Source) -> Dependants:
    """What taking the source away would touch."""
    rules = list(source.rules.order_by("name", "pk"))
    # Counted apart from the filter by source, which would narrow what is counted.
    counted = Rule.objects.filter(pk__in=[rule.pk for rule in rules]).annotate(number=Count("sources"))
    only = set(counted.filter(number=1).values_list("pk", flat=True))
    return Dependants(
        items=Item.objects.filter(sightings__source=source).distinct().count(),
        rules=rules,
        only=[rule for rule in rules if rule.pk in only],
    )


def remove_source(source: Source) -> list[Rule]:
    """Read the source no more; what came from it stays. Answers the rules that were switched off with it.

    A rule that names no source takes news from all of them, so one that loses its only source is switched off.
    """
    with transaction.atomic():
        # Waits for a worker that writes an item of it in this moment; one that comes later finds no source.
        Source.objects.select_for_update().defer("credentials").get(pk=source.pk)
        orphaned = switch_off_without(dependants(source).only, "sources")
        Source.objects.filter(pk=source.pk).delete()
    return orphaned
