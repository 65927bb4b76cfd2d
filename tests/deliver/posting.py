"""What the tests of posts share: a channel, a planned post, and something that happens while a call is under way."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from datetime import datetime

from django.utils import timezone
from PIL import Image

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.compose.post_pictures import give_pictures
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Delivery, DeliveryCount, Message, Organisation
from publisher.review.approval import approve
from publisher.schedule import dispatch
from publisher.vocabulary import Outlet
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Request, Response, in_process

UPLOAD = "POST /api/v2/media"
CREATE = "POST /api/v1/statuses"


def connected(organisation: Organisation, server: MastodonServer, kind: str = "mastodon") -> Account:
    """The organisation's channel on `server`, playing `kind`."""
    server.control({"kind": kind})
    values = {"server": "https://mastodon.example.org", "access_token": server.token}
    return connect_account(organisation, "mastodon", values)


def png() -> bytes:
    """A picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), "#205080").save(buffer, "PNG")
    return buffer.getvalue()


def scheduled(account: Account, at: datetime | None = None) -> Delivery:
    """An approved post with a picture, due at `at` (default: now)."""
    picture = store_picture(account.organisation, png(), alt="Et orkester øver")
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    message = Message.objects.create(
        campaign=campaign,
        outlet=Outlet.POST,
        account=account,
        text="Åben øvelse på Ærø – kom & hør",
        link="https://kultur.example.org/nyheder/oevelse",
    )
    give_pictures(message, [(picture, "Et orkester øver")])
    approve(campaign, None, scheduled_at=at or timezone.now())
    return Delivery.objects.get(message__campaign=campaign)


def begun(delivery: Delivery) -> Delivery:
    """The same, started at its instant."""
    assert dispatch.start(delivery.message_id, timezone.now())
    return delivery


def state(delivery: Delivery) -> tuple[str, str, str]:
    """Status, reason, and the step of its part."""
    delivery.refresh_from_db()
    return delivery.status, delivery.reason, delivery.parts.get().step


def counters(delivery: Delivery) -> dict[str, int]:
    """The live figures of its message."""
    found = DeliveryCount.objects.filter(message=delivery.message_id).values_list("status", "count")
    return {status: count for status, count in found if count}


@contextlib.contextmanager
def during(server: MastodonServer, call: str, happens: Callable[[], object]) -> Iterator[list[object]]:
    """While the server has the first `call` in hand, something else `happens`; gives what that answered."""
    answered: list[object] = []
    met: list[str] = []

    def handler(request: Request) -> Response:
        response = server(request)
        if f"{request.method} {request.path}" == call and not met:
            met.append(call)
            answered.append(happens())
        return response

    with http.use_transport(in_process(handler)):
        yield answered
    assert met, f"no {call}"
