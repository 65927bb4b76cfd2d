"""The reckoning of `make chaos-social`: what everybody sees on the platforms against what our rows say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from publisher.compose.social import abilities_of
from publisher.deliver.reconcile import LOOKS_S
from publisher.models import Delivery
from publisher.vocabulary import PUBLIC_STEPS, DeliveryStatus, PartStep
from tests.chaos.planned_posts import Planned
from tests.chaos.platforms_served import Platforms

MUST_BE_NOUGHT = (
    *("public_twice", "lost", "public_unknown", "published_not_public", "public_not_published"),
    *("uncertain_unexplained", "uncertain_findable", "published_early"),
)
# Clocks are the same here; what is stored is stored before the call.
SAME_S = 0.001


class Progress(NamedTuple):
    """How many posts have `ended`: nobody but a person will do anything about them; and `looks` at the others."""

    ended: int
    looks: int


def progress(planned: Sequence[Planned]) -> Progress:
    """How far it has come."""
    rows = Delivery.objects.filter(pk__in=[post.delivery_id for post in planned])
    ended = rows.filter(status__in=(DeliveryStatus.SENT, DeliveryStatus.FAILED)).count()
    looks = list(rows.filter(status=DeliveryStatus.UNCERTAIN).values_list("strikes", flat=True))
    return Progress(ended + sum(number > len(LOOKS_S) for number in looks), sum(looks))


def against_the_platforms(planned: Sequence[Planned], platforms: Platforms, before: set[str]) -> dict[str, Any]:
    """Every figure, `MUST_BE_NOUGHT` among them. `before`: other marks that are public. Call it when no worker runs."""
    public, first_asked = platforms.public(), platforms.first_asked()
    rows = Delivery.objects.select_related("account__organisation").prefetch_related("parts").in_bulk(
        [post.delivery_id for post in planned]
    )  # fmt: skip
    known = {mark for post in planned for mark in post.marks}
    found = Counter(dict.fromkeys((*MUST_BE_NOUGHT, "uncertain_public"), 0))
    found["public_unknown"] = len(set(public) - known - before)
    found["public_twice"] = sum(count > 1 for count in public.values())
    by_status: Counter[str] = Counter()
    for post in planned:
        delivery = rows[post.delivery_id]
        by_status[delivery.status] += 1
        faults = [*_faults_of(delivery, post, public)]
        if delivery.status == DeliveryStatus.UNCERTAIN:
            faults += _about_uncertain(delivery, post, public, first_asked)
        found.update(faults)
        if set(faults) & set(MUST_BE_NOUGHT):
            print(_described(delivery, post, faults), flush=True)
        found["published_early"] += first_asked.get(post.marks[0], float("inf")) < post.due.timestamp()
    words = {"sent": "published", "failed": "failed", "uncertain": "uncertain"}
    ended = {word: by_status.pop(status, 0) for status, word in words.items()}
    found["lost"] = len(planned) - sum(ended.values())
    return {"posts": len(planned), **ended, **found, "not_ended": dict(by_status)}


def _faults_of(delivery: Delivery, post: Planned, public: Counter[str]) -> Iterable[str]:
    """Where a row and the world disagree, part by part."""
    for part, mark in zip(delivery.parts.all(), post.marks, strict=True):
        if part.step in PUBLIC_STEPS and not public[mark]:
            yield "published_not_public"
        if part.step not in PUBLIC_STEPS and part.step != PartStep.COMMITTING and public[mark]:
            yield "public_not_published"
        if delivery.status == DeliveryStatus.SENT and part.step not in PUBLIC_STEPS:
            yield "published_not_public"


def _about_uncertain(
    delivery: Delivery, post: Planned, public: Counter[str], first_asked: dict[str, float]
) -> Iterable[str]:
    """Whether the row says what was asked, when, and what came of it; and whether looking could have told."""
    asked = [(part, mark) for part, mark in zip(delivery.parts.all(), post.marks, strict=True)
             if part.step == PartStep.COMMITTING]  # fmt: skip
    said = bool(delivery.reason and delivery.last_error.get("msgid") and delivery.first_started_at)
    told = [(part, mark) for part, mark in asked
            if part.key and mark in part.text and part.first_commit_at is not None
            and part.first_commit_at.timestamp() <= first_asked.get(mark, float("inf")) + SAME_S]  # fmt: skip
    if not said or len(told) != 1 or len(asked) != 1:
        yield "uncertain_unexplained"
    if any(public[mark] for _part, mark in asked):
        yield "uncertain_public"
        assert delivery.account is not None
        if abilities_of(delivery.account).finds:
            yield "uncertain_findable"


def _described(delivery: Delivery, post: Planned, faults: Iterable[str]) -> str:
    """For whoever has to find out."""
    steps = [f"{part.step} since {part.first_commit_at}" for part in delivery.parts.all()]
    row = f"{delivery.status} {delivery.reason} {delivery.strikes} {delivery.first_started_at} {delivery.last_error}"
    return f"{', '.join(faults)}: {post.marks[0]} on {delivery.account}, {row}, {steps}"
