"""New comments on our posts: what nobody here has looked at yet, saying so, and the mail a day about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.notices import notify_writers
from publisher.errors import Explanation
from publisher.models import Account, Message, Organisation, PostFigures
from publisher.track.figures import withdrawn
from publisher.vocabulary import NoticeKind

# The mail leaves at the first look after this wall time in the organisation's zone.
MAILED_AT = time(8)
# A mail names so many posts at most; the page shows them all.
NAMED = 20


@dataclass
class NewComments:
    """New comments on one post. `address`: where they are, "" if that is not known; `seen`: see `mark_seen`.

    `as_seen` is the same as a form sends it.
    """

    message: Message
    number: int = 0
    address: str = ""
    seen: dict[int, int] = field(default_factory=dict)

    @property
    def as_seen(self) -> list[str]:
        return [f"{pk}-{number}" for pk, number in self.seen.items()]


def unseen(organisation: Organisation) -> QuerySet[PostFigures]:
    """Public parts with more comments than staff have looked at."""
    rows = PostFigures.objects.filter(~withdrawn(), replies__gt=F("replies_seen"), gone_at=None)
    return rows.filter(account__organisation=organisation)


def new_comments(organisation: Organisation, account: Account | None = None) -> list[NewComments]:
    """By post, the latest first; those of one channel, if it is given."""
    rows = unseen(organisation) if account is None else unseen(organisation).filter(account=account)
    return _by_post(rows.annotate(number=F("replies") - F("replies_seen")))


def numbers_by_channel(organisation: Organisation) -> dict[int, int]:
    """How many new comments each channel has that has any, by its id."""
    new = Sum(F("replies") - F("replies_seen"))
    return dict(unseen(organisation).order_by().values_list("account").annotate(new=new))


def _by_post(rows: QuerySet[PostFigures]) -> list[NewComments]:
    """From rows with a `number` of new comments each."""
    found: dict[int, NewComments] = {}
    wanted = rows.select_related("part__delivery__message__campaign", "part__delivery__message__account")
    for row in wanted.order_by("-part__delivery__message__started_at", "part__delivery", "part__position"):
        post = found.setdefault(row.part.delivery_id, NewComments(row.part.delivery.message))
        post.number += row.number  # type: ignore[attr-defined]
        post.address = post.address or row.part.permalink
        post.seen[row.pk] = row.replies or 0
    return list(found.values())


def mark_seen(organisation: Organisation, seen: Mapping[int, int]) -> int:
    """Staff have looked at so many comments of each of these PostFigures; answers how many rows that changed.

    Those that came after the page was made stay new.
    """
    rows = unseen(organisation)
    return sum(
        PostFigures.objects.filter(pk__in=rows.filter(pk=pk), replies_seen__lt=number).update(
            replies_seen=Least(F("replies"), Value(number))
        )
        for pk, number in seen.items()
    )


def tell_daily(account: Account, wanted: bool, now: datetime) -> None:
    """Have a mail a day written about a channel's comments, from the next morning; or no more."""
    today = timezone.localtime(now, ZoneInfo(account.organisation.timezone)).date()
    rows = Account.objects.filter(pk=account.pk).exclude(tells_of_comments=wanted)
    rows.update(tells_of_comments=wanted, comments_mailed_on=today if wanted else None)


def tell_of_comments(now: datetime) -> int:
    """Write the day's mails, where they are wanted and were not written; answers for how many organisations."""
    wanting = Organisation.objects.filter(accounts__tells_of_comments=True).distinct().order_by("pk")
    return sum(_tell(organisation, now) for organisation in wanting)


def _tell(organisation: Organisation, now: datetime) -> bool:
    local = timezone.localtime(now, ZoneInfo(organisation.timezone))
    if local.time() < MAILED_AT:
        return False
    with transaction.atomic():
        wanting = Account.objects.filter(organisation=organisation, tells_of_comments=True)
        today = Q(comments_mailed_on__lt=local.date()) | Q(comments_mailed_on=None)
        # Locked together with the day: who comes second finds it mailed.
        accounts = list(wanting.filter(today).select_for_update().order_by("pk").values_list("pk", flat=True))
        Account.objects.filter(pk__in=accounts).update(comments_mailed_on=local.date())
        return bool(accounts) and _write(organisation, accounts)


def _write(organisation: Organisation, accounts: list[int]) -> bool:
    """The notices about what was neither looked at nor mailed before; false where there is nothing."""
    rows = unseen(organisation).filter(account__in=accounts, replies__gt=F("replies_mailed"))
    # What comes in from now on is for the next mail.
    locked = list(PostFigures.objects.filter(pk__in=rows).select_for_update().values_list("pk", flat=True))
    known = Greatest(F("replies_seen"), F("replies_mailed"))
    posts = _by_post(PostFigures.objects.filter(pk__in=locked).annotate(number=F("replies") - known))
    if not posts:
        return False
    PostFigures.objects.filter(pk__in=locked).update(replies_mailed=F("replies"))
    notify_writers(organisation, NoticeKind.COMMENTS, organisation, _words(posts))
    return True


def _words(posts: list[NewComments]) -> Explanation:
    named = [
        {
            "channel": str(post.message.account),
            "title": post.message.campaign.title,
            "number": post.number,
            "address": post.address,
        }
        for post in posts[:NAMED]
    ]
    values = {"number": sum(post.number for post in posts), "posts": named, "more": max(len(posts) - NAMED, 0)}
    return Explanation(gettext_noop("New comments on your posts: %(number)s"), values)
