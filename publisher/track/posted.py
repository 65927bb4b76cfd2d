"""What our posts have got, for the pages that show it: figures of a post's parts taken together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from publisher.models import Account, Message, Operation, PostFigures, PostPart
from publisher.platforms.abilities import FIGURES
from publisher.vocabulary import PUBLIC_STEPS, OperationKind, OperationStatus, Outlet


@dataclass(frozen=True)
class Posted:
    """A public post. `figures`: by the names of FIGURES, None where nobody told; `read_at`: when they were read last.

    Of a thread likes, reposts and replies are those of all its posts, and views those of the first, which most people
    see. `found`: whether it is known where the post is; `withdrawn`: we took it down; `gone`: it is no longer there;
    `next_at`: when the platform is asked again; `error`: an Explanation's JSON, why the last question had no answer.
    """

    message: Message
    address: str = ""
    figures: Mapping[str, int | None] = field(default_factory=dict)
    read_at: datetime | None = None
    next_at: datetime | None = None
    found: bool = True
    withdrawn: bool = False
    gone: bool = False
    error: Mapping[str, Any] = field(default_factory=dict)


def posted(messages: Iterable[Message]) -> list[Posted]:
    """Those of the messages that are public posts, in their order, by two questions."""
    wanted = {message.pk: message for message in messages if message.outlet == Outlet.POST}
    parts = PostPart.objects.filter(delivery__message__in=wanted, step__in=PUBLIC_STEPS).select_related(
        "delivery", "figures"
    )
    by_message: dict[int, list[PostPart]] = {}
    for part in parts.order_by("delivery", "position"):
        by_message.setdefault(part.delivery.message_id, []).append(part)
    taken_down = Operation.objects.filter(kind=OperationKind.DELETE, status=OperationStatus.DONE)
    down = set(taken_down.filter(part__delivery__message__in=wanted).values_list("part", flat=True))
    return [_of(wanted[pk], by_message[pk], down) for pk in wanted if pk in by_message]


def lately_posted(account: Account, limit: int) -> list[Posted]:
    """The public ones among a channel's last posts, the latest first."""
    begun = Message.objects.filter(account=account, started_at__isnull=False)
    return posted(begun.select_related("campaign", "account").order_by("-started_at", "-pk")[:limit])


def _of(message: Message, parts: Sequence[PostPart], down: set[int]) -> Posted:
    first = parts[0]
    rows = [part.figures for part in parts if hasattr(part, "figures")]
    of_first = first.figures if hasattr(first, "figures") else None
    return Posted(
        message=message,
        address=next((part.permalink for part in parts if part.permalink), ""),
        figures={name: _together(name, rows, of_first) for name in FIGURES},
        read_at=max((row.read_at for row in rows if row.read_at), default=None),
        next_at=min((row.next_at for row in rows if row.next_at), default=None),
        found=bool(first.remote_id),
        withdrawn=first.pk in down,
        gone=of_first is not None and of_first.gone_at is not None,
        error=of_first.last_error if of_first is not None else {},
    )


def _together(name: str, rows: Sequence[PostFigures], of_first: PostFigures | None) -> int | None:
    if name == "views":
        return of_first.views if of_first is not None else None
    told = [value for row in rows if (value := getattr(row, name)) is not None]
    return sum(told) if told else None
