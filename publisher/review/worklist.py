"""What a member of staff looks at: what needs a person, what goes out next, what went out lately, the send-outs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from publisher.accounts.alerts import ending
from publisher.accounts.lasting import days_left
from publisher.compose.renewing import NEWER, changed_news, withdrawn_news
from publisher.items.quarantine import held_in
from publisher.models import (
    Account,
    Campaign,
    CampaignItem,
    InboundMail,
    Item,
    Message,
    Operation,
    Organisation,
    Rule,
    Source,
)
from publisher.review.photo_consent import posts_to_delete
from publisher.vocabulary import (
    PUBLIC_STEPS,
    AccountStatus,
    CampaignStatus,
    DeliveryStatus,
    HoldReason,
    InboundStatus,
    MessageStatus,
    OperationStatus,
    Outlet,
    SourceStatus,
)

# A post that failed longer ago than this has been seen.
FAILED_LATELY = timedelta(days=14)
ON_THE_WAY = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.PAUSED)
_CHANGED, _WITHDRAWN = "changed", "withdrawn"
_AHEAD_OF_IT = (MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)
_OPEN = (*ON_THE_WAY, MessageStatus.HELD)
# What a row of a list shows, in a fixed number of queries.
_SHOWN = ("messages__newsletter", "messages__account", "messages__counts", "chosen__item__picture")


@dataclass(frozen=True)
class Worklist:
    """What needs a person; `replies`: how many ask to unsubscribe; `to_delete`: how many public posts have a
    withdrawn picture.

    `expiring`: channels that must be connected again soon, each with `days`, in how many.
    `changed`: approved campaigns whose news says something else by now. `asking`: of what is to be approved, the ids
    where the news itself asks, "changed" or "withdrawn". `held_news`: items in quarantine. Messages in `unconfirmed`
    and `failed_posts` carry `number`: how many deliveries; those in `held` carry `alike`: all of one campaign that are
    held for the same withdrawn news. `sources`: those that have not worked for a day, of which staff were told.
    `changes`: posts that could not be corrected or taken down; `waiting_changes`: those that wait for it until their
    channel is connected again.
    """

    to_approve: list[Campaign]
    held: list[Message]
    changed: list[Campaign]
    asking: dict[int, str]
    unconfirmed: list[Message]
    failed_posts: list[Message]
    accounts: list[Account]
    sources: list[Source]
    rules: list[Rule]
    replies: int = 0
    to_delete: int = 0
    expiring: list[Account] = field(default_factory=list)
    held_news: list[Item] = field(default_factory=list)
    changes: list[Message] = field(default_factory=list)
    waiting_changes: list[Message] = field(default_factory=list)

    def __len__(self) -> int:
        parts = (self.to_approve, self.held, self.changed, self.unconfirmed, self.failed_posts, self.accounts)
        more = (self.sources, self.rules, self.expiring, self.changes, self.waiting_changes)
        in_one_row = (self.replies, self.to_delete, self.held_news)
        return sum(len(part) for part in (*parts, *more)) + sum(map(bool, in_one_row))


def worklist(organisation: Organisation) -> Worklist:
    """Everything in the organisation that waits for a person, oldest first."""
    lately = timezone.now() - FAILED_LATELY
    failed = _with(organisation, DeliveryStatus.FAILED).filter(
        outlet=Outlet.POST, finished_at__gte=lately, withdrawn_at=None
    )
    asking, to_be_changed = _asking(organisation), list(_to_be_changed(organisation))
    return Worklist(
        to_approve=list(_shown(organisation).filter(status=CampaignStatus.IN_REVIEW).order_by("created_at")),
        held=_held(organisation),
        changed=[each for each, why in asking if each.status == CampaignStatus.APPROVED and why == _CHANGED],
        asking={each.pk: why for each, why in asking},
        unconfirmed=list(_with(organisation, DeliveryStatus.UNCERTAIN)),
        failed_posts=list(failed),
        accounts=list(
            Account.objects.for_organisation(organisation).filter(status=AccountStatus.NEEDS_RECONNECT).order_by("name")
        ),
        sources=list(_failing(organisation)),
        rules=list(
            Rule.objects.for_organisation(organisation).filter(active=True, held_at__isnull=False).order_by("name")
        ),
        replies=InboundMail.objects.for_organisation(organisation).filter(status=InboundStatus.NEEDS_PERSON).count(),
        to_delete=posts_to_delete(organisation).order_by().values("message").distinct().count(),
        expiring=expiring(organisation),
        held_news=list(held_in(organisation).only("title", "held_why", "organisation")),
        changes=[post for post in to_be_changed if post.not_changed],  # type: ignore[attr-defined]
        waiting_changes=[post for post in to_be_changed if not post.not_changed],  # type: ignore[attr-defined]
    )


def expiring(organisation: Organisation) -> list[Account]:
    """Channels that must be connected again within a fortnight, the first to end first; `days`: in how many."""
    now, found = timezone.now(), []
    for account in ending(now).filter(organisation=organisation).order_by("lasts_until", "pk"):
        days = days_left(account, now)
        if days is not None:
            account.days = days  # type: ignore[attr-defined]
            found.append(account)
    return found


def _asking(organisation: Organisation) -> list[tuple[Campaign, str]]:
    """What is to be approved, or is approved and still waits, whose news changed or was withdrawn since it was written;
    the gravest for each."""
    waiting = Message.objects.filter(campaign=OuterRef("pk"), status__in=_AHEAD_OF_IT)
    open_ones = Q(status=CampaignStatus.IN_REVIEW) | Q(Exists(waiting), status=CampaignStatus.APPROVED)
    other = CampaignItem.objects.filter(NEWER | Q(item__withdrawn_at__isnull=False), campaign=OuterRef("pk"))
    found = []
    for campaign in _shown(organisation).filter(open_ones, Exists(other)):
        if withdrawn_news(campaign):
            found.append((campaign, _WITHDRAWN))
        elif changed_news(campaign):
            found.append((campaign, _CHANGED))
    return found


def _held(organisation: Organisation) -> list[Message]:
    """Held messages; of those that wait for one answer about withdrawn news the first, with the others on it."""
    found: dict[tuple[int, int], Message] = {}
    for message in _messages(organisation).filter(status=MessageStatus.HELD).order_by("scheduled_at", "pk"):
        one_answer = message.hold_reason == HoldReason.WITHDRAWN
        first = found.setdefault((message.campaign_id, 0 if one_answer else message.pk), message)
        vars(first).setdefault("alike", []).append(message)
    return list(found.values())


def _to_be_changed(organisation: Organisation) -> QuerySet[Message]:
    """Posts that should have been corrected or taken down by now; with `not_changed` it failed, or nobody knows.

    The others wait for their channel, which must be connected first.
    """
    asked = Operation.objects.filter(part__delivery__message=OuterRef("pk"))
    waits = asked.filter(status=OperationStatus.PENDING, part__step__in=PUBLIC_STEPS)
    posts = _messages(organisation).annotate(
        not_changed=Exists(asked.filter(status__in=(OperationStatus.FAILED, OperationStatus.UNCERTAIN))),
        waits=Exists(waits.exclude(part__delivery__account__status=AccountStatus.CONNECTED)),
    )
    wanted = posts.filter(Q(corrected_at__isnull=False) | Q(withdrawn_at__isnull=False), outlet=Outlet.POST)
    return wanted.filter(Q(not_changed=True) | Q(waits=True)).order_by("pk")


def _failing(organisation: Organisation) -> QuerySet[Source]:
    found = Source.objects.for_organisation(organisation).defer("credentials", "state")
    failing = Q(status=SourceStatus.BROKEN) | Q(status=SourceStatus.ACTIVE, told_at__isnull=False)
    return found.filter(failing).order_by("name", "pk")


def _messages(organisation: Organisation) -> QuerySet[Message]:
    return Message.objects.for_organisation(organisation).select_related("campaign", "newsletter", "account")


def _with(organisation: Organisation, status: DeliveryStatus) -> QuerySet[Message]:
    """Messages with deliveries in `status`, as the live figures have it."""
    number = Sum("counts__count", filter=Q(counts__status=status))
    return _messages(organisation).annotate(number=number).filter(number__gt=0).order_by("scheduled_at", "pk")


def _shown(organisation: Organisation) -> QuerySet[Campaign]:
    found = Campaign.objects.for_organisation(organisation).select_related("created_by", "rule")
    return found.prefetch_related(*_SHOWN)


def upcoming(organisation: Organisation, limit: int) -> list[Campaign]:
    """The next approved campaigns with something on its way, what is being sent first; `next_at` is the instant."""
    on_the_way = Q(messages__status__in=ON_THE_WAY)
    found = _shown(organisation).filter(status=CampaignStatus.APPROVED)
    return list(
        found.annotate(next_at=Min("messages__scheduled_at", filter=on_the_way))
        .filter(next_at__isnull=False)
        .order_by("next_at", "pk")[:limit]
    )


def lately(organisation: Organisation, limit: int) -> list[Campaign]:
    """The campaigns that went out last, with nothing of them still open; `last_at` is when they were done."""
    moving = Message.objects.filter(campaign=OuterRef("pk"), status__in=_OPEN)
    found = _shown(organisation).filter(~Exists(moving), status=CampaignStatus.APPROVED)
    return list(
        found.annotate(last_at=Max("messages__finished_at"))
        .filter(last_at__isnull=False)
        .order_by("-last_at", "-pk")[:limit]
    )


def drafts(organisation: Organisation, limit: int) -> list[Campaign]:
    """The latest drafts."""
    return list(listed(organisation, "drafts")[:limit])


# The views of the list of send-outs; each campaign that was not cancelled is in at least one of the first four.
_BEGUN = Message.objects.filter(campaign=OuterRef("pk"), status__in=(MessageStatus.SENDING, MessageStatus.FINISHED))
_AHEAD = Message.objects.filter(
    campaign=OuterRef("pk"), status__in=(MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)
)
VIEWS: dict[str, Q] = {
    "drafts": Q(status=CampaignStatus.DRAFT),
    "review": Q(status=CampaignStatus.IN_REVIEW),
    "planned": Q(status=CampaignStatus.APPROVED) & Q(Exists(_AHEAD)),
    "sent": Q(status=CampaignStatus.APPROVED) & Q(Exists(_BEGUN)),
    "all": Q(),
}


def listed(organisation: Organisation, view: str) -> QuerySet[Campaign]:
    """One view of the list (a key of VIEWS): what is planned soonest first, everything else latest first."""
    found = _shown(organisation).filter(VIEWS[view])
    if view == "planned":
        soonest = Min("messages__scheduled_at", filter=Q(messages__status__in=_OPEN))
        return found.annotate(next_at=soonest).order_by("next_at", "pk")
    return found.order_by(Coalesce("scheduled_at", "created_at").desc(), "-pk")


def numbers(organisation: Organisation) -> dict[str, int]:
    """How many campaigns each of the views has that wait for something."""
    counted = {view: Count("pk", filter=VIEWS[view]) for view in ("drafts", "review", "planned")}
    return dict(Campaign.objects.for_organisation(organisation).aggregate(**counted))


def used_in(organisation: Organisation, item_id: int) -> QuerySet[Campaign]:
    """Where an item was used, latest first."""
    return _shown(organisation).filter(chosen__item=item_id).order_by("-created_at")
