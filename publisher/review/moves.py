"""Status changes as conditional UPDATEs: nothing undeclared happens, and whoever loses a race is told."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.life_cycles import check_transition, sources_of
from publisher.models import Campaign, Delivery, Message

CHANGED_MEANWHILE = gettext_noop("This was changed by someone else meanwhile; load the page again.")


def move(
    row: Campaign | Message | Delivery,
    cycle: type[TextChoices],
    new: str,
    fields: Mapping[str, object] | None = None,
    *,
    only: Mapping[str, object] | None = None,
) -> None:
    """Give `row` the status `new` and `fields`, if it still has a status from which that is declared.

    `only` narrows what the stored row must still say (for example the revision that was checked, or exactly the status
    that was read). Raises TransitionError if the row as read cannot go there, InputError if the stored row no longer
    can; after an error read the row again.
    """
    check_transition(cycle, row.status, new)
    stored = type(row).objects.filter(pk=row.pk, status__in=sources_of(cycle, new)).filter(**(only or {}))
    values = {**(fields or {}), "status": new}
    if not stored.update(**values):
        raise InputError(CHANGED_MEANWHILE)
    for name, value in values.items():
        setattr(row, name, value)
