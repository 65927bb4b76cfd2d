"""Posts as staff plan them, for chaos and benchmarks: of every shape that a channel takes, each public call marked."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from PIL import Image

from publisher.compose.post_pictures import give_pictures
from publisher.compose.social import abilities_of
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Delivery, Message, Organisation, Picture
from publisher.platforms.abilities import FollowUp
from publisher.review.approval import approve
from publisher.vocabulary import Outlet

ALT = "Et orkester øver i gården"
# Of so many posts on a channel one has a picture where it need not, one an album, and one is followed by something.
EVERY = 4
ALBUM = 3


class Planned(NamedTuple):
    """A logical post: its delivery, when it is due, and the marks of its public calls in order."""

    delivery_id: int
    due: datetime
    marks: tuple[str, ...]


def new_organisation() -> Organisation:
    """Whose channels they are."""
    return Organisation.objects.create(name="Kulturfællesskabet", slug="kultur", email="kontor@kultur.example.org")


def plan_posts(
    accounts: Sequence[Account], numbers: range, due: Callable[[int], datetime], *, plain: bool = False
) -> list[Planned]:
    """Approve a post for each of `numbers`, over all `accounts` in turn; with `plain` none is followed by anything."""
    album = [_picture(accounts[0].organisation, place) for place in range(ALBUM)]
    planned = []
    for place, number in enumerate(numbers):
        account, turn = accounts[place % len(accounts)], place // len(accounts)
        follows = 0 if plain or turn % EVERY else _follow_ups(account)
        shown = {1: 1, 2: ALBUM}.get(turn % EVERY, int(abilities_of(account).needs_picture))
        planned.append(_plan(account, number, due(place), follows, album[:shown]))
    return planned


def _follow_ups(account: Account) -> int:
    return {FollowUp.NONE: 0, FollowUp.COMMENT: 1, FollowUp.THREAD: 2}[abilities_of(account).follow_up]


def _plan(account: Account, number: int, due: datetime, follows: int, pictures: Sequence[Picture]) -> Planned:
    campaign = Campaign.objects.create(organisation=account.organisation, title=f"Åben øvelse {number}")
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        text=f"Nr{number}x0 – åben øvelse på Ærø: kom & hør! 🎻",
        follow_ups=[f"Nr{number}x{place} – og mere om øvelsen." for place in range(1, follows + 1)],
        link=f"https://kultur.example.org/nyheder/{number}",
    )
    give_pictures(message, [(picture, ALT) for picture in pictures])
    approve(campaign, None, scheduled_at=due)
    delivery_id = Delivery.objects.values_list("pk", flat=True).get(message__campaign=campaign)
    return Planned(delivery_id, due, tuple(f"Nr{number}x{place}" for place in range(follows + 1)))


def _picture(organisation: Organisation, number: int) -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (32, 80 + number, 128)).save(buffer, "PNG")
    return store_picture(organisation, buffer.getvalue(), alt=ALT)
