"""What was asked of a platform about an unconfirmed post, and what it said: kept as events of the delivery.

They go with the delivery. Nothing is applied: what a look found out stands on the rows already.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.settings import platform_of
from publisher.errors import Explanation
from publisher.models import Account, Delivery, Event, PostPart
from publisher.platforms.contract import Missing, Published
from publisher.vocabulary import EventKind, EventSource

# The first says when it was handed over, and stays; of the others the latest.
MOST = 20
# Characters of what a platform said.
LENGTH = 300

HANDED_OVER = gettext_noop("Handed over to %(platform)s; answer: %(answer)s")
REPEATED = gettext_noop("Handed over to %(platform)s again with the same key; answer: %(answer)s")
LOOKED_FOR = gettext_noop("Opslag asked %(platform)s; answer: %(answer)s")
ASKED_FOR_OTHER = gettext_noop(
    "Opslag asked %(platform)s for the post of another send-out with the same words; answer: %(answer)s"
)
ANYBODYS = gettext_noop(
    "Another send-out of ours has the same words on %(platform)s, so nobody can say whose post that one is."
)
_IT_IS_AT, _IT_IS_THERE = gettext_noop("it is there, at %(address)s"), gettext_noop("it is there")
_MISSING, _NOT_FOUND = gettext_noop("not found; posts compared: %(number)s"), gettext_noop("not found")


def note_handed_over(delivery: Delivery, account: Account, part: PostPart) -> None:
    """The call whose answer was lost, once: what the row still says of it before a person decides."""
    words = _about(HANDED_OVER, account, Explanation.from_json(delivery.last_error))
    kept = Event.objects.filter(delivery=delivery, source=EventSource.LOOK)
    if not any(detail == words for detail in kept.values_list("detail", flat=True)):
        _keep(delivery, words, timezone.now() if kept.exists() else part.first_commit_at or timezone.now())


def note_answer(delivery: Delivery, account: Account, msgid: str, answer: Explanation) -> None:
    """A question, by one of the sentences above, and its answer."""
    _keep(delivery, _about(msgid, account, answer), timezone.now())


def of_search(found: Published | Missing | None) -> Explanation:
    """What a search found, in words."""
    if isinstance(found, Missing):
        return Explanation(_MISSING, {"number": found.among})
    if found is None:
        return Explanation(_NOT_FOUND)
    return Explanation(_IT_IS_AT, {"address": found.permalink}) if found.permalink else Explanation(_IT_IS_THERE)


def _about(msgid: str, account: Account, answer: Explanation) -> dict[str, Any]:
    return _short(Explanation(msgid, {"platform": str(platform_of(account).called), "answer": answer}).as_json())


def _short(words: dict[str, Any]) -> dict[str, Any]:
    """An Explanation's JSON as `Explanation.from_json` reads it back, with no value longer than LENGTH."""
    params = words["params"].items()
    return words | {"params": {k: _short(v) if isinstance(v, dict) else str(v)[:LENGTH] for k, v in params}}


def _keep(delivery: Delivery, words: dict[str, Any], at: datetime) -> None:
    kept = Event.objects.filter(delivery=delivery, source=EventSource.LOOK).order_by("at", "pk")
    beyond = list(kept.values_list("pk", flat=True))[1 : 2 - MOST]
    Event.objects.filter(pk__in=beyond).delete()
    Event.objects.create(
        delivery=delivery,
        source=EventSource.LOOK,
        event_id=uuid.uuid4().hex,
        kind=EventKind.LOOKED_FOR,
        at=at,
        detail=words,
        applied_at=timezone.now(),
    )
