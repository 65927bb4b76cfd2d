"""Threads of which a part is in doubt, for tests: its answer was lost, and nothing of the thread waits any more."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from publisher import http
from publisher.deliver import finish, post
from publisher.models import Account, Campaign, Delivery, Message
from publisher.review.approval import approve
from tests.contract.faults import begins_as
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import Request, Response, in_process
from tests.deliver.posting import CREATE, begun

TEXTS = ("Åben øvelse på Ærø – kom og hør", "For det andet: tag madkurv med", "For det tredje: der er gratis adgang")


def thread(account: Account, *texts: str) -> Delivery:
    """An approved thread, begun."""
    campaign = Campaign.objects.create(organisation=account.organisation, title="Åben øvelse")
    first, *others = texts or TEXTS
    Message.objects.create(campaign=campaign, outlet="post", account=account, text=first, follow_ups=others)
    approve(campaign, None, scheduled_at=timezone.now())
    return begun(Delivery.objects.get(message__campaign=campaign))


def lost(account: Account, server: Any, *, after: int = 0) -> Delivery:
    """A thread whose answer was lost at the part after `after` others; nothing of it waits, so it is finished."""
    delivery, calls = thread(account), itertools.count()
    create = getattr(server, "create", CREATE)

    def handler(request: Request) -> Response:
        if begins_as(f"{request.method} {request.path}", create) and next(calls) == after:
            server.faults.set("commit_then_drop")
        return server(request)  # type: ignore[no-any-return]

    with http.use_transport(in_process(handler)):
        assert post.publish(delivery.pk) == "uncertain"
    assert finish.finish(delivery.message_id, timezone.now())
    return read(delivery)


def read(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("message__campaign__organisation", "account").get(pk=delivery.pk)


def address_of(server: MastodonServer, number: int) -> str:
    found = server.posts()[number]
    return f"https://mastodon.example.org/@{found.account.username}/{found.status_id}"
