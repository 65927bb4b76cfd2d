"""The account of who did what."""

from __future__ import annotations

import pytest
from django.utils import translation

from publisher.access.audit import record, timeline
from publisher.errors import Explanation
from publisher.models import AuditEntry, Item, Newsletter, Organisation, User

pytestmark = pytest.mark.database


def test_the_timeline_is_about_one_subject_in_order(
    secretariat: Organisation, anna: User, bo: User, item: Item, newsletter: Newsletter
) -> None:
    record(secretariat, anna, "edit", item)
    record(secretariat, bo, "approve", item, "%(count)s recipients", count=4180)
    record(secretariat, None, "tick", newsletter)
    entries = timeline(item)
    assert [(entry.user, entry.action) for entry in entries] == [(anna, "edit"), (bo, "approve")]
    with translation.override("en"):
        assert str(Explanation.from_json(entries[1].explanation)) == "4180 recipients"
    assert timeline(newsletter)[0].user is None


def test_an_entry_belongs_to_its_organisation(secretariat: Organisation, elsewhere: Organisation, item: Item) -> None:
    record(secretariat, None, "edit", item)
    assert AuditEntry.objects.for_organisation(secretariat).count() == 1
    assert AuditEntry.objects.for_organisation(elsewhere).count() == 0


def test_an_entry_outlives_the_user(secretariat: Organisation, anna: User, item: Item) -> None:
    record(secretariat, anna, "edit", item)
    anna.delete()
    assert timeline(item)[0].user is None
