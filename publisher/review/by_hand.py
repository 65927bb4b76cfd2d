"""What of a post only a person can take down, on its platform itself: found, told by mail, and kept until it is done.

It is an Operation that failed without being tried; one that was tried in vain is treated alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_approvers
from publisher.accounts.settings import platform_of
from publisher.compose.social import abilities_of
from publisher.errors import Explanation
from publisher.models import Message, Operation, PostPart
from publisher.vocabulary import PUBLIC_STEPS, DeliveryStatus, NoticeKind, OperationKind, OperationStatus

# What failed, or of which nobody knows: a person settles it.
NEEDS_PERSON = (OperationStatus.FAILED, OperationStatus.UNCERTAIN)
# Operations of what is public, or of which that is not known yet; what never became public needs no change.
PUBLIC_OR_MAYBE = Q(part__step__in=PUBLIC_STEPS) | Q(
    part__delivery__status__in=(DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN)
)
_SETTLED = (OperationStatus.DONE, OperationStatus.CANCELLED)
_NOT_BY_US = gettext_noop("%(platform)s lets no program delete the post. Delete it there yourself.")
NO_PLACE = gettext_noop("Opslag does not know where the post is. Find it on the channel, and delete it there.")
_NOT_DOWN = gettext_noop(
    "“%(title)s” is still public on %(channel)s: %(why)s When it is gone, say so on the send-out's page. %(where)s"
)
_MAYBE_DOWN = gettext_noop(
    "“%(title)s” should be gone from %(channel)s, but nobody knows whether it is: %(why)s Look at it, delete it if it "
    "is there, and say so on the send-out's page. %(where)s"
)
_NOT_CORRECTED = gettext_noop(
    "“%(title)s” has the old words on %(channel)s, or nobody knows whether it has: %(why)s Look at it, correct it "
    "there if need be, and say so on the send-out's page. %(where)s"
)
_WHERE = gettext_noop("The post: %(address)s")


def why_by_hand(part: PostPart) -> Explanation | None:
    """Why nobody but a person can take a public part down; None where its channel lets us."""
    account = part.delivery.account
    if account is None or not part.remote_id:
        return Explanation(NO_PLACE)
    if not abilities_of(account).deletes:
        return Explanation(_NOT_BY_US, {"platform": str(platform_of(account).called)})
    return None


def still_public(messages: Iterable[Message] | QuerySet[Message]) -> QuerySet[Operation]:
    """What was asked to be taken down of some messages, and is not yet, or nobody knows; in the order of its parts."""
    rows = Operation.objects.filter(PUBLIC_OR_MAYBE, kind=OperationKind.DELETE).exclude(status__in=_SETTLED)
    wanted = rows.filter(part__delivery__message__in=messages).select_related("part__delivery__account")
    return wanted.order_by("part__delivery", "part__position", "pk")


def tell(operation: Operation) -> None:
    """One mail to each who approves; none more for other parts of the same post."""
    delivery = operation.part.delivery
    others = Operation.objects.filter(part__delivery=delivery, kind=operation.kind, status__in=NEEDS_PERSON)
    if others.exclude(pk=operation.pk).exists():
        return
    campaign = delivery.message.campaign
    address = delivery.parts.exclude(permalink="").order_by("position").values_list("permalink", flat=True).first()
    values = {
        "title": campaign.title,
        "channel": str(delivery.account),
        "why": Explanation.from_json(operation.last_error),
        "where": Explanation(_WHERE, {"address": address}) if address else "",
    }
    msgid = _NOT_CORRECTED
    if operation.kind == OperationKind.DELETE:
        msgid = _NOT_DOWN if operation.status == OperationStatus.FAILED else _MAYBE_DOWN
    notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, Explanation(msgid, values))
